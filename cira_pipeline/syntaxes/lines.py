"""Reads invoice lines, in any syntax, and adds findings on subtotal lines, price bases and line-level charges."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal

from lxml import etree

from cira_pipeline.invoice import LineItem
from cira_pipeline.models import Severity
from cira_pipeline.syntaxes.field_reader import XmlFieldReader, XmlRule


@dataclass(frozen=True)
class LineElements:
    """The elements of one line, in any syntax; `None` where the line has none."""

    description: etree._Element | None
    quantity: etree._Element | None
    unit_price: etree._Element | None
    base_quantity: etree._Element | None
    tax_rate: etree._Element | None
    net_amount: etree._Element | None
    has_allowances: bool
    subtotal: bool

    @property
    def empty(self) -> bool:
        """Whether the line is text only, as ZUGFeRD 1.0 uses for headings: it invoices nothing."""
        return self.description is None and self.quantity is None and self.net_amount is None


def read_lines(lines: Iterable[LineElements], reader: XmlFieldReader) -> LinesRead:
    """BG-25 in document order, without text-only lines, and findings on the meaning of the lines."""
    read = LinesRead()
    for elements in lines:
        read.add(elements, reader)
    read.add_findings(reader)
    return read


@dataclass
class LinesRead:
    items: list[LineItem] = field(default_factory=list)
    subtotal_lines: list[int] = field(default_factory=list)
    base_quantities: list[int] = field(default_factory=list)
    with_allowances: list[int] = field(default_factory=list)

    def add(self, elements: LineElements, reader: XmlFieldReader) -> None:
        """Adds one line, unless it is text only."""
        if elements.empty:
            return
        position = len(self.items)
        path = f"line_items[{position}]"
        self.items.append(
            LineItem(
                description=reader.text(f"{path}.description", elements.description),
                quantity=reader.decimal(f"{path}.quantity", elements.quantity),
                unit=reader.attribute(f"{path}.unit", elements.quantity, "unitCode"),
                unit_price=reader.decimal(f"{path}.unit_price", elements.unit_price),
                tax_rate=reader.decimal(f"{path}.tax_rate", elements.tax_rate),
                net_amount=reader.decimal(f"{path}.net_amount", elements.net_amount),
            )
        )
        if elements.subtotal:
            self.subtotal_lines.append(position)
        if elements.has_allowances:
            self.with_allowances.append(position)
        base = reader.quiet_decimal(elements.base_quantity)
        if base is not None and base != Decimal(1):
            self.base_quantities.append(position)

    def add_findings(self, reader: XmlFieldReader) -> None:
        """Adds findings that explain these lines to reviewers and to the arithmetic rules."""
        for rule, positions, message, column in (
            (
                XmlRule.SUBTOTAL_LINE,
                self.subtotal_lines,
                "these lines only sum up or explain others (BT-X-8 GROUP, INFORMATION): their amounts are not added",
                "net_amount",
            ),
            (
                XmlRule.PRICE_BASE_QUANTITY,
                self.base_quantities,
                "these unit prices are for more than one unit (BT-149)",
                "unit_price",
            ),
            (
                XmlRule.LINE_LEVEL_AMOUNTS,
                self.with_allowances,
                "these lines have allowances or charges of their own (BG-27, BG-28)",
                "net_amount",
            ),
        ):
            if positions:
                fields = [f"line_items[{position}].{column}" for position in positions]
                reader.add_finding(rule, Severity.INFO, message, *fields)
