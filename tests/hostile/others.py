"""Archives, office files and other things that are no document: none is unpacked."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import struct
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from functools import cache


def _zeros() -> bytes:
    return bytes(50_000_000)


def _zip(*members: tuple[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return buffer.getvalue()


def _tar() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        member = tarfile.TarInfo("../../etc/invoice.pdf")
        member.size = 8
        archive.addfile(member, io.BytesIO(b"%PDF-1.7"))
    return buffer.getvalue()


def _directory_that_claims(entries: int) -> bytes:
    """The end of a ZIP64 archive that says it has so many entries."""
    end = struct.pack("<IQHHIIQQQQ", 0x06064B50, 44, 45, 45, 0, 0, entries, entries, 1 << 40, 0)
    locator = struct.pack("<IIQI", 0x07064B50, 0, 30, 1)
    return (
        b"PK\x03\x04"
        + bytes(26)
        + end
        + locator
        + struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, *(65535,) * 2, *(2**32 - 1,) * 2, 0)
    )


@cache
def _bomb() -> bytes:
    return _zip(("invoice.pdf", _zeros()))


def others() -> Mapping[str, Callable[[], bytes]]:
    """At least 8, by what they are."""
    return {
        "ZIP of 50 MB of zeros": _bomb,
        "ZIP of ZIPs": lambda: _zip(*((f"{number}.zip", _bomb()) for number in range(5))),
        "ZIP of 30,000 names": lambda: _zip(*((f"{number}/invoice.pdf", b"") for number in range(30_000))),
        "ZIP that claims a trillion entries": lambda: _directory_that_claims(1 << 40),
        "ZIP that is cut off": lambda: _bomb()[:20_000],
        "Word document with a bomb": lambda: _zip(("[Content_Types].xml", b"<a/>"), ("word/document.xml", _zeros())),
        "workbook with a bomb": lambda: _zip(("[Content_Types].xml", b"<a/>"), ("xl/workbook.xml", _zeros())),
        "OpenDocument with a bomb": lambda: _zip(("mimetype", b"x"), ("content.xml", _zeros())),
        "older Office document": lambda: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\xff" * 1_000_000,
        "gzip of 50 MB of zeros": lambda: gzip.compress(_zeros()),
        "bzip2 of 50 MB of zeros": lambda: bz2.compress(_zeros()),
        "xz of 50 MB of zeros": lambda: lzma.compress(_zeros()),
        "7z": lambda: b"7z\xbc\xaf\x27\x1c\0\4" + b"\xff" * 1_000_000,
        "RAR": lambda: b"Rar!\x1a\x07\x01\0" + b"\xff" * 1_000_000,
        "tar with a path upwards": lambda: _tar(),
        "HTML that opens without end": lambda: b"<!--" * 2_000_000 + b"<html>" * 1_000_000,
        "text of one endless line": lambda: b"a " * 20_000_000,
    }
