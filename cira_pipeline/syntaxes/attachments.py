"""Reads the supporting documents that an e-invoice carries or names, BG-24, in any syntax."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final
from urllib.parse import unquote

from lxml import etree

from cira_pipeline.invoice import Attachment
from cira_pipeline.invoice_bounds import visible
from cira_pipeline.models import Severity
from cira_pipeline.syntaxes.elements import text_of
from cira_pipeline.syntaxes.field_reader import XmlFieldReader, XmlRule, is_too_long

MAX_FILES: Final = 100
"""Maximum number of attached files of one document that are kept."""
MAX_FILES_BYTES: Final = 50_000_000
"""Maximum size of these files together."""

_MAX_NAME_CHARS: Final = 255
_MEDIA_TYPE: Final = re.compile(r"[A-Za-z0-9.+-]{1,60}/[A-Za-z0-9.+-]{1,60}")
_EMBEDDED: Final = re.compile(r"#(?:.*&)?ef=([^&]+)")


@dataclass(frozen=True)
class AttachmentElements:
    """The elements of one supporting document; `None` where it has none. `content` is Base64, BT-125."""

    reference: etree._Element | None
    description: etree._Element | None
    location: etree._Element | None
    content: etree._Element | None


@dataclass(frozen=True)
class EmbeddedFile:
    """A file in a PDF, with the name, description and media type that the PDF states; `None`: unreadable content."""

    name: str
    content: bytes | None = field(repr=False)
    description: str = ""
    media_type: str = ""


def read_attachments(found: Iterable[AttachmentElements], reader: XmlFieldReader) -> tuple[Attachment, ...]:
    """BG-24. The row has the hash of the content, which goes to `reader.files`."""
    return tuple(_attachment(elements, f"attachments[{at}]", reader) for at, elements in enumerate(found))


def with_embedded_files(
    attachments: Sequence[Attachment], files: Iterable[EmbeddedFile], reader: XmlFieldReader
) -> tuple[Attachment, ...]:
    """`attachments` of the XML and the files of the PDF that carries it, each file once.

    A file that the XML names as the location of a row (`#ef=NAME`, RFC 8118) is the content of that row.
    """
    rows = list(attachments)
    for each in files:
        named = (at for at, row in enumerate(rows) if row.sha256 is None and _name_embedded_in(row) == each.name)
        at = next(named, len(rows))
        path = f"attachments[{at}]"
        if each.content is None:
            sha256 = None
            _add_unreadable(path, reader)
        elif any(row.sha256 == hashlib.sha256(each.content).hexdigest() for row in rows):
            continue
        else:
            sha256 = _kept(each.content, path, reader)
        stated: dict[str, str | None] = {
            "filename": _bare_name(each.name),
            "description": visible(" ".join(each.description.split())),
            "media_type": each.media_type if _MEDIA_TYPE.fullmatch(each.media_type) else None,
            "sha256": sha256,
        }
        row = rows[at] if at < len(rows) else Attachment()
        added: dict[str, object] = {
            name: text
            for name, text in stated.items()
            if text and getattr(row, name) is None and not is_too_long(f"{path}.{name}", text)
        }
        for name in added:
            reader.add_file_evidence(f"{path}.{name}", str(stated[name]))
        if each.content is not None:
            added["size_bytes"] = Decimal(len(each.content))
            reader.add_file_evidence(f"{path}.size_bytes", str(len(each.content)))
        rows[at:] = [row.model_copy(update=added), *rows[at + 1 :]]
    return tuple(rows)


def _name_embedded_in(row: Attachment) -> str | None:
    found = _EMBEDDED.fullmatch(row.location or "")
    return unquote(found.group(1)) if found else None


def _attachment(elements: AttachmentElements, path: str, reader: XmlFieldReader) -> Attachment:
    element = elements.content
    media_type = str(element.get("mimeCode") or "").strip() if element is not None else ""
    filename = reader.attribute(f"{path}.filename", element, "filename")
    content = _content(element, path, reader)
    sha256 = None
    if content is not None and element is not None:
        sha256 = _kept(content, path, reader)
        reader.add_evidence(f"{path}.size_bytes", element, str(len(content)))
        reader.add_evidence(f"{path}.sha256", element, sha256)
    return Attachment(
        reference=reader.text(f"{path}.reference", elements.reference),
        description=reader.text(f"{path}.description", elements.description),
        location=reader.text(f"{path}.location", elements.location),
        filename=None if filename is None else _bare_name(filename),
        media_type=reader.attribute(f"{path}.media_type", element, "mimeCode")
        if _MEDIA_TYPE.fullmatch(media_type)
        else None,
        size_bytes=None if content is None else Decimal(len(content)),
        sha256=sha256,
    )


def _bare_name(stated: str) -> str | None:
    """The file name without folders: a name is shown and offered for saving, never used as a path."""
    name = visible(" ".join(re.split(r"[/\\]", stated)[-1].split()))
    return visible(name[:_MAX_NAME_CHARS].strip(". ")) if name else None


def _content(element: etree._Element | None, path: str, reader: XmlFieldReader) -> bytes | None:
    """The decoded content; content that is not Base64 becomes a finding, and one of the other terms."""
    text = text_of(element)
    if element is None or text is None:
        return None
    try:
        decoded = base64.b64decode("".join(text.split()), validate=True)
    except ValueError:  # binascii.Error, and plain ValueError for letters beyond ASCII
        _add_unreadable(path, reader)
        return None
    reader.used(element)
    return decoded


def _kept(content: bytes, path: str, reader: XmlFieldReader) -> str:
    """The hash of `content`, which is kept within the limits; beyond them there is a finding."""
    sha256 = hashlib.sha256(content).hexdigest()
    if sha256 in reader.files:
        return sha256
    if len(reader.files) >= MAX_FILES or sum(map(len, reader.files.values())) + len(content) > MAX_FILES_BYTES:
        message = (
            f"an attachment is not kept: at most {MAX_FILES} are, with {MAX_FILES_BYTES:,} bytes together; "
            "it is only in the document"
        )
        reader.add_finding(XmlRule.ATTACHMENT_NOT_KEPT, Severity.INFO, message, path)
    else:
        reader.files[sha256] = content
    return sha256


def _add_unreadable(path: str, reader: XmlFieldReader) -> None:
    message = "the content of an attachment cannot be decoded, so it cannot be opened"
    reader.add_finding(XmlRule.ATTACHMENT_UNREADABLE, Severity.INFO, message, path)
