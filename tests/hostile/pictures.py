"""Hostile pictures."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Mapping
from io import BytesIO
from typing import Any

from PIL import Image

from tests.hostile.bombs import unpacks_to

SIGNATURE = b"\x89PNG\r\n\x1a\n"


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png(
    width: int, height: int, *chunks: bytes, rows: bytes | None = None, depth: int = 8, interlaced: int = 0
) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, depth, 0, 0, 0, interlaced)
    data = unpacks_to(b"\0", (width * depth // 8 + 1) * height) if rows is None else rows
    return SIGNATURE + chunk(b"IHDR", header) + b"".join(chunks) + chunk(b"IDAT", data) + _END


_END = chunk(b"IEND", b"")


def _jpeg(side: int, **options: Any) -> bytes:
    buffer = BytesIO()
    Image.effect_noise((side, side), 60).save(buffer, "JPEG", **options)
    return buffer.getvalue()


def _scans(times: int) -> bytes:
    """A progressive JPEG whose last scan comes `times` times."""
    buffer = BytesIO()
    Image.new("L", (4_000, 4_000)).save(buffer, "JPEG", progressive=True)
    whole = buffer.getvalue()
    last = whole.rfind(b"\xff\xda")
    return whole[:last] + whole[last:-2] * times + b"\xff\xd9"


def _jpeg_that_claims(width: int, height: int) -> bytes:
    whole = bytearray(_jpeg(64))
    frame = whole.find(b"\xff\xc0")
    struct.pack_into(">HH", whole, frame + 5, height, width)
    return bytes(whole)


def _comments(count: int) -> bytes:
    whole = _jpeg(64)
    return whole[:2] + (b"\xff\xfe\x00\x03x" * count) + whole[2:]


def tiff(*entries: tuple[int, int, int, int], after: bytes = b"", directories: int = 1, loops: bool = False) -> bytes:
    """Directories of the same entries, one after the other: tag, type, count, value."""
    size = 2 + 12 * len(entries) + 4
    pieces, at = [b"II*\0" + struct.pack("<I", 8 + len(after)) + after], 8 + len(after)
    packed = b"".join(struct.pack("<HHII", *entry) for entry in entries)
    for number in range(directories):
        last = number == directories - 1
        following = (8 + len(after) if loops else 0) if last else at + size
        pieces.append(struct.pack("<H", len(entries)) + packed + struct.pack("<I", following))
        at += size
    return b"".join(pieces)


def _gray(width: int, height: int, compression: int, size: int, *, bits: int = 8) -> list[tuple[int, int, int, int]]:
    return [
        (256, 4, 1, width),
        (257, 4, 1, height),
        (258, 3, 1, bits),
        (259, 3, 1, compression),
        (262, 3, 1, 1),
        (273, 4, 1, 8),
        (277, 3, 1, 1),
        (278, 4, 1, height),
        (279, 4, 1, size),
    ]


def _frames(count: int) -> bytes:
    return b"".join(
        chunk(b"fcTL", struct.pack(">IIIIIHHBB", number, 1, 1, 0, 0, 1, 1, 0, 0)) for number in range(count)
    )


def _packed(size: int) -> bytes:
    return unpacks_to(b"\0", size + 1_000_000)


def _packed_tiff(width: int, height: int, size: int) -> bytes:
    data = _packed(size)
    return tiff(*_gray(width, height, 8, len(data)), after=data)


def pictures() -> Mapping[str, Callable[[], bytes]]:
    """At least 12, by what they try."""
    return {
        "PNG of 2,500,000,000 pixels": lambda: png(50_000, 50_000, rows=b""),
        "PNG of 98,000,000 pixels": lambda: png(9_900, 9_900),
        "PNG interlaced, of 98,000,000 pixels": lambda: png(9_900, 9_900, rows=_packed(120_000_000), interlaced=1),
        "PNG with 300 MB of text": lambda: png(8, 8, chunk(b"zTXt", b"Comment\0\0" + _packed(300_000_000))),
        "PNG with 300 MB of colour profile": lambda: png(8, 8, chunk(b"iCCP", b"p\0\0" + _packed(300_000_000))),
        "PNG with 300 MB of international text": lambda: png(
            8, 8, chunk(b"iTXt", b"k\0\1\0\0\0" + _packed(300_000_000))
        ),
        "PNG of a million chunks": lambda: png(8, 8, chunk(b"teSt", b"") * 1_000_000),
        "PNG with 50,000 frames": lambda: png(8, 8, chunk(b"acTL", struct.pack(">II", 50_000, 0)), _frames(50_000)),
        "PNG with 300 MB after its last row": lambda: png(8, 8, rows=_packed(300_000_000)),
        "JPEG of 3,000 scans": lambda: _scans(3_000),
        "JPEG of 4,000,000,000 pixels": lambda: _jpeg_that_claims(65_500, 65_500),
        "JPEG of 99,000,000 pixels without data": lambda: _jpeg_that_claims(65_500, 1_520),
        "JPEG of a million comments": lambda: _comments(1_000_000),
        "TIFF of 10,000 directories": lambda: tiff(*_gray(8, 8, 1, 64), after=bytes(64), directories=10_000),
        "TIFF whose directories form a circle": lambda: tiff(
            *_gray(8, 8, 1, 64), after=bytes(64), directories=3, loops=True
        ),
        "TIFF of 98,000,000 pixels": lambda: _packed_tiff(9_900, 9_900, 9_900 * 9_900),
        "TIFF of 300 MB in one strip": lambda: _packed_tiff(64, 64, 300_000_000),
        "TIFF of fax without data": lambda: tiff(*_gray(9_900, 9_900, 4, 16, bits=1), after=bytes(16)),
        "TIFF whose strips are beyond the file": lambda: tiff(
            *_gray(64, 64, 1, 0xFFFFFFF0)[:-1], (279, 4, 0x3FFFFFFF, 8)
        ),
        "TIFF of 65,535 entries": lambda: tiff(*[(40_000, 2, 0x7FFFFFFF, 8)] * 65_535),
    }
