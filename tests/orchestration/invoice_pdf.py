"""A small text invoice, different for every number, and what stands in it."""

from __future__ import annotations

from decimal import Decimal
from io import BytesIO
from typing import Any

from reportlab.pdfgen.canvas import Canvas

NET = Decimal("100.00")
SUPPLIER = "Bellweather Tools Ltd"


def invoice_pdf(number: str, *, net: Decimal = NET, supplier: str = SUPPLIER) -> bytes:
    """One page, one line item, 20 % VAT; amounts add up."""
    tax = _tax(net)
    buffer = BytesIO()
    canvas = Canvas(buffer, pagesize=(595, 842), invariant=True)
    rows = [
        (60, 780, supplier),
        (60, 764, "12 Foundry Lane, Leeds LS1 4AB, United Kingdom"),
        (60, 748, "VAT No: GB 980 7806 84"),
        (60, 700, "Bill to:"),
        (60, 684, "Harbour Print Works Ltd"),
        (60, 668, "3 Quay Street, Bristol BS1 4DJ"),
        (360, 700, f"Invoice number: {number}"),
        (360, 684, "Invoice date: 14 March 2026"),
        (360, 668, "Due date: 13 April 2026"),
        (360, 652, "Currency: GBP"),
        (60, 600, "Description"),
        (300, 600, "Qty"),
        (370, 600, "Unit price"),
        (470, 600, "Amount"),
        (60, 580, "Calibrated torque wrench"),
        (300, 580, "1"),
        (370, 580, f"{net}"),
        (470, 580, f"{net}"),
        (370, 520, "Subtotal"),
        (470, 520, f"{net}"),
        (370, 504, "VAT 20%"),
        (470, 504, f"{tax}"),
        (370, 488, "Total due"),
        (470, 488, f"GBP {net + tax}"),
    ]
    for left, top, text in rows:
        canvas.drawString(left, top, text)
    canvas.showPage()
    canvas.save()
    return buffer.getvalue()


def invoice_label(number: str, *, net: Decimal = NET, supplier: str = SUPPLIER) -> dict[str, Any]:
    """The fields of `invoice_pdf` with the same arguments."""
    tax = _tax(net)
    return {
        "invoice_number": number,
        "issue_date": "2026-03-14",
        "due_date": "2026-04-13",
        "invoice_type": "380",
        "currency": "GBP",
        "supplier_name": supplier,
        "supplier_vat_id": "GB980780684",
        "supplier_address": "12 Foundry Lane, Leeds LS1 4AB, United Kingdom",
        "customer_name": "Harbour Print Works Ltd",
        "customer_address": "3 Quay Street, Bristol BS1 4DJ",
        "net_total": str(net),
        "tax_total": str(tax),
        "gross_total": str(net + tax),
        "amount_due": str(net + tax),
        "tax_breakdown": [{"rate": "20", "net": str(net), "tax": str(tax)}],
        "line_items": [
            {
                "description": "Calibrated torque wrench",
                "quantity": "1",
                "unit_price": str(net),
                "net_amount": str(net),
            }
        ],
    }


def _tax(net: Decimal) -> Decimal:
    return (net * Decimal("0.2")).quantize(Decimal("0.01"))
