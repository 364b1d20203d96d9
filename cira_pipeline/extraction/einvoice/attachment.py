"""Extracts the invoice XML attached to a hybrid PDF (Factur-X, ZUGFeRD, XRechnung).

It uses pypdf, which a hostile file can keep busy without end or make run out of memory: call it in a worker
(isolated.py).
"""

from __future__ import annotations

import io
import logging
from dataclasses import dataclass
from typing import Final

from pypdf import PdfReader

from cira_pipeline.errors import CiraError
from cira_pipeline.syntaxes.registry import recognize
from cira_pipeline.syntaxes.safe_xml import MalformedXml


@dataclass(frozen=True)
class EmbeddedXml:
    """Invoice XML attached to a PDF.

    `name`: as in the PDF; `usual`: whether the formats prescribe this name; `others`: names of further invoice XML.
    """

    name: str
    content: bytes
    usual: bool
    others: tuple[str, ...] = ()


_log = logging.getLogger(__name__)

# Preferred first.
INVOICE_NAMES: Final = ("factur-x.xml", "xrechnung.xml", "zugferd-invoice.xml")
_ORDER_NAME: Final = "order-x.xml"


def embedded_xml(pdf: bytes) -> EmbeddedXml | None:
    """The invoice XML of the PDF, `None` when it has none.

    XML with another name than the prescribed ones counts only when it is the only XML and an invoice. XML with a
    prescribed name is returned whatever its content, because it is declared as the invoice.
    """
    attachments = _xml_attachments(pdf)
    usual = sorted(
        (each for each in attachments if each[0].lower() in INVOICE_NAMES),
        key=lambda each: INVOICE_NAMES.index(each[0].lower()),
    )
    if usual:
        (name, content), *others = usual
        return EmbeddedXml(name, content, usual=True, others=tuple(other for other, _ in others))
    unusual = [each for each in attachments if each[0].lower() != _ORDER_NAME]
    if len(unusual) != 1:
        return None
    name, content = unusual[0]
    return EmbeddedXml(name, content, usual=False) if _is_invoice(content) else None


def _xml_attachments(pdf: bytes) -> list[tuple[str, bytes]]:
    """Names and contents of XML attachments, without duplicates."""
    try:
        attachments = PdfReader(io.BytesIO(pdf)).attachment_list
        found = ((each.name, each.content) for each in attachments if each.name.lower().endswith(".xml"))
        return list(dict.fromkeys(found))
    except Exception:  # noqa: BLE001 - pypdf raises many kinds of errors on broken files; the page may still be readable
        _log.warning("the attachments of this PDF cannot be read", exc_info=True)
        return []


def _is_invoice(content: bytes) -> bool:
    try:
        recognize(content)
    except (CiraError, MalformedXml):
        return False
    return True
