"""Extracts the invoice XML attached to a hybrid PDF (Factur-X, ZUGFeRD, XRechnung), and the files beside it.

It uses pypdf, which a hostile file can keep busy without end or make run out of memory: call it in a worker
(isolated.py).
"""

from __future__ import annotations

import io
import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from pypdf import PdfReader
from pypdf.generic import EmbeddedFile as PdfFile

from cira_pipeline.errors import CiraError
from cira_pipeline.syntaxes.attachments import MAX_FILES, MAX_FILES_BYTES, EmbeddedFile
from cira_pipeline.syntaxes.registry import recognize
from cira_pipeline.syntaxes.safe_xml import MalformedXml


@dataclass(frozen=True)
class EmbeddedXml:
    """Invoice XML attached to a PDF.

    `name`: as in the PDF; `usual`: whether the formats prescribe this name; `others`: names of further invoice XML;
    `files`: everything else that is attached, with that XML.
    """

    name: str
    content: bytes
    usual: bool
    others: tuple[str, ...] = ()
    files: tuple[EmbeddedFile, ...] = ()


_log = logging.getLogger(__name__)

# Preferred first.
INVOICE_NAMES: Final = ("factur-x.xml", "xrechnung.xml", "zugferd-invoice.xml")
_ORDER_NAME: Final = "order-x.xml"
_LARGE_BYTES: Final = MAX_FILES_BYTES // 5


def embedded_xml(pdf: bytes) -> EmbeddedXml | None:
    """The invoice XML of the PDF, `None` when it has none.

    XML with another name than the prescribed ones counts only when it is the only XML and an invoice. XML with a
    prescribed name is returned whatever its content, because it is declared as the invoice.
    """
    attachments = _attachments(pdf)
    xml = _xml_among(attachments)
    usual = sorted(
        (each for each in xml if each[0].lower() in INVOICE_NAMES),
        key=lambda each: INVOICE_NAMES.index(each[0].lower()),
    )
    if usual:
        (name, content), *others = usual
        files = _files_beside(name, content, attachments)
        return EmbeddedXml(name, content, usual=True, others=tuple(other for other, _ in others), files=files)
    unusual = [each for each in xml if each[0].lower() != _ORDER_NAME]
    if len(unusual) != 1:
        return None
    name, content = unusual[0]
    if not _is_invoice(content):
        return None
    return EmbeddedXml(name, content, usual=False, files=_files_beside(name, content, attachments))


def _attachments(pdf: bytes) -> list[PdfFile]:
    try:
        return list(PdfReader(io.BytesIO(pdf)).attachment_list)
    except Exception:  # noqa: BLE001 - pypdf raises many kinds of errors on broken files; the page may still be readable
        _log.warning("the attachments of this PDF cannot be read", exc_info=True)
        return []


def _xml_among(attachments: Iterable[PdfFile]) -> list[tuple[str, bytes]]:
    """Names and contents of XML attachments, without duplicates."""
    try:
        found = ((each.name, each.content) for each in attachments if each.name.lower().endswith(".xml"))
        return list(dict.fromkeys(found))
    except Exception:  # noqa: BLE001 - as above
        _log.warning("the attachments of this PDF cannot be read", exc_info=True)
        return []


def _files_beside(name: str, invoice: bytes, attachments: Sequence[PdfFile]) -> tuple[EmbeddedFile, ...]:
    """The files beside the XML `invoice`, which has this name, as far as their number and size are within the limits.

    A few kilobytes can unpack to very much, so that a file that cannot be unpacked counts as a large one.
    """
    found: list[EmbeddedFile] = []
    left = MAX_FILES_BYTES
    for each in attachments[: MAX_FILES + 1]:
        content = _content(each) if left > 0 else None
        left -= _LARGE_BYTES if content is None else len(content)
        if each.name == name and content in (invoice, None):
            continue
        found.append(
            EmbeddedFile(
                name=each.name,
                content=content,
                description=_text(lambda file: file.description, each),
                media_type=_text(lambda file: file.subtype, each).removeprefix("/"),
            )
        )
    return tuple(found)


def _content(attachment: PdfFile) -> bytes | None:
    try:
        return bytes(attachment.content)
    except Exception:  # noqa: BLE001 - as above; the invoice is none the worse for it
        _log.warning("an attachment of this PDF cannot be read", exc_info=True)
        return None


def _text(part: Callable[[PdfFile], str | None], attachment: PdfFile) -> str:
    try:
        return str(part(attachment) or "")
    except Exception:  # noqa: BLE001 - as above
        return ""


def _is_invoice(content: bytes) -> bool:
    try:
        recognize(content)
    except (CiraError, MalformedXml):
        return False
    return True
