"""Mistakes that models make, made on purpose, at a chosen rate and the same every time."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cira_pipeline.extraction.azure_openai.vocabulary import LINES, STANDARD
from cira_pipeline.fields import FieldKind

Lines = Mapping[int, str]
Answer = Mapping[str, Any]
Parts = dict[str, list[dict[str, Any]]]
"""The spans of each header field and the rows of each table, by name."""

KINDS = (
    "wrong_digit",
    "neighbouring_amount",
    "swapped_dates",
    "invented",
    "missing",
    "named_twice",
    "wrong_cell",
    "dropped_line",
    "merged_lines",
)
_NUMBER = re.compile(r"(?<![\d.,])\d[\d.,]*[.,]\d{2}(?!\d)")


@dataclass
class Mistakes:
    """Each field is spoilt with probability `rate` by one of `kinds`; `made` tells what was done: (kind, field).

    A table counts as one field.
    """

    rate: float
    kinds: Sequence[str] = KINDS
    seed: int = 1
    made: list[tuple[str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)

    def spoil(self, answer: Answer, lines: Lines) -> dict[str, Any]:
        parts = parts_of(answer)
        for name in list(parts):
            if parts.get(name) and self._random.random() < self.rate:
                fitting = [kind for kind in self.kinds if _fits(kind, name, parts)]
                if fitting:
                    kind = self._random.choice(fitting)
                    before = parts[name]
                    _PLAYS[kind](self, parts, name, lines)
                    if parts[name] != before:
                        self.made.append((kind, name))
        return answer_of(parts)

    def _wrong_digit(self, parts: Parts, name: str, lines: Lines) -> None:
        parts[name] = [self._with_wrong_digit(parts[name][0]), *parts[name][1:]]

    def _neighbouring_amount(self, parts: Parts, name: str, lines: Lines) -> None:
        own = parts[name][0]
        others = [
            own | {"text": found, "line": number}
            for number, text in lines.items()
            for found in _NUMBER.findall(text)
            if found != own["text"]
        ]
        if others:
            parts[name] = [min(others, key=lambda span: abs(span["line"] - own["line"]))]

    def _swapped_dates(self, parts: Parts, name: str, lines: Lines) -> None:
        issued, due = parts["issue_date"], parts["due_date"]
        parts["issue_date"] = [span | {"field": "issue_date"} for span in due]
        parts["due_date"] = [span | {"field": "due_date"} for span in issued]

    def _invented(self, parts: Parts, name: str, lines: Lines) -> None:
        kind = STANDARD.header[name].kind
        texts = {FieldKind.AMOUNT: "9.876.543,21", FieldKind.DATE: "31.12.2031"}
        made_up = {"text": texts.get(kind, "ZZ-000-INVENTED"), "line": self._random.choice(list(lines))}
        parts[name] = [parts[name][0] | made_up]

    def _missing(self, parts: Parts, name: str, lines: Lines) -> None:
        parts[name] = []

    def _named_twice(self, parts: Parts, name: str, lines: Lines) -> None:
        """The same name with another text of the document: only one of the two can be right."""
        own = parts[name][0]
        parts[name] = [own, own | {"text": self._other_word(own["text"], lines), "line": own["line"]}]

    def _wrong_cell(self, parts: Parts, name: str, lines: Lines) -> None:
        rows = [row | {"cells": list(row["cells"])} for row in parts[name]]
        cells = [(row, index) for row in rows for index, cell in enumerate(row["cells"]) if _digits(cell["text"])]
        row, index = self._random.choice(cells)
        row["cells"][index] = self._with_wrong_digit(row["cells"][index])
        parts[name] = rows

    def _dropped_line(self, parts: Parts, name: str, lines: Lines) -> None:
        rows = list(parts[name])
        del rows[self._random.randrange(len(rows))]
        parts[name] = rows

    def _merged_lines(self, parts: Parts, name: str, lines: Lines) -> None:
        rows = parts[name]
        at = self._random.randrange(len(rows) - 1)
        described = [cell for cell in rows[at + 1]["cells"] if cell["column"] == "description"]
        parts[name] = [*rows[:at], rows[at] | {"cells": [*rows[at]["cells"], *described]}, *rows[at + 2 :]]

    def _with_wrong_digit(self, span: dict[str, Any]) -> dict[str, Any]:
        text = span["text"]
        at = self._random.choice(_digits(text))
        other = self._random.choice([digit for digit in "0123456789" if digit != text[at]])
        return span | {"text": text[:at] + other + text[at + 1 :]}

    def _other_word(self, own: str, lines: Lines) -> str:
        words = sorted({word for text in lines.values() for word in text.split() if _digits(word) and word not in own})
        return self._random.choice(words or ["0"])


def parts_of(answer: Answer) -> Parts:
    """The parts of an answer in the form that the model gives."""
    parts: Parts = {}
    for span in answer["fields"]:
        parts.setdefault(span["field"], []).append(span)
    for row in answer["rows"]:
        parts.setdefault(row["table"], []).append(row)
    return parts


def answer_of(parts: Parts) -> dict[str, Any]:
    """The answer with these parts."""
    fields = [span for name, spans in parts.items() if name not in STANDARD.tables for span in spans]
    return {"fields": fields, "rows": [row for name in STANDARD.tables for row in parts.get(name, ())]}


_PLAYS: Mapping[str, Callable[[Mistakes, Parts, str, Lines], None]] = {
    "wrong_digit": Mistakes._wrong_digit,
    "neighbouring_amount": Mistakes._neighbouring_amount,
    "swapped_dates": Mistakes._swapped_dates,
    "invented": Mistakes._invented,
    "missing": Mistakes._missing,
    "named_twice": Mistakes._named_twice,
    "wrong_cell": Mistakes._wrong_cell,
    "dropped_line": Mistakes._dropped_line,
    "merged_lines": Mistakes._merged_lines,
}


def _digits(text: str) -> list[int]:
    return [index for index, char in enumerate(text) if char.isdigit()]


def _fits(kind: str, name: str, parts: Parts) -> bool:
    if name in STANDARD.tables:
        rows = parts[name]
        if kind in ("dropped_line", "merged_lines"):
            return name == LINES and len(rows) > 1
        if kind == "wrong_cell":
            return any(_digits(cell["text"]) for row in rows for cell in row["cells"])
        return kind == "missing"
    term = STANDARD.header.get(name)
    if kind == "missing" or term is None or term.kind in (FieldKind.TEXT, FieldKind.ADDRESS):
        return kind == "missing"
    if kind == "swapped_dates":
        return name == "issue_date" and bool(parts.get("due_date"))
    if kind == "neighbouring_amount":
        return term.kind is FieldKind.AMOUNT
    if kind == "wrong_digit":
        return bool(_digits(parts[name][0]["text"]))
    if kind == "named_twice":
        return not term.kind.is_prose
    return kind == "invented"
