"""Words of a PDF page as found by docling-parse.

Docling builds about five models of each word, which costs more than finding it. Only what a reading needs is converted.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from docling.backend.docling_parse_backend import (
    ThreadedDoclingParseDocumentBackend,
    ThreadedDoclingParsePageBackend,
)
from docling_core.types.doc.page import SegmentedPdfPage
from docling_parse.pdf_parser import ContentConfig, ContentLevel

from cira_pipeline.ocr.lines import Rectangle

# Text rendering modes "invisible" and "clip only" (ISO 32000-1, 9.3.6).
_UNPAINTED = (3, 7)
# docling-parse makes line cells in no time; making models of them would take long.
_PAGE_WITHOUT_CELLS = ContentConfig(
    char_cells_content_level=ContentLevel.COMPUTE,
    word_cells_content_level=ContentLevel.COMPUTE,
    line_cells_content_level=ContentLevel.COMPUTE,
    shapes_content_level=ContentLevel.SKIP,
    bitmaps_content_level=ContentLevel.COMPUTE_AND_MATERIALIZE,
    include_bitmap_bytes=False,
)


@dataclass(frozen=True, slots=True)
class WordCell:
    """A word in the page's own orientation, in points from its top left; `angle_deg` is counter-clockwise, 0 to 360.

    `height` is measured across the baseline. `unpainted`: drawn in a mode that leaves no ink.
    """

    text: str
    box: Rectangle
    height: float
    angle_deg: int
    unpainted: bool


class WordsPageBackend(ThreadedDoclingParsePageBackend):
    """Docling's page, with its words as `word_cells` and no cells in `get_segmented_page`."""

    def get_segmented_page(self) -> SegmentedPdfPage | None:
        """The page's geometry and the positions of its pictures."""
        if not self.is_valid():
            return None
        # Converted now, so that an error here is reported as that of the page, with its number.
        _ = self.word_cells
        return self._result.get_page(_PAGE_WITHOUT_CELLS)

    @cached_property
    def word_cells(self) -> list[WordCell]:
        """Words in the order of the page's content."""
        # Docling itself asks the page's decoder for what its models do not hold; there is no public API.
        decoder = self._result._require_page_decoder()
        height = self.get_size().height
        return [_word_cell(cell, height) for cell in decoder.get_word_cells()]


class WordsBackend(ThreadedDoclingParseDocumentBackend):
    """Docling's backend for PDFs; its pages are `WordsPageBackend`."""

    def iter_pages(self) -> Iterator[WordsPageBackend]:
        for result in self.parser.iterate_results():
            yield WordsPageBackend(result, rendered=False)


def _word_cell(cell: Any, page_height: float) -> WordCell:
    """Converts docling-parse's cell: corners from the bottom left of the page, the first two along the baseline."""
    x0, x1, x2, x3 = cell.r_x0, cell.r_x1, cell.r_x2, cell.r_x3
    y0, y1 = page_height - cell.r_y0, page_height - cell.r_y1
    y2, y3 = page_height - cell.r_y2, page_height - cell.r_y3
    return WordCell(
        text=cell.text,
        box=(min(x0, x1, x2, x3), min(y0, y1, y2, y3), max(x0, x1, x2, x3), max(y0, y1, y2, y3)),
        height=math.sqrt((x3 - x0) ** 2 + (y3 - y0) ** 2),
        angle_deg=_angle_deg((x1 + x2) / 2.0 - (x0 + x3) / 2.0, (y0 + y3) / 2.0 - (y1 + y2) / 2.0),
        unpainted=cell.rendering_mode in _UNPAINTED,
    )


def _angle_deg(x: float, y: float) -> int:
    """Angle from a word's start to its end, `y` upwards; rounded like Docling's BoundingRectangle.angle_360."""
    if abs(y) < 1.0e-3:
        angle = 0.0
    elif abs(x) < 1.0e-3:
        angle = math.pi / 2.0 if y > 0 else -math.pi / 2.0
    else:
        angle = math.atan(y / x)
    if x < 0:
        angle += math.pi
    return round(angle % (2 * math.pi) / math.pi * 180)
