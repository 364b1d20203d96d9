"""Converts a DoclingDocument made elsewhere into pages and lines of a reading."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from docling_core.types.doc.base import BoundingBox, CoordOrigin
from docling_core.types.doc.common.content_layer import ContentLayer
from docling_core.types.doc.document import DoclingDocument
from docling_core.types.doc.items.node import DocItem
from docling_core.types.doc.items.table.table import TableItem
from docling_core.types.doc.items.text import TextItem

from cira_pipeline.models import Box, Line, Page
from cira_pipeline.ocr.characters import as_printed

# Headers and footers are furniture to Docling; on an invoice they hold the supplier's VAT id and bank account.
_LAYERS = {ContentLayer.BODY, ContentLayer.FURNITURE, ContentLayer.BACKGROUND}


def pages_of(
    document: DoclingDocument, sizes: Mapping[int, tuple[float, float]], ocr_confidence: Mapping[int, float]
) -> tuple[Page, ...]:
    """Pages of the document, in order.

    `sizes` (width, height) override the document's own; `ocr_confidence` has the pages read by OCR.
    """
    with_text = {page_number for _, page_number, _ in _printed(document)}
    pages = []
    for number in sorted(document.pages):
        size = document.pages[number].size
        width, height = sizes.get(number, (size.width, size.height))
        source = "empty" if number not in with_text else "ocr" if number in ocr_confidence else "native"
        pages.append(Page.model_validate({"number": number, "width": width, "height": height, "source": source}))
    return tuple(pages)


def lines_of_document(
    document: DoclingDocument, pages: Iterable[Page], ocr_confidence: Mapping[int, float]
) -> tuple[Line, ...]:
    """Texts in Docling's reading order, tables cell by cell; a paragraph stays one line, as joined by Docling."""
    by_number = {page.number: page for page in pages}
    lines: list[Line] = []
    for text, number, box in _printed(document):
        page, size = by_number[number], document.pages[number].size
        x, y = page.width / size.width, page.height / size.height
        lines.append(
            Line(
                number=len(lines) + 1,
                page=number,
                text=text,
                box=Box(left=box.l * x, top=box.t * y, right=box.r * x, bottom=box.b * y),
                confidence=ocr_confidence.get(number, 1.0),
            )
        )
    return tuple(lines)


def _printed(document: DoclingDocument) -> Iterator[tuple[str, int, BoundingBox]]:
    """Text, page number and box (origin top left, the document's units) of everything printed on a page."""
    for item, _ in document.iterate_items(traverse_pictures=True, included_content_layers=_LAYERS):
        if isinstance(item, TableItem):
            yield from _cells(document, item)
        elif isinstance(item, TextItem):
            yield from _pieces(document, item)


def _pieces(document: DoclingDocument, item: TextItem) -> Iterator[tuple[str, int, BoundingBox]]:
    """Parts of a text that spans columns or pages, each with its box and its share of the characters."""
    for place in item.prov:
        start, end = place.charspan
        share = item.text[start:end] if len(item.prov) > 1 else item.text
        text = as_printed(share).strip()
        if text and place.page_no in document.pages:
            yield text, place.page_no, place.bbox.to_top_left_origin(document.pages[place.page_no].size.height)


def _cells(document: DoclingDocument, item: TableItem) -> Iterator[tuple[str, int, BoundingBox]]:
    place = _first_place(document, item)
    if place is None:
        return
    number, table = place
    height = document.pages[number].size.height
    rows, columns = max(item.data.num_rows, 1), max(item.data.num_cols, 1)
    for cell in sorted(item.data.table_cells, key=lambda cell: (cell.start_row_offset_idx, cell.start_col_offset_idx)):
        text = as_printed(cell.text).strip()
        if not text:
            continue
        if cell.bbox is not None:
            yield text, number, cell.bbox.to_top_left_origin(height)
            continue
        # Some table models give no boxes: the cell's position in an even grid is the best estimate.
        yield (
            text,
            number,
            BoundingBox(
                l=table.l + table.width * cell.start_col_offset_idx / columns,
                r=table.l + table.width * cell.end_col_offset_idx / columns,
                t=table.t + table.height * cell.start_row_offset_idx / rows,
                b=table.t + table.height * cell.end_row_offset_idx / rows,
                coord_origin=CoordOrigin.TOPLEFT,
            ),
        )


def _first_place(document: DoclingDocument, item: DocItem) -> tuple[int, BoundingBox] | None:
    for place in item.prov:
        if place.page_no in document.pages:
            return place.page_no, place.bbox.to_top_left_origin(document.pages[place.page_no].size.height)
    return None
