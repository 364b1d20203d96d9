"""Bounds of the texts that a PDF draws, to find what lies over each other or off the page."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator

import pypdfium2
import pypdfium2.raw as pdfium

Box = tuple[float, float, float, float]


def text_boxes(pdf: bytes) -> Iterator[tuple[float, float, list[Box]]]:
    """Of each page: width, height, and the bounds of every text that was drawn in one piece."""
    opened = pypdfium2.PdfDocument(pdf)
    try:
        for page in opened:
            boxes = []
            for index in range(pdfium.FPDFPage_CountObjects(page.raw)):
                drawn = pdfium.FPDFPage_GetObject(page.raw, index)
                if pdfium.FPDFPageObj_GetType(drawn) == pdfium.FPDF_PAGEOBJ_TEXT:
                    edges = [ctypes.c_float() for _ in range(4)]
                    pdfium.FPDFPageObj_GetBounds(drawn, *edges)
                    left, bottom, right, top = (edge.value for edge in edges)
                    boxes.append((left, bottom, right, top))
            yield (*page.get_size(), boxes)
    finally:
        opened.close()


def inside(box: Box, width: float, height: float) -> bool:
    left, bottom, right, top = box
    return left > 5 and bottom > 5 and right < width - 5 and top < height - 5


def overlap(one: Box, other: Box) -> bool:
    across = min(one[2], other[2]) - max(one[0], other[0])
    down = min(one[3], other[3]) - max(one[1], other[1])
    return across > 1.5 and down > 1.2
