"""Estimates the drawing work of a PDF before PDFium builds it in memory.

A file of a few kilobytes can unpack to pages of many million lines, draw a form that draws ten forms that each draw ten
more, and so on, or fill a page with an invisibly fine pattern. Drawing such a page takes minutes and gigabytes. This
estimate refuses it at once with a reason; whatever it misses is ended by the limits of the process that opens the
document (docs/decisions/0024-hostile-documents.md).
"""

from __future__ import annotations

import re
import struct
import zlib
from collections import Counter
from collections.abc import Callable, Mapping
from io import BytesIO
from typing import NamedTuple

from pypdf import PageObject, PdfReader
from pypdf.errors import DependencyError, LimitReachedError, PyPdfError
from pypdf.generic import DictionaryObject, StreamObject

from cira_pipeline.errors import DocumentTooComplex

MAX_PAGE_CONTENT_BYTES = 10_000_000
"""Maximum bytes of drawing instructions of one page, with a form counted as often as it is drawn. Invoices have some
ten thousand bytes, pages full of maps a few million."""

MAX_CONTENT_BYTES = 50_000_000
"""Maximum bytes of drawing instructions of all pages; instructions shared by pages count for each of them."""

LEAST_FORM_BYTES = 100

MAX_FORM_DEPTH = 50
"""Maximum nesting of forms. PDFium draws 15 levels, programs nest a few."""

CELLS_A_BYTE = 10
"""Cells of a tiling pattern that take as long to place as a byte of instructions takes to draw."""


class _Drawable(NamedTuple):
    """Named resources that instructions can draw: forms, and tiling patterns that fill areas."""

    forms: Mapping[bytes, StreamObject]
    patterns: Mapping[bytes, StreamObject]


_NOTHING = _Drawable({}, {})

_NAMED = rb"/([^\x00\s/<>\[\](){}%]*)(?:[\x00\s]|%[^\r\n]{0,100}[\r\n])+"
_DO = re.compile(_NAMED + rb"Do\b")
_FILL = re.compile(_NAMED + rb"(?:scn|SCN)\b")
_NAME_ESCAPE = re.compile(rb"#([0-9A-Fa-f]{2})")

# Exceptions of pypdf for malformed files.
_PYPDF_ERRORS = (
    PyPdfError, DependencyError, OSError, ValueError, TypeError, LookupError, AttributeError, ArithmeticError,
    AssertionError, NotImplementedError, struct.error, zlib.error,
)  # fmt: skip


def check_content_size(content: bytes, *, max_pages: int) -> None:
    """Refuses a PDF that is too complex to draw. Files that only PDFium can repair are not counted.

    Raises: DocumentTooComplex.
    """
    total = 0
    try:
        for number, page in enumerate(PdfReader(BytesIO(content)).pages[:max_pages], start=1):
            size_bytes = _page_size(page)
            total += size_bytes
            if size_bytes > MAX_PAGE_CONTENT_BYTES or total > MAX_CONTENT_BYTES:
                raise DocumentTooComplex(
                    f"up to page {number} the PDF has {total:,} bytes of drawing instructions, too much to draw",
                    page=number,
                )
    except (LimitReachedError, RecursionError) as error:
        raise DocumentTooComplex("the PDF unpacks to more than can be drawn") from error
    except _PYPDF_ERRORS:
        return


def _page_size(page: PageObject) -> int:
    """Bytes of instructions for drawing a page."""
    contents = page.get_contents()
    if contents is None:
        return 0
    width, height = float(page.mediabox.width), float(page.mediabox.height)
    return _Counting(abs(width * height)).drawn(contents.get_data(), _drawable(page, _NOTHING))


class _Counting:
    """Counts one page of `area` square points. Remembers what is counted and what is being counted."""

    def __init__(self, area: float) -> None:
        self._area = area
        self._sizes: dict[int, int] = {}
        self._under_way: set[int] = set()

    def drawn(self, instructions: bytes, drawable: _Drawable) -> int:
        """Bytes of instructions, in which each `/Name Do` counts as much as its form, and each use of a pattern as much
        as its cells.
        """
        size_bytes = len(instructions)
        for named, operator, size_of in (
            (drawable.forms, _DO, self._form_size),
            (drawable.patterns, _FILL, self._pattern_size),
        ):
            if named:
                names = Counter(_NAME_ESCAPE.sub(_unescaped, name) for name in operator.findall(instructions))
                size_bytes += sum(
                    times * size_of(named[name], drawable) for name, times in names.items() if name in named
                )
        return size_bytes

    def _form_size(self, form: StreamObject, inherited: _Drawable) -> int:
        key = id(form)
        if key in self._under_way:
            # PDFium omits the inner form only after it has drawn many; docling-parse never does.
            raise DocumentTooComplex("a form or pattern of the PDF draws itself")
        if len(self._under_way) >= MAX_FORM_DEPTH:
            raise DocumentTooComplex(f"forms of the PDF draw forms more than {MAX_FORM_DEPTH} deep")
        if key not in self._sizes:
            self._under_way.add(key)
            # Drawing a form takes time, even if it is empty.
            self._sizes[key] = LEAST_FORM_BYTES + self.drawn(_instructions(form), _drawable(form, inherited))
            self._under_way.discard(key)
        return self._sizes[key]

    def _pattern_size(self, pattern: StreamObject, inherited: _Drawable) -> int:
        """A cell is drawn once, and then placed as often as it fits on the page."""
        return self._form_size(pattern, inherited) + int(_cells(pattern, self._area)) // CELLS_A_BYTE


def _cells(pattern: StreamObject, area: float) -> float:
    """Cells of a tiling pattern on `area` square points (ISO 32000-1, 8.7.3). Steps of zero count as tiny."""
    a, b, c, d = (float(number) for number in [*pattern.get("/Matrix", (1, 0, 0, 1, 0, 0))][:4])
    step = abs(float(pattern.get("/XStep", 0)) * float(pattern.get("/YStep", 0)) * (a * d - b * c))
    return area / max(step, _TINY_STEP)


_TINY_STEP = 1e-9


def _instructions(form: StreamObject) -> bytes:
    try:
        return form.get_data()
    except (LimitReachedError, RecursionError):
        raise
    except _PYPDF_ERRORS:
        # One form that cannot be decompressed must not stop the counting of the others.
        return b""


def _unescaped(escape: re.Match[bytes]) -> bytes:
    return bytes([int(escape.group(1), 16)])


def _drawable(holder: DictionaryObject, inherited: _Drawable) -> _Drawable:
    """Resources that a page, form or pattern can draw; one without its own resources uses those of its holder."""
    given = holder.get("/Resources")
    if given is None:
        return inherited
    resources = given.get_object()
    return _Drawable(
        forms=_named(resources, "/XObject", lambda each: each.get("/Subtype") == "/Form"),
        patterns=_named(resources, "/Pattern", lambda each: each.get("/PatternType") == 1),
    )


def _named(
    resources: DictionaryObject, kind: str, wanted: Callable[[StreamObject], bool]
) -> Mapping[bytes, StreamObject]:
    objects = resources.get(kind)
    if objects is None:
        return {}
    named = ((name, reference.get_object()) for name, reference in objects.get_object().items())
    return {
        name.removeprefix("/").encode("utf-8", "surrogateescape"): each
        for name, each in named
        if isinstance(each, StreamObject) and wanted(each)
    }
