"""How much there is to draw in a PDF, counted before PDFium builds it all in memory.

A file of a few kilobytes can unpack to pages of many million lines, or draw a form that draws ten forms that each draw
ten more, and so on. Loading such a page takes minutes and gigabytes.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections import Counter
from io import BytesIO

from pypdf import PageObject, PdfReader
from pypdf.errors import DependencyError, LimitReachedError, PyPdfError
from pypdf.generic import DictionaryObject, StreamObject

from cira_pipeline.errors import DocumentTooComplex

MAX_PAGE_CONTENT_BYTES = 10_000_000
"""Drawing instructions of one page, a form's as often as it is drawn. Invoices have some ten thousand bytes of them,
pages full of maps a few million."""

MAX_CONTENT_BYTES = 50_000_000
"""Drawing instructions of all pages; what several pages share counts for each of them."""

LEAST_FORM_BYTES = 100

_Forms = dict[bytes, StreamObject]
"""Forms by the name under which instructions draw them."""

_DO = re.compile(rb"/([^\x00\s/<>\[\](){}%]*)(?:[\x00\s]|%[^\r\n]{0,100}[\r\n])+Do\b")
_NAME_ESCAPE = re.compile(rb"#([0-9A-Fa-f]{2})")

# What pypdf raises for files that are not as they should be.
_PYPDF_ERRORS = (
    PyPdfError, DependencyError, OSError, ValueError, TypeError, LookupError, AttributeError, ArithmeticError,
    AssertionError, NotImplementedError, struct.error, zlib.error,
)  # fmt: skip


def check_content_size(content: bytes, *, max_pages: int) -> None:
    """Raises `DocumentTooComplex`. Files that only PDFium can repair are not counted."""
    total = 0
    try:
        for number, page in enumerate(PdfReader(BytesIO(content)).pages[:max_pages], start=1):
            size_bytes = _page_size(page)
            total += size_bytes
            if size_bytes > MAX_PAGE_CONTENT_BYTES or total > MAX_CONTENT_BYTES:
                raise DocumentTooComplex(
                    f"page {number} of the PDF brings its drawing instructions to {total:,} bytes", page=number
                )
    except (LimitReachedError, RecursionError) as error:
        raise DocumentTooComplex("the PDF unpacks to more than can be drawn") from error
    except _PYPDF_ERRORS:
        return


def _page_size(page: PageObject) -> int:
    """Bytes of the instructions that drawing a page takes."""
    contents = page.get_contents()
    return 0 if contents is None else _drawn_size(contents.get_data(), _forms(page, {}), _Drawn())


class _Drawn:
    """Forms that have been counted, with their sizes, and those that are being counted just now."""

    def __init__(self) -> None:
        self.sizes: dict[int, int] = {}
        self.under_way: set[int] = set()


def _drawn_size(instructions: bytes, forms: _Forms, drawn: _Drawn) -> int:
    """Bytes of instructions, each `/Name Do` replaced by what the form of that name draws."""
    size_bytes = len(instructions)
    if forms:
        names = Counter(_NAME_ESCAPE.sub(_unescaped, name) for name in _DO.findall(instructions))
        size_bytes += sum(
            times * _form_size(forms[name], forms, drawn) for name, times in names.items() if name in forms
        )
    return size_bytes


def _form_size(form: StreamObject, inherited: _Forms, drawn: _Drawn) -> int:
    key = id(form)
    if key in drawn.under_way:
        # A form that draws itself: PDFium leaves the inner one out.
        return 0
    if key not in drawn.sizes:
        drawn.under_way.add(key)
        # To draw a form at all takes something, be it empty.
        drawn.sizes[key] = LEAST_FORM_BYTES + _drawn_size(_instructions(form), _forms(form, inherited), drawn)
        drawn.under_way.discard(key)
    return drawn.sizes[key]


def _instructions(form: StreamObject) -> bytes:
    try:
        return form.get_data()
    except (LimitReachedError, RecursionError):
        raise
    except _PYPDF_ERRORS:
        # One form that cannot be unpacked is no reason not to count the others.
        return b""


def _unescaped(escape: re.Match[bytes]) -> bytes:
    return bytes([int(escape.group(1), 16)])


def _forms(holder: DictionaryObject, inherited: _Forms) -> _Forms:
    """The forms a page or form can draw; one without resources of its own draws those of its holder."""
    resources = holder.get("/Resources")
    if resources is None:
        return inherited
    objects = resources.get_object().get("/XObject")
    if objects is None:
        return {}
    named = ((name, reference.get_object()) for name, reference in objects.get_object().items())
    return {
        name.removeprefix("/").encode("utf-8", "surrogateescape"): each
        for name, each in named
        if isinstance(each, StreamObject) and each.get("/Subtype") == "/Form"
    }
