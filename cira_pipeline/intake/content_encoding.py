"""Decompression of HTTP bodies, bounded by the accepted document size."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator

from cira_pipeline.errors import SourceAnswerInvalid, SourceUnavailable
from cira_pipeline.intake.fetched import SizeLimit

CHUNK_BYTES = 1 << 16

_WINDOW_BITS = {"gzip": zlib.MAX_WBITS | 16, "x-gzip": zlib.MAX_WBITS | 16, "deflate": zlib.MAX_WBITS}


def decoded(chunks: Iterable[bytes], encoding: str | None, limit: SizeLimit) -> Iterator[bytes]:
    """Decodes the `Content-Encoding` of a body (RFC 9110, 8.4); each chunk is counted against `limit`.

    Files are requested uncompressed, but some servers store them compressed. Raises `DocumentTooLarge`,
    `SourceAnswerInvalid` for an encoding that was not requested, `SourceUnavailable` for a damaged one.
    """
    name = (encoding or "identity").strip().lower()
    if name in ("", "identity"):
        for chunk in chunks:
            limit.take(len(chunk))
            yield chunk
    elif name in _WINDOW_BITS:
        yield from _inflated(chunks, _WINDOW_BITS[name], limit)
    else:
        raise SourceAnswerInvalid(f"the server sends the file encoded as {name[:40]!r}, which was not asked for")


def _inflated(chunks: Iterable[bytes], window_bits: int, limit: SizeLimit) -> Iterator[bytes]:
    inflater = zlib.decompressobj(window_bits)
    try:
        for chunk in chunks:
            pending = chunk
            while pending and not inflater.eof:
                # A small chunk can unpack to a thousand times its size, so it is decompressed in bounded pieces.
                plain = inflater.decompress(pending, CHUNK_BYTES)
                limit.take(len(plain))
                yield plain
                pending = inflater.unconsumed_tail
        rest = inflater.flush()
    except zlib.error as error:
        raise SourceUnavailable("the server's compressed answer is damaged") from error
    if not inflater.eof:
        raise SourceUnavailable("the server's compressed answer is incomplete")
    limit.take(len(rest))
    yield rest
