"""Reads allowances and charges of the document (BG-20, BG-21) and of its lines (BG-27, BG-28), in any syntax."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from lxml import etree

from cira_pipeline.invoice import AllowanceCharge
from cira_pipeline.syntaxes.elements import on_one_line
from cira_pipeline.syntaxes.field_reader import XmlFieldReader

_KINDS: Final = {"false": "allowance", "0": "allowance", "true": "charge", "1": "charge"}


@dataclass(frozen=True)
class AllowanceElements:
    """The elements of one allowance or charge; `None` where it has none. `indicator` states which of both it is."""

    indicator: etree._Element | None
    amount: etree._Element | None
    percent: etree._Element | None = None
    base: etree._Element | None = None
    reason: etree._Element | None = None
    reason_code: etree._Element | None = None
    tax_category: etree._Element | None = None
    tax_rate: etree._Element | None = None
    tax_scheme: etree._Element | None = None
    always: str | None = None

    @property
    def kind(self) -> str | None:
        """`allowance` or `charge`; `always` where the element's name says so; `None` where it is not stated."""
        return self.always or _KINDS.get(on_one_line(self.indicator).lower())


class AllowanceReader:
    """Collects the rows of `allowances_charges`: those of the document first, then those of each line."""

    def __init__(self, reader: XmlFieldReader) -> None:
        self._reader = reader
        self.rows: list[AllowanceCharge] = []

    def read(self, elements: Iterable[AllowanceElements], line: int | None = None) -> int:
        """Adds a row for each of `elements`, of row `line` (from 1) of `line_items` or of the document.

        Returns the number of rows added. One that does not say whether it is an allowance is left among the other
        terms.
        """
        before = len(self.rows)
        for each in elements:
            if each.kind is None or each.amount is None:
                continue
            reader, path = self._reader, f"allowances_charges[{len(self.rows)}]"
            amount = reader.decimal(f"{path}.amount", each.amount)
            if amount is None:
                continue
            if on_one_line(each.tax_scheme) == "VAT":
                reader.used(each.tax_scheme)
            self.rows.append(
                AllowanceCharge(
                    kind=each.kind
                    if each.indicator is None
                    else reader.derived(f"{path}.kind", each.indicator, each.kind),
                    amount=amount,
                    line=line,
                    percent=reader.decimal(f"{path}.percent", each.percent),
                    base=reader.decimal(f"{path}.base", each.base),
                    reason=reader.text(f"{path}.reason", each.reason),
                    reason_code=reader.text(f"{path}.reason_code", each.reason_code),
                    tax_category=reader.text(f"{path}.tax_category", each.tax_category),
                    tax_rate=reader.decimal(f"{path}.tax_rate", each.tax_rate),
                )
            )
        return len(self.rows) - before


def signed_like_totals(
    rows: Sequence[AllowanceCharge], allowance_total: Decimal | None, charge_total: Decimal | None
) -> tuple[AllowanceCharge, ...]:
    """`rows` with positive amounts where the XML writes what it deducts with a minus sign, contrary to its total."""
    totals = {"allowance": allowance_total, "charge": charge_total}
    reversed_kinds = {
        kind
        for kind, total in totals.items()
        if total and sum(row.amount or 0 for row in rows if row.kind == kind and row.line is None) == -total
    }
    return tuple(
        row.model_copy(update={"amount": -row.amount})
        if row.kind in reversed_kinds and row.line is None and row.amount is not None
        else row
        for row in rows
    )
