"""The invoice XML inside a hybrid PDF (Factur-X, ZUGFeRD, XRechnung).

pypdf opens it, which a hostile file may keep busy without end or fill with memory: call it in a worker (isolated.py).
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

# What stands for the invoice inside a hybrid PDF.


@dataclass(frozen=True)
class EmbeddedXml:
    """`name` as in the PDF; `usual` whether the format's own rules name it so; `others` further invoice XML in it."""

    name: str
    content: bytes
    usual: bool
    others: tuple[str, ...] = ()


_log = logging.getLogger(__name__)

# Preferred first.
INVOICE_NAMES: Final = ("factur-x.xml", "xrechnung.xml", "zugferd-invoice.xml")
_ORDER_NAME: Final = "order-x.xml"


def embedded_xml(pdf: bytes) -> EmbeddedXml | None:
    """The XML that stands for the invoice, `None` when the PDF holds none.

    XML under another name counts only when it is the only one and is an invoice. What stands under an invoice's name is
    returned whatever it is: it claims to be the invoice.
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
    """Names and contents; one that is attached twice counts once."""
    try:
        attachments = PdfReader(io.BytesIO(pdf)).attachment_list
        found = ((each.name, each.content) for each in attachments if each.name.lower().endswith(".xml"))
        return list(dict.fromkeys(found))
    except Exception:  # noqa: BLE001 - pypdf fails in countless ways on broken files; the page may still be readable
        _log.warning("the attachments of this PDF cannot be read", exc_info=True)
        return []


def _is_invoice(content: bytes) -> bool:
    try:
        recognize(content)
    except (CiraError, MalformedXml):
        return False
    return True
