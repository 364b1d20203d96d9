"""Detects which of a page's native text is visible to a person.

A PDF can contain invisible text: white on white, covered, transparent, on a hidden layer, under a picture, or too
small. The page is rendered, and a word is visible when its area is not of one colour. That proves little over a
picture; there the page is rendered again without its text, and a word is visible when its area changes.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pypdfium2 as pdfium
import pypdfium2.raw as pdfium_c
from docling.utils.locks import pypdfium2_lock
from numpy.typing import NDArray

from cira_pipeline.ocr.drawn_text import DrawnText
from cira_pipeline.ocr.page_pictures import Region

Image = NDArray[np.uint8]

DPI = 144
LEAST_CONTRAST = 20
"""Difference between the darkest and the lightest pixel of a word, of 255, below which it is invisible."""
LEAST_HEIGHT_PT = 2.8
"""Height of a line's box, about that of 3-point type: smaller text is illegible."""
_LARGEST_PX = 30_000_000
# Rules of a table run along the edges of its words.
_EDGE = 0.12
_DEEPEST_FORM = 8
# Widths in a number: full stop and comma relative to a digit, and the margin cut off a digit's sides to get its middle.
_NARROW = 0.5
_MIDDLE = 0.15
# How far from docling-parse's position the viewer may have drawn a word, in heights of the line.
_REACH = 4

_A4_BYTES = 3 * 1191 * 1684


class RenderBuffer:
    """Reusable memory for rendering one page after the other; owned by its creator.

    Allocating fresh memory from the kernel for each page takes as long as rendering it.
    """

    def __init__(self) -> None:
        self._free: list[Any] = []

    @contextmanager
    def lent(self) -> Iterator[Any]:
        """Memory for one page at a time: two threads get two buffers, of which one is kept."""
        try:
            memory = self._free.pop()
        except IndexError:
            memory = (ctypes.c_ubyte * _A4_BYTES)()
        try:
            yield memory
        finally:
            self._free[:] = [memory]


@dataclass(frozen=True)
class PageVisibility:
    """Rendered page. `drawn`: as a viewer shows it, BGR. `textless`: without its text, where pictures lie on it.

    `text`: positions at which the viewer draws that text.
    """

    drawn: Image
    textless: Image | None
    text: DrawnText
    width: float
    height: float
    pictures: Sequence[Region] = ()

    def sees(self, left: float, top: float, right: float, bottom: float) -> bool:
        """Whether text in this box, in points from the page's top left, is visible."""
        place = self._pixels(left, top, right, bottom)
        shown = self.drawn[place]
        if not _of_several_colours(shown):
            return False
        if self.textless is None or not self._over_picture((left + right) / 2, (top + bottom) / 2):
            return True
        return int(np.abs(shown.astype(np.int16) - self.textless[place]).max()) >= LEAST_CONTRAST

    def sees_around(self, left: float, top: float, right: float, bottom: float) -> bool:
        """Whether there is ink within a line's height beside this box, where a substitute font may have drawn it."""
        reach = bottom - top
        return self.sees(left - reach, top, right + reach, bottom)

    def sees_each_figure(self, text: str, left: float, top: float, right: float, bottom: float) -> bool:
        """Whether every digit of a number on an upright line shows ink of its own: one may be added in white."""
        if not any(map(str.isdigit, text)):
            return True
        widths = [1.0 if char.isalnum() else _NARROW for char in text]
        unit, start = (right - left) / sum(widths), left
        for char, width in zip(text, widths, strict=True):
            end = start + width * unit
            if char.isdigit() and not self._sees_middle(start, top, end, bottom):
                return False
            start = end
        return True

    def sees_where_drawn(self, text: str, left: float, top: float, right: float, bottom: float) -> bool:
        """Whether every letter and digit shows ink where the viewer drew this word of an upright line.

        That is the position of the word nearest to this box, on the same line and within `_REACH` of its height.
        """
        reach, middle = _REACH * (bottom - top), (top + bottom) / 2
        near = [
            characters
            for characters in self.text.places(text)
            if characters[0][1] < middle < characters[0][3] and abs(characters[0][0] - left) <= reach
        ]
        if not near:
            return False
        nearest = min(near, key=lambda characters: abs(characters[0][0] - left))
        return all(
            self._sees_middle(*character) for char, character in zip(text, nearest, strict=True) if char.isalnum()
        )

    def _sees_middle(self, left: float, top: float, right: float, bottom: float) -> bool:
        """Whether a character in this box shows ink of its own, not only its neighbours'."""
        margin = _MIDDLE * (right - left)
        return self.sees(left + margin, top, right - margin, bottom)

    def _over_picture(self, x: float, y: float) -> bool:
        return any(left <= x <= right and top <= y <= bottom for left, top, right, bottom in self.pictures)

    def _pixels(self, left: float, top: float, right: float, bottom: float) -> tuple[slice, slice]:
        x, y = self._pixels_a_point
        width, height = right - left, bottom - top
        edge_x, edge_y = _EDGE * min(width, height) / 2, _EDGE * height
        first_row, first_column = int((top + edge_y) * y), int((left + edge_x) * x)
        return (
            slice(max(first_row, 0), max(round((bottom - edge_y) * y), first_row + 1, 0)),
            slice(max(first_column, 0), max(round((right - edge_x) * x), first_column + 1, 0)),
        )

    @cached_property
    def _pixels_a_point(self) -> tuple[float, float]:
        return self.drawn.shape[1] / self.width, self.drawn.shape[0] / self.height


