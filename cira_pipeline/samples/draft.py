"""State shared by all parts of a page while it is drawn: sheet, bill, layout, and what was shown so far."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from cira_pipeline.samples.bill import Bill
from cira_pipeline.samples.catalogue import Words, words
from cira_pipeline.samples.layout import Layout
from cira_pipeline.samples.sheet import Sheet
from cira_pipeline.samples.writing import Writing

FOOTER_HEIGHT = 78.0
"""Points kept free above the lower edge of every page."""


@dataclass
class Draft:
    """`left_y` and `right_y` say how far down the two halves of the page's head are used, `y` all of it.

    `shown` names the invoice fields a reader of the page can see; `line_parts` and `tax_parts` those of each row.
    """

    sheet: Sheet
    bill: Bill
    layout: Layout
    words: Words
    writing: Writing
    pages: int
    left_y: float = 0
    right_y: float = 0
    y: float = 0
    shown: set[str] = field(default_factory=set)
    line_parts: set[str] = field(default_factory=set)
    tax_parts: set[str] = field(default_factory=set)
    values: dict[str, Any] = field(default_factory=dict)
    """Fields of what is stated by the habits of a country, as printed."""

    @property
    def left(self) -> float:
        return self.layout.margin

    @property
    def right(self) -> float:
        return self.sheet.width - self.layout.margin

    @property
    def middle(self) -> float:
        """Left edge of the right half."""
        return self.left + (self.right - self.left) * 0.56

    @property
    def bottom(self) -> float:
        return self.sheet.height - FOOTER_HEIGHT - 14

    @property
    def size(self) -> float:
        return self.layout.size

    @property
    def leading(self) -> float:
        return self.layout.size * self.layout.leading

    def state(self, **fields: str) -> None:
        """Notes header fields that are stated, where labels have them."""
        if self.bill.national is not None:
            self.values |= fields

    def word(self, path: str) -> str:
        return self.words.pick(path, self.layout.spelling)

    def heading(self, path: str) -> str:
        """A word that names a value: in capitals or with its English meaning, where the layout is so."""
        word = self.word(path)
        english = words("en").pick(path, self.layout.spelling) if words("en").has(path) else word
        if self.layout.bilingual and not self.words.locale.startswith("en") and english.casefold() != word.casefold():
            word = f"{word} / {english}"
        national = self.bill.national
        if national is not None and national.side.second_language and words(national.habits.second_language).has(path):
            other = words(national.habits.second_language).pick(path, self.layout.spelling)
            word = f"{word} / {other}" if other.casefold() != word.casefold() else word
        return {"as_is": word, "upper": word.upper(), "lower": word.lower()}[self.layout.label_case]

    def label(self, path: str) -> str:
        """A word as printed before its value."""
        return self.word(path) + self.layout.colon

    @property
    def vat_id(self) -> str:
        """The supplier's VAT id as it prints it."""
        number = self.bill.supplier.vat_id
        if not self.layout.vat_id_in_groups:
            return number
        digits = number[2:]
        return " ".join([number[:2], *(digits[start : start + 3] for start in range(0, len(digits), 3))])

    @property
    def iban(self) -> str:
        return self.bill.supplier.printed_iban if self.layout.iban_in_groups else self.bill.supplier.iban

    def money(self, value: Decimal) -> str:
        """An amount of the totals; shows the currency unless it is bare."""
        if self.layout.sign != "bare":
            self.shown.add("currency")
        return self.writing.money(value)

    def tax_label(self, rate: Decimal, path: str = "total.tax") -> str:
        label = self.heading(path) if path == "total.tax" else self.word(path)
        return label.replace("{rate}", self.writing.rate(rate)).replace("{RATE}", self.writing.rate(rate))
