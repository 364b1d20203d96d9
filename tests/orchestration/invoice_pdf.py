"""A small text invoice, different for every number."""

from __future__ import annotations

from decimal import Decimal
from io import BytesIO

from reportlab.pdfgen.canvas import Canvas


def invoice_pdf(number: str, *, net: Decimal = Decimal("100.00"), supplier: str = "Bellweather Tools Ltd") -> bytes:
    """One page, one line item, 20 % VAT; amounts add up."""
    tax = (net * Decimal("0.2")).quantize(Decimal("0.01"))
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
