"""Mistakes that models make, made on purpose, at a chosen rate and the same every time."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Lines = Mapping[int, str]
Spans = dict[str, Any]

KINDS = ("wrong_digit", "neighbouring_amount", "swapped_dates", "invented", "missing", "dropped_line", "merged_lines")
_AMOUNTS = ("net_total", "tax_total", "gross_total", "amount_due")
_NUMBER = re.compile(r"(?<![\d.,])\d[\d.,]*[.,]\d{2}(?!\d)")


@dataclass
class Mistakes:
    """Each field is spoilt with probability `rate` by one of `kinds`; `made` tells what was done: (kind, field)."""

    rate: float
    kinds: Sequence[str] = KINDS
    seed: int = 1
    made: list[tuple[str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)

    def spoil(self, answer: Spans, lines: Lines) -> Spans:
        spoilt = dict(answer)
        for name in list(answer):
            if answer[name] and self._random.random() < self.rate:
                fitting = [kind for kind in self.kinds if _fits(kind, name, answer)]
                if fitting:
                    kind = self._random.choice(fitting)
                    before = spoilt[name]
                    _PLAYS[kind](self, spoilt, name, lines)
                    if spoilt[name] != before:
                        self.made.append((kind, name))
        return spoilt

    def _wrong_digit(self, answer: Spans, name: str, lines: Lines) -> None:
        text = answer[name]["text"]
        places = [index for index, char in enumerate(text) if char.isdigit()]
        at = self._random.choice(places)
        other = self._random.choice([digit for digit in "0123456789" if digit != text[at]])
        answer[name] = answer[name] | {"text": text[:at] + other + text[at + 1 :]}

    def _neighbouring_amount(self, answer: Spans, name: str, lines: Lines) -> None:
        own = answer[name]["text"]
        others = [
            {"text": found, "line": number}
            for number, text in lines.items()
            for found in _NUMBER.findall(text)
            if found != own
        ]
        if others:
            answer[name] = min(others, key=lambda span: abs(span["line"] - answer[name]["line"]))

    def _swapped_dates(self, answer: Spans, name: str, lines: Lines) -> None:
        answer["issue_date"], answer["due_date"] = answer["due_date"], answer["issue_date"]

    def _invented(self, answer: Spans, name: str, lines: Lines) -> None:
        made_up = "9.876.543,21" if name in _AMOUNTS else "31.12.2031" if name.endswith("_date") else "ZZ-000-INVENTED"
        answer[name] = {"text": made_up, "line": self._random.choice(list(lines))}

    def _missing(self, answer: Spans, name: str, lines: Lines) -> None:
        answer[name] = [] if isinstance(answer[name], list) else None

    def _dropped_line(self, answer: Spans, name: str, lines: Lines) -> None:
        items = list(answer["line_items"])
        del items[self._random.randrange(len(items))]
        answer["line_items"] = items

    def _merged_lines(self, answer: Spans, name: str, lines: Lines) -> None:
        items = list(answer["line_items"])
        at = self._random.randrange(len(items) - 1)
        joined = items[at] | {"description": items[at]["description"] + items[at + 1]["description"]}
        answer["line_items"] = [*items[:at], joined, *items[at + 2 :]]


_PLAYS: Mapping[str, Callable[[Mistakes, Spans, str, Lines], None]] = {
    "wrong_digit": Mistakes._wrong_digit,
    "neighbouring_amount": Mistakes._neighbouring_amount,
    "swapped_dates": Mistakes._swapped_dates,
    "invented": Mistakes._invented,
    "missing": Mistakes._missing,
    "dropped_line": Mistakes._dropped_line,
    "merged_lines": Mistakes._merged_lines,
}


def _fits(kind: str, name: str, answer: Spans) -> bool:
    span = answer[name]
    if kind in ("dropped_line", "merged_lines"):
        return name == "line_items" and len(span) > 1
    if name in ("line_items", "tax_breakdown"):
        return kind == "missing"
    if kind == "swapped_dates":
        return name == "issue_date" and bool(answer.get("due_date"))
    if kind == "neighbouring_amount":
        return name in _AMOUNTS
    if kind == "wrong_digit":
        return isinstance(span, dict) and any(char.isdigit() for char in span["text"])
    if kind == "invented":
        return isinstance(span, dict)
    return True
