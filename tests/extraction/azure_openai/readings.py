"""Readings made of lines of text, and a stand-in's answers to them."""

from __future__ import annotations

from collections.abc import Sequence

from cira_pipeline.models import Box, Document, Line, MediaType, Page, Reading

PAGE_HEIGHT = 800.0


def reading(*pages: Sequence[str], ocr: bool = False, confidence: float = 1.0) -> Reading:
    """One line of print under the other, ten units high, two units a character."""
    lines: list[Line] = []
    for page, texts in enumerate(pages, 1):
        for row, text in enumerate(texts):
            box = Box(left=20, top=20 + 12 * row, right=20 + 2 * max(len(text), 1), bottom=30 + 12 * row)
            lines.append(Line(number=len(lines) + 1, page=page, text=text, box=box, confidence=confidence))
    return Reading(
        reader="made",
        reader_version="1",
        pages=tuple(
            Page(number=number, width=600, height=PAGE_HEIGHT, source="ocr" if ocr else "native")
            for number in range(1, len(pages) + 1)
        ),
        lines=tuple(lines),
        seconds=0.1,
    )


def document(content: bytes = b"%PDF-1.7") -> Document:
    return Document(sha256="d" * 64, media_type=MediaType.PDF, size_bytes=len(content), page_count=1, content=content)


INVOICE = (
    "Nordlicht Handels GmbH",
    "Hafenstraße 5",
    "20457 Hamburg",
    "Rechnung",
    "Rechnungsnr. 30064443",
    "Rechnungsdatum 03.04.2026",
    "Fällig am 17.04.2026",
    "Kunde: Alpenblick AG",
    "Seilbahnweg 1",
    "80331 München",
    "Pos Beschreibung Menge Einzelpreis Betrag",
    "1 Schraube M8 verzinkt 100 0,50 50,00",
    "2 Mutter M8 200 0,25 50,00",
    "Nettosumme 100,00",
    "USt 19 % von 100,00 19,00",
    "Gesamtbetrag 119,00 EUR",
    "IBAN DE89 3704 0044 0532 0130 00",
    "USt-IdNr. DE136695976",
)
LABEL = {
    "invoice_number": "30064443",
    "issue_date": "2026-04-03",
    "due_date": "2026-04-17",
    "invoice_type": "380",
    "currency": "EUR",
    "supplier_name": "Nordlicht Handels GmbH",
    "supplier_address": "Hafenstraße 5, 20457 Hamburg",
    "supplier_vat_id": "DE136695976",
    "customer_name": "Alpenblick AG",
    "customer_address": "Seilbahnweg 1, 80331 München",
    "payment_iban": "DE89370400440532013000",
    "net_total": "100.00",
    "tax_total": "19.00",
    "gross_total": "119.00",
    "tax_breakdown": [{"rate": "19", "net": "100.00", "tax": "19.00"}],
    "line_items": [
        {"description": "Schraube M8 verzinkt", "quantity": "100", "unit_price": "0.50", "net_amount": "50.00"},
        {"description": "Mutter M8", "quantity": "200", "unit_price": "0.25", "net_amount": "50.00"},
    ],
}
