"""Guesses the type of an unsupported file, so that its sender knows what to do."""

from __future__ import annotations

import io
import re
import zipfile

import puremagic

HTML_LIKENESS = "looks like an HTML page: the URL leads to a web page, not to the file"

SURE_ENOUGH = 0.3
"""Minimum confidence of puremagic, which grows with the length of the match; two bytes can match anything."""

_HTML = re.compile(
    rb"(\xef\xbb\xbf)?\s*(<\?xml[^>]{0,200}>\s*)?(<!--.{0,2000}?-->\s*){0,5}"
    rb"<(!doctype\s+html|html|head|body|title|script|meta|div|p|br|h1|table)\b",
    re.IGNORECASE | re.DOTALL,
)
_OFFICE = (
    ("word/", "a Word document (.docx)"),
    ("xl/", "an Excel workbook (.xlsx)"),
    ("ppt/", "a PowerPoint presentation (.pptx)"),
    ("content.xml", "an OpenDocument file (.odt or .ods)"),
)


def likeness(content: bytes) -> str:
    """The end of a sentence that begins with "the file": its likely type."""
    if _HTML.match(content[:16_384]):
        return HTML_LIKENESS
    if content.startswith(b"PK\x03\x04"):
        return f"looks like {_in_archive(content)}"
    if content.startswith(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"):
        return "looks like an older Microsoft Office document or an Outlook message"
    try:
        guess = puremagic.magic_string(content)[0]
    except puremagic.PureError:
        guess = None
    if guess is not None and guess.confidence >= SURE_ENOUGH:
        return f"looks like this: {guess.name} ({guess.extension})"
    return "looks like plain text" if _is_text(content) else "is of an unknown type"


def _in_archive(content: bytes) -> str:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return "a damaged ZIP archive"
    for beginning, what in _OFFICE:
        if any(name.startswith(beginning) for name in names):
            return what
    return "a ZIP archive"


def _is_text(content: bytes) -> bool:
    head = content[:4096]
    # The last character may be truncated.
    return b"\0" not in head and any(_decodes(head[: len(head) - cut]) for cut in range(4))


def _decodes(head: bytes) -> bool:
    try:
        head.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
