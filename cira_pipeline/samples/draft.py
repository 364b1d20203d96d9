"""What all parts of a page work on while it is drawn: the sheet, the bill, the habits, and what was shown so far."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal

from cira_pipeline.samples.bill import Bill
from cira_pipeline.samples.catalogue import Words
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

    @property
    def left(self) -> float:
        return self.layout.margin

    @property
    def right(self) -> float:
        return self.sheet.width - self.layout.margin

    @property
    def middle(self) -> float:
        """Where the right half begins."""
        return self.left + (self.right - self.left) * 0.56

    @property
    def bottom(self) -> float:
        return self.sheet.height - FOOTER_HEIGHT - 14

    @property
    def size(self) -> float:
        return self.layout.size

    @property
    def leading(self) -> float:
        return self.layout.size * 1.32

    def word(self, path: str) -> str:
        return self.words.pick(path, self.layout.spelling)

    def label(self, path: str) -> str:
        """A word as it stands before its value."""
        return self.word(path) + self.layout.colon

    def money(self, value: Decimal) -> str:
        """An amount of the totals; shows the currency unless it is bare."""
        if self.layout.sign != "bare":
            self.shown.add("currency")
        return self.writing.money(value)

    def tax_label(self, rate: Decimal) -> str:
        return self.word("total.tax").format(rate=self.writing.rate(rate))
