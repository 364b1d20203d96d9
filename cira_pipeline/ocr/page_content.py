"""Checks that a page's drawing instructions are decodable: a page that cannot be drawn looks like a blank one."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from io import BytesIO
from typing import Any

from pypdf import PdfReader
from pypdf.errors import PyPdfError
from pypdf.generic import ArrayObject, StreamObject


def damage_of(content: bytes, page_number: int) -> str | None:
    """The fault of the content streams of one page (from 1) of a PDF; `None` when they can be decoded."""
    try:
        page = PdfReader(BytesIO(content)).pages[page_number - 1]
        for stream in _streams(page.get("/Contents")):
            stream.get_data()
            _require_whole(stream)
    except (PyPdfError, ValueError, zlib.error, LookupError, TypeError, AttributeError, OSError) as error:
        return f"its content cannot be decoded ({error})"
    return None


def _streams(contents: Any) -> Iterator[StreamObject]:
    found = contents.get_object() if contents is not None else None
    for part in found if isinstance(found, ArrayObject) else [found]:
        stream = part.get_object() if part is not None else None
        if isinstance(stream, StreamObject):
            yield stream


def _require_whole(stream: StreamObject) -> None:
    """Raises ValueError for broken Flate data, which pypdf would repair silently."""
    if stream.get("/Filter") in ("/FlateDecode", ["/FlateDecode"]):
        inflating = zlib.decompressobj()
        left = stream._data
        while left and not inflating.eof:
            # In pieces: the output is not kept, and may be a thousand times as large.
            inflating.decompress(left, max_length=1_000_000)
            left = inflating.unconsumed_tail
        if not inflating.eof:
            raise ValueError("it is truncated")
