"""Reads the supporting documents that an e-invoice carries or names, BG-24, in any syntax."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from lxml import etree

from cira_pipeline.invoice import Attachment
from cira_pipeline.invoice_bounds import visible
from cira_pipeline.models import Severity
from cira_pipeline.syntaxes.elements import text_of
from cira_pipeline.syntaxes.field_reader import XmlFieldReader, XmlRule

_MAX_NAME_CHARS: Final = 255
_MEDIA_TYPE: Final = re.compile(r"[A-Za-z0-9.+-]{1,60}/[A-Za-z0-9.+-]{1,60}")


@dataclass(frozen=True)
class AttachmentElements:
    """The elements of one supporting document; `None` where it has none. `content` is Base64, BT-125."""

    reference: etree._Element | None
    description: etree._Element | None
    location: etree._Element | None
    content: etree._Element | None


def read_attachments(found: Iterable[AttachmentElements], reader: XmlFieldReader) -> tuple[Attachment, ...]:
    """BG-24. The content stays in the document; the row has its hash."""
    return tuple(_attachment(elements, f"attachments[{at}]", reader) for at, elements in enumerate(found))


def _attachment(elements: AttachmentElements, path: str, reader: XmlFieldReader) -> Attachment:
    content = elements.content
    media_type = str(content.get("mimeCode") or "").strip() if content is not None else ""
    filename = reader.attribute(f"{path}.filename", content, "filename")
    return Attachment(
        reference=reader.text(f"{path}.reference", elements.reference),
        description=reader.text(f"{path}.description", elements.description),
        location=reader.text(f"{path}.location", elements.location),
        filename=None if filename is None else _bare_name(filename),
        media_type=reader.attribute(f"{path}.media_type", content, "mimeCode")
        if _MEDIA_TYPE.fullmatch(media_type)
        else None,
        sha256=_sha256(content, path, reader),
    )


def _bare_name(stated: str) -> str | None:
    """The file name without folders: a name is shown and offered for saving, never used as a path."""
    return visible(re.split(r"[/\\]", stated)[-1][:_MAX_NAME_CHARS].strip(". "))


def _sha256(content: etree._Element | None, path: str, reader: XmlFieldReader) -> str | None:
    """Hash of the decoded content; content that is not Base64 becomes a finding, and one of the other terms."""
    text = text_of(content)
    if content is None or text is None:
        return None
    try:
        decoded = base64.b64decode("".join(text.split()), validate=True)
    except binascii.Error:
        message = "the content of an attachment is not Base64, so it cannot be opened"
        reader.add_finding(XmlRule.ATTACHMENT_UNREADABLE, Severity.INFO, message, path)
        return None
    reader.used(content)
    sha256 = hashlib.sha256(decoded).hexdigest()
    reader.add_evidence(f"{path}.sha256", content, sha256)
    return sha256