@contextmanager
def page_visibility(
    content: bytes, page_number: int, width: float, height: float, pictures: Sequence[Region], memory: Any
) -> Iterator[PageVisibility]:
    """Renders a page of a PDF, `width` by `height` points as shown; `pictures` are its picture regions in those points.

    The page is rendered in `memory`, if it is large enough.
    """
    with pypdfium2_lock:
        document = pdfium.PdfDocument(content)
    try:
        with pypdfium2_lock:
            document.init_forms()
            page = document[page_number - 1]
            drawn = _drawn(page, memory)
            textless = None
            if pictures and _take_text_away(page):
                textless = _drawn(page)
        if textless is not None and textless.shape != drawn.shape:
            textless = None
        yield PageVisibility(drawn, textless, DrawnText(document, page_number), width, height, tuple(pictures))
    finally:
        with pypdfium2_lock:
            document.close()


class _Paper(pdfium.PdfBitmap):  # type: ignore[misc]
    """A bitmap filled with white in 0.2 ms a page; PDFium takes 1.8 ms, three bytes at a time."""

    def fill_rect(self, color: Sequence[int], left: int, top: int, width: int, height: int) -> None:
        if set(color) == {255} and (left, top, width, height) == (0, 0, self.width, self.height):
            ctypes.memset(self.buffer, 255, self.stride * self.height)
        else:
            super().fill_rect(color, left, top, width, height)


def _drawn(page: Any, memory: Any = None) -> Image:
    """Renders the page, in `memory` if it is large enough."""
    width, height = page.get_size()
    scale = min(DPI / 72, (_LARGEST_PX / max(width * height, 1.0)) ** 0.5)

    def bitmap(wide: int, high: int, **given: Any) -> pdfium.PdfBitmap:
        fits = memory is not None and 3 * wide * high <= len(memory)
        return _Paper.new_native(wide, high, buffer=memory if fits else None, **given)

    # The array keeps the bitmap's memory, which outlives the document: new_native takes it from Python.
    picture: Image = page.render(
        scale=scale, bitmap_maker=bitmap, force_bitmap_format=pdfium_c.FPDFBitmap_BGR
    ).to_numpy()
    return picture


def _of_several_colours(pixels: Image) -> bool:
    if pixels.size == 0:
        return False
    # Nearly every word shows in the green of its middle row: checking that first is far cheaper than all pixels.
    middle = pixels[pixels.shape[0] // 2, :, 1].tobytes()
    return max(middle) - min(middle) >= LEAST_CONTRAST or _range(pixels) >= LEAST_CONTRAST


def _range(pixels: Image) -> int:
    """Largest difference within one colour channel."""
    flat = pixels.reshape(-1, pixels.shape[2])
    return int((flat.max(axis=0).astype(np.int16) - flat.min(axis=0)).max())


def _take_text_away(page: Any) -> bool:
    """Removes text from the loaded page; false when there is none that can be removed."""
    removed = False
    for each in _objects(page.raw, pdfium_c.FPDFPage_CountObjects, pdfium_c.FPDFPage_GetObject):
        kind = pdfium_c.FPDFPageObj_GetType(each)
        if kind == pdfium_c.FPDF_PAGEOBJ_TEXT:
            removed |= bool(pdfium_c.FPDFPage_RemoveObject(page.raw, each))
        elif kind == pdfium_c.FPDF_PAGEOBJ_FORM:
            removed |= _take_text_from_form(each, _DEEPEST_FORM)
    return removed


def _take_text_from_form(form: Any, depth: int) -> bool:
    removed = False
    for each in _objects(form, pdfium_c.FPDFFormObj_CountObjects, pdfium_c.FPDFFormObj_GetObject):
        kind = pdfium_c.FPDFPageObj_GetType(each)
        if kind == pdfium_c.FPDF_PAGEOBJ_TEXT:
            removed |= bool(pdfium_c.FPDFFormObj_RemoveObject(form, each))
        elif kind == pdfium_c.FPDF_PAGEOBJ_FORM and depth:
            removed |= _take_text_from_form(each, depth - 1)
    return removed


def _objects(parent: Any, count: Any, get: Any) -> list[Any]:
    return [get(parent, index) for index in range(count(parent))]
