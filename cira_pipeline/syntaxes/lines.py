"""Reads invoice lines, in any syntax, and adds findings on subtotal lines, price bases and line-level charges."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from lxml import etree

from cira_pipeline.invoice import LineItem
from cira_pipeline.models import Severity
from cira_pipeline.syntaxes.allowances import AllowanceElements, AllowanceReader
from cira_pipeline.syntaxes.elements import on_one_line, text_of
from cira_pipeline.syntaxes.field_reader import XmlFieldReader, XmlRule
from cira_pipeline.syntaxes.parties import read_country_code


@dataclass(frozen=True)
class LineElements:
    """The elements of one line, in any syntax; `None` where the line has none.

    `object_types`: those that say of a reference that it is BT-128.
    """

    line: etree._Element
    description: etree._Element | None
    quantity: etree._Element | None
    unit_price: etree._Element | None
    base_quantity: etree._Element | None
    tax_rate: etree._Element | None
    net_amount: etree._Element | None
    allowances: Sequence[AllowanceElements]
    subtotal: bool
    line_id: etree._Element | None = None
    notes: Sequence[etree._Element] = ()
    details: etree._Element | None = None
    seller_item_id: etree._Element | None = None
    buyer_item_id: etree._Element | None = None
    standard_item_id: etree._Element | None = None
    classification: etree._Element | None = None
    purchase_order_line: etree._Element | None = None
    accounting_reference: etree._Element | None = None
    period_start: etree._Element | None = None
    period_end: etree._Element | None = None
    gross_price: etree._Element | None = None
    price_discounts: Sequence[AllowanceElements] = ()
    tax_category: etree._Element | None = None
    tax_scheme: etree._Element | None = None
    country_of_origin: etree._Element | None = None
    gross_base_quantity: etree._Element | None = None
    object_types: Sequence[etree._Element] = ()

    @property
    def empty(self) -> bool:
        """Whether the line is text only, as ZUGFeRD 1.0 uses for headings: it invoices nothing."""
        return self.description is None and self.quantity is None and self.net_amount is None


def read_lines(lines: Iterable[LineElements], allowances: AllowanceReader, reader: XmlFieldReader) -> LinesRead:
    """BG-25 in document order, without text-only lines, and findings on the meaning of the lines."""
    read = LinesRead()
    for elements in lines:
        read.add(elements, allowances, reader)
    read.add_findings(reader)
    return read


@dataclass
class LinesRead:
    items: list[LineItem] = field(default_factory=list)
    subtotal_lines: list[int] = field(default_factory=list)
    base_quantities: list[int] = field(default_factory=list)
    with_allowances: list[int] = field(default_factory=list)

    def add(self, elements: LineElements, allowances: AllowanceReader, reader: XmlFieldReader) -> None:
        """Adds one line, unless it is text only."""
        if elements.empty:
            return
        position = len(self.items)
        reader.lines[elements.line] = position
        item = _item(elements, f"line_items[{position}]", reader)
        self.items.append(item)
        if elements.subtotal:
            self.subtotal_lines.append(position)
        if elements.allowances:
            allowances.read(elements.allowances, line=position + 1)
            self.with_allowances.append(position)
        if item.base_quantity is not None and item.base_quantity != Decimal(1):
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


def _item(elements: LineElements, path: str, reader: XmlFieldReader) -> LineItem:
    reader.used(*elements.object_types)
    if on_one_line(elements.tax_scheme) == "VAT":
        reader.used(elements.tax_scheme)
    unit = reader.attribute(f"{path}.unit", elements.quantity, "unitCode")
    base, of_gross = elements.base_quantity, elements.gross_base_quantity
    if of_gross is not None and base is not None and text_of(of_gross) == text_of(base):
        reader.used(of_gross)
    for quantity in (base, of_gross):
        if quantity is not None and unit is not None and quantity.get("unitCode") == unit:
            reader.used_attribute(quantity, "unitCode")
    return LineItem(
        description=reader.text(f"{path}.description", elements.description),
        quantity=reader.decimal(f"{path}.quantity", elements.quantity),
        unit=unit,
        unit_price=reader.decimal(f"{path}.unit_price", elements.unit_price),
        tax_rate=reader.decimal(f"{path}.tax_rate", elements.tax_rate),
        net_amount=reader.decimal(f"{path}.net_amount", elements.net_amount),
        line_id=reader.text(f"{path}.line_id", elements.line_id),
        note=reader.joined(f"{path}.note", elements.notes, "\n"),
        details=reader.text(f"{path}.details", elements.details),
        seller_item_id=reader.text(f"{path}.seller_item_id", elements.seller_item_id),
        buyer_item_id=reader.text(f"{path}.buyer_item_id", elements.buyer_item_id),
        standard_item_id=reader.text(f"{path}.standard_item_id", elements.standard_item_id),
        standard_item_scheme=reader.attribute(f"{path}.standard_item_scheme", elements.standard_item_id, "schemeID"),
        classification=reader.text(f"{path}.classification", elements.classification),
        classification_scheme=reader.attribute(f"{path}.classification_scheme", elements.classification, "listID"),
        purchase_order_line=reader.text(f"{path}.purchase_order_line", elements.purchase_order_line),
        accounting_reference=reader.text(f"{path}.accounting_reference", elements.accounting_reference),
        period_start=reader.date(f"{path}.period_start", elements.period_start),
        period_end=reader.date(f"{path}.period_end", elements.period_end),
        gross_price=reader.decimal(f"{path}.gross_price", elements.gross_price),
        price_discount=_price_discount(elements, path, reader),
        base_quantity=reader.decimal(f"{path}.base_quantity", elements.base_quantity),
        tax_category=reader.text(f"{path}.tax_category", elements.tax_category),
        country_of_origin=read_country_code(f"{path}.country_of_origin", elements.country_of_origin, reader),
    )


def _price_discount(elements: LineElements, path: str, reader: XmlFieldReader) -> Decimal | None:
    """BT-147. Where a price has several discounts, or a charge, none of them alone is the discount."""
    if len(elements.price_discounts) != 1 or elements.price_discounts[0].kind == "charge":
        return None
    (discount,) = elements.price_discounts
    if discount.kind is not None:
        reader.used(discount.indicator)
    return reader.decimal(f"{path}.price_discount", discount.amount)
