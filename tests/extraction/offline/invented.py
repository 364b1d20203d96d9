"""Invented pages: texts at places, as a reader would hand them on. Letters are 5 wide and 10 high, spaces 3 wide."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from cira_pipeline.extraction.offline.engine import OfflineEngine
from cira_pipeline.invoice import Invoice
from cira_pipeline.models import Box, Document, Evidence, Extraction, Line, MediaType, Page, Reading, Word

LETTER, SPACE, HEIGHT = 5.0, 3.0, 10.0
Placed = tuple[float, float, str]

DOCUMENT = Document(sha256="0" * 64, media_type=MediaType.PDF, size_bytes=1, page_count=1, content=b"x")


def line(number: int, left: float, top: float, text: str, page: int = 1, confidence: float = 1.0) -> Line:
    words, position = [], left
    for word in text.split():
        width = LETTER * len(word)
        words.append(Word(text=word, box=Box(left=position, top=top, right=position + width, bottom=top + HEIGHT)))
        position += width + SPACE
    box = Box(left=left, top=top, right=max(position - SPACE, left), bottom=top + HEIGHT)
    return Line(number=number, page=page, text=text, box=box, confidence=confidence, words=tuple(words))


def reading(
    *pages: Iterable[Placed],
    source: Literal["native", "ocr"] = "native",
    size: tuple[float, float] = (595, 842),
    confidence: float = 1.0,
) -> Reading:
    lines: list[Line] = []
    for number, texts in enumerate(pages, start=1):
        lines += [line(len(lines) + 1 + i, *placed, number, confidence) for i, placed in enumerate(texts)]
    return Reading(
        reader="invented",
        reader_version="1",
        pages=tuple(Page(number=n, width=size[0], height=size[1], source=source) for n in range(1, len(pages) + 1)),
        lines=tuple(lines),
        seconds=0,
    )


def extracted(read: Reading) -> Extraction:
    extraction = OfflineEngine().extract(DOCUMENT, read)
    assert extraction is not None
    return extraction


def invoice(*pages: Iterable[Placed], source: Literal["native", "ocr"] = "native") -> Invoice:
    return extracted(reading(*pages, source=source)).invoice


def evidence(extraction: Extraction, field: str) -> Evidence:
    return next(entry for entry in extraction.evidence if entry.field == field)


def right(edge: float, top: float, text: str) -> Placed:
    """A text that ends at `edge`, as amounts do."""
    words = text.split()
    return edge - sum(LETTER * len(word) for word in words) - SPACE * (len(words) - 1), top, text


def keyed(left: float, value_left: float, top: float, *pairs: tuple[str, str]) -> list[Placed]:
    """Keys and values under each other."""
    return [
        placed
        for index, (key, value) in enumerate(pairs)
        for placed in ((left, top + 15 * index, key), (value_left, top + 15 * index, value))
    ]


def block(left: float, top: float, *lines: str) -> list[Placed]:
    return [(left, top + 13 * index, text) for index, text in enumerate(lines)]


SENDER = block(40, 40, "Nordlicht Bürotechnik GmbH", "Hafenstraße 14", "24103 Kiel", "USt-IdNr. DE136695976")
RECIPIENT = block(40, 130, "Hotel Seerose OHG", "Uferpromenade 8", "78464 Konstanz")


def table(top: float, header: Iterable[Placed], rows: Iterable[Iterable[Placed]], step: float = 18) -> list[Placed]:
    """A header at `top` and rows under it; the tops of the placed texts are offsets within their row."""
    placed = [(x, top + y, text) for x, y, text in header]
    for index, row in enumerate(rows, start=1):
        placed += [(x, top + index * step + y, text) for x, y, text in row]
    return placed


def german_table(top: float, *items: tuple[str, str, str, str], step: float = 18) -> list[Placed]:
    """Columns Bezeichnung, Menge, Einzelpreis, Gesamt."""
    header = [(40, 0, "Bezeichnung"), right(330, 0, "Menge"), right(440, 0, "Einzelpreis"), right(555, 0, "Gesamt")]
    rows = [
        [(40, 0, text), right(330, 0, quantity), right(440, 0, price), right(555, 0, amount)]
        for text, quantity, price, amount in items
    ]
    return table(top, header, rows, step)


def sums(top: float, *pairs: tuple[str, str], left: float = 380) -> list[Placed]:
    return [
        placed
        for index, (key, value) in enumerate(pairs)
        for placed in ((left, top + 15 * index, key), right(555, top + 15 * index, value))
    ]


INVOICE = [
    *SENDER,
    *RECIPIENT,
    *keyed(380, 480, 130, ("Rechnungsnummer:", "RE-2024-117"), ("Rechnungsdatum:", "14.03.2024")),
    (40, 240, "Rechnung"),
    *german_table(280, ("Drehstuhl Comfort", "2", "150,00", "300,00"), ("Montage", "1", "100,00", "100,00")),
    *sums(360, ("Nettobetrag", "400,00 €"), ("zzgl. 19 % USt.", "76,00 €"), ("Rechnungsbetrag", "476,00 €")),
    (40, 440, "Zahlbar innerhalb von 30 Tagen ohne Abzug."),
    (40, 460, "IBAN DE89 3704 0044 0532 0130 00"),
]
