"""Layout: the printed form of one company's documents as a combination of choices; `data/layouts.toml` lists them.

Each choice names a function of the module that draws that part; a layout knows no language and no supplier.
"""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from cira_pipeline.samples.catalogue import Supplier
from cira_pipeline.samples.writing import Sign, Writing

Letterhead = Literal["left", "right", "centre", "band", "monogram", "rule", "plain", "none"]
Recipient = Literal["window", "labelled", "boxed", "right", "beside_supplier"]
Facts = Literal[
    "column", "boxed", "strip", "stacked", "pairs", "sentence", "grid", "underlined", "inline", "list", "in_letterhead"
]
Title = Literal["large", "plain", "capitals", "with_number", "right", "spaced", "dated", "centred"]
Ruling = Literal["head", "rows", "grid", "zebra", "none", "filled_head", "columns"]
Totals = Literal["right", "boxed", "strip", "filled", "table", "left", "dotted"]
TotalsOrder = Literal["net_first", "gross_first", "included"]
Footer = Literal["columns", "line", "two_lines", "centred", "none"]
Payment = Literal["sentence", "box", "list", "terms", "none"]
Split = Literal["train", "test"]
Column = Literal[
    "position",
    "article",
    "description",
    "quantity",
    "unit",
    "quantity_unit",
    "unit_price",
    "discount",
    "tax_rate",
    "tax_amount",
    "net_amount",
    "gross_amount",
    "commodity",
]
Fact = Literal[
    "number",
    "issue_date",
    "due_date",
    "delivery_date",
    "customer_number",
    "purchase_order",
    "customer_vat_id",
    "supplier_vat_id",
    "payment_terms",
    "currency",
    "contact",
    "order_date",
]

# Thousands and decimals, and patterns of dates, that are in use in a language; a layout prefers one of each.
_NUMBERS: Mapping[str, tuple[str, ...]] = {
    "de": (".,", ".,", " ,", ".,"),
    "en": (",.", ",.", ",."),
    "fr": ("\u00a0,", " ,", ".,"),
    "nl": (".,", ".,", " ,"),
    "es": (".,", ".,", " ,"),
    "it": (".,", ".,", ".,"),
    "pt": (".,", " ,", ".,"),
    "pl": (" ,", "\u00a0,", " ,"),
    "da": (".,", ".,", " ,"),
    "sv": (" ,", "\u00a0,", " ,"),
}
_DATES: Mapping[str, tuple[str, ...]] = {
    "de": ("dd.MM.yyyy", "d. MMMM yyyy", "dd.MM.yy", "yyyy-MM-dd"),
    "en": ("d MMMM yyyy", "dd/MM/yyyy", "d MMM yyyy", "yyyy-MM-dd"),
    "fr": ("dd/MM/yyyy", "d MMMM yyyy", "dd.MM.yyyy", "dd/MM/yy"),
    "nl": ("dd-MM-yyyy", "d MMMM yyyy", "dd/MM/yyyy", "yyyy-MM-dd"),
    "es": ("dd/MM/yyyy", "d 'de' MMMM 'de' yyyy", "dd-MM-yyyy", "dd/MM/yy"),
    "it": ("dd/MM/yyyy", "d MMMM yyyy", "dd-MM-yyyy", "dd/MM/yy"),
    "pt": ("dd/MM/yyyy", "d 'de' MMMM 'de' yyyy", "dd-MM-yyyy", "yyyy-MM-dd"),
    "pl": ("dd.MM.yyyy", "d MMMM yyyy", "yyyy-MM-dd", "dd-MM-yyyy"),
    "da": ("dd.MM.yyyy", "d. MMMM yyyy", "dd-MM-yyyy", "yyyy-MM-dd"),
    "sv": ("yyyy-MM-dd", "d MMMM yyyy", "yyyy-MM-dd", "dd.MM.yyyy"),
}


class Layout(BaseModel):
    """`spelling`, `numbers` and `dates` choose among what a language offers; sizes are in points.

    `currency_in` says where a page whose amounts are bare names the currency.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    font: Literal["helvetica", "times", "courier", "vera"] = "helvetica"
    size: float = 9.5
    leading: float = 1.32
    landscape: bool = False
    accent: str = Field("#1f3a5f", pattern="^#[0-9a-f]{6}$")
    margin: float = 56
    letterhead: Letterhead
    sender_line: bool = False
    recipient: Recipient
    facts: Facts
    facts_shown: tuple[Fact, ...] = ("number", "issue_date", "due_date", "customer_number")
    title: Title = "large"
    place_date: bool = False
    label_case: Literal["as_is", "upper", "lower"] = "as_is"
    bilingual: bool = False
    delivery_address: bool = False
    negative_credits: bool = False
    colon: Literal[":", "", " :"] = ":"
    intro: bool = False
    columns: tuple[Column, ...]
    ruling: Ruling = "head"
    details: bool = True
    two_line_rows: bool = False
    sections: bool = False
    full_quantities: bool = False
    carried: bool = False
    totals: Totals = "right"
    totals_order: TotalsOrder = "net_first"
    totals_breakdown: bool = False
    due_line: bool = False
    payment: Payment = "terms"
    footer: Footer = "columns"
    vat_id_in: Literal["footer", "letterhead", "facts", "closing"] = "footer"
    bank_in: Literal["footer", "closing", "both"] = "footer"
    iban_in_groups: bool = True
    vat_id_in_groups: bool = False
    sign: Sign = "symbol_after"
    currency_in: Literal["heads", "totals", "facts"] = "heads"
    line_sign: bool = False
    spelling: int = 0
    numbers: int = 0
    dates: int = 0

    @property
    def split(self) -> Split:
        """The side of the split by layout; it depends on the id alone, so that new layouts do not move others."""
        return "test" if hashlib.sha256(self.id.encode()).digest()[0] % 3 == 0 else "train"

    def for_language(self, language: str) -> Layout:
        """Itself, in a font that has the letters of `language`."""
        if language != "pl" or self.font == "vera":
            return self
        return self.model_copy(update={"font": "vera", "size": round(self.size * 0.9, 1)})

    def writing(self, supplier: Supplier, locale: str) -> Writing:
        """The formats of `supplier` in this layout."""
        styles, patterns = _NUMBERS[supplier.language], _DATES[supplier.language]
        style = styles[self.numbers % len(styles)]
        return Writing(
            locale=locale,
            currency=supplier.currency,
            grouping=style[0],
            decimal=style[1],
            date_pattern=patterns[self.dates % len(patterns)],
            sign=self.sign,
        )


@cache
def layouts() -> Mapping[str, Layout]:
    """All layouts by id."""
    text = (files(__package__) / "data" / "layouts.toml").read_text(encoding="utf-8")
    return {name: Layout(id=name, **row) for name, row in tomllib.loads(text).items()}
