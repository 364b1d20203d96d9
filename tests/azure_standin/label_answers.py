"""A model that knows the answers: it finds labelled values in the numbered lines it is given, and names their lines."""

from __future__ import annotations

import re
import threading
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

from tests.azure_standin.mistakes import Mistakes
from tests.azure_standin.spelling import spellings

Label = Mapping[str, Any]

_NUMBERED = re.compile(r"^(\d+)\| (.*)$")
_LISTS = ("payment_terms", "supplier_address", "customer_address")
_SINGLE = (
    "invoice_number",
    "issue_date",
    "invoice_type",
    "currency",
    "due_date",
    "purchase_order",
    "supplier_name",
    "supplier_vat_id",
    "customer_name",
    "customer_vat_id",
    "payment_iban",
    "net_total",
    "tax_total",
    "gross_total",
    "amount_due",
)
_ITEM = ("quantity", "unit", "unit_price", "tax_rate", "net_amount")


class LabelAnswers:
    """Answers a question about the labelled document that its lines fit best; `mistakes` spoils some fields."""

    def __init__(self, labels: Iterable[Label], mistakes: Mistakes | None = None) -> None:
        self._labels = list(labels)
        self._mistakes = mistakes
        self._lock = threading.Lock()

    def __call__(self, message: str) -> Mapping[str, Any]:
        page = Page(message)
        answer = _answer(self.label_of(page), page)
        if self._mistakes is not None and page.lines:
            with self._lock:
                answer = self._mistakes.spoil(answer, page.lines)
        return answer

    def label_of(self, page: Page) -> Label:
        """The label that fits these lines best."""
        return max(self._labels, key=lambda fields: _fit(fields, page), default={})


class Page:
    """The numbered lines of a question, and where texts stand in them."""

    def __init__(self, message: str) -> None:
        found = (_NUMBERED.match(line) for line in message.splitlines())
        self.lines = {int(match.group(1)): match.group(2) for match in found if match}
        self._squeezed = {number: _squeezed(text) for number, text in self.lines.items()}
        self._whole = "\n".join(hay for hay, _ in self._squeezed.values())

    def find(self, texts: Iterable[str], *, after: int = 0, before: int | None = None) -> dict[str, Any] | None:
        for text in texts:
            wanted = _wanted(text)
            if not wanted or wanted not in self._whole:
                continue
            for number, (hay, origin) in self._squeezed.items():
                if number <= after or (before is not None and number >= before):
                    continue
                printed = self._alone(number, hay, origin, wanted)
                if printed is not None:
                    return {"text": printed, "line": number}
        return None

    def _alone(self, number: int, hay: str, origin: Sequence[int], wanted: str) -> str | None:
        line, at = self.lines[number], hay.find(wanted)
        while at >= 0:
            start, end = origin[at], origin[at + len(wanted) - 1] + 1
            if not _cut_out(line, start, end):
                return line[start:end]
            at = hay.find(wanted, at + 1)
        return None


@lru_cache(maxsize=200_000)
def _wanted(text: str) -> str:
    return _squeezed(text)[0]


def _squeezed(text: str) -> tuple[str, list[int]]:
    chars, origin = [], []
    for index, original in enumerate(text):
        for char in unicodedata.normalize("NFKD", original).casefold():
            if not char.isspace() and not unicodedata.combining(char):
                chars.append(char)
                origin.append(index)
    return "".join(chars), origin


def _cut_out(line: str, start: int, end: int) -> bool:
    before, after = line[:start], line[end:]
    if line[start].isalnum() and before[-1:].isalnum():
        return True
    if line[end - 1].isalnum() and after[:1].isalnum():
        return True
    number_before = line[start].isdigit() and before[-1:] in {".", ","} and before[-2:-1].isdigit()
    number_after = line[end - 1].isdigit() and after[:1] in {".", ","} and after[1:2].isdigit()
    return number_before or number_after


def _fit(label: Label, page: Page) -> int:
    names = ("invoice_number", "gross_total", "issue_date", "supplier_name", "customer_name", "net_total")
    return sum(page.find(spellings(name, label[name])) is not None for name in names if label.get(name))


def _answer(label: Label, page: Page) -> dict[str, Any]:
    answer: dict[str, Any] = {
        name: page.find(spellings(name, str(label[name]))) if label.get(name) is not None else None for name in _SINGLE
    }
    for name in _LISTS:
        answer[name] = list(_parts(str(label.get(name) or ""), page))
    answer["tax_breakdown"] = [_tax(row, page) for row in label.get("tax_breakdown", ())]
    answer["line_items"] = list(_items(label.get("line_items", ()), page))
    return answer


def _parts(text: str, page: Page) -> Iterator[dict[str, Any]]:
    for part in re.split(r",\s*|\n", text):
        found = page.find([part])
        if found is not None:
            yield found


def _tax(row: Label, page: Page) -> dict[str, Any]:
    return {
        name: page.find(spellings(f"tax_breakdown.{name}", str(row[name]))) if row.get(name) is not None else None
        for name in ("rate", "net", "tax")
    }


def _items(rows: Iterable[Label], page: Page) -> Iterator[dict[str, Any]]:
    """Items in order, each found by the start of its description and cells on the lines that follow."""
    after = 0
    for row in rows:
        words = str(row.get("description") or "").split()
        starts = (" ".join(words[:count]) for count in (len(words), 6, 3, 2) if 0 < count <= len(words))
        description = page.find(list(starts), after=after)
        if words and description is None:
            continue
        start = description["line"] - 1 if description else after
        item: dict[str, Any] = {"description": [description] if description else []}
        for name in _ITEM:
            value = row.get(name)
            texts = spellings(f"line_items.{name}", str(value)) if value is not None else ()
            item[name] = page.find(list(texts), after=start, before=start + 12)
        lines = [span["line"] for span in (description, *(item[name] for name in _ITEM)) if span]
        if lines:
            after = max(min(lines) - 1, after)
            yield item
