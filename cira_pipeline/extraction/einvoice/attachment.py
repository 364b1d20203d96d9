"""The invoice XML inside a hybrid PDF (Factur-X, ZUGFeRD, XRechnung)."""

from __future__ import annotations

import glob
import io
import logging
from dataclasses import dataclass
from typing import Final

import facturx
from pypdf import PdfReader

from cira_pipeline.errors import EInvoiceInvalid

_log = logging.getLogger(__name__)

# Preferred first. `order-x.xml` is an order and never an invoice.
INVOICE_NAMES: Final = ("factur-x.xml", "xrechnung.xml", "zugferd-invoice.xml")


@dataclass(frozen=True)
class EmbeddedXml:
    """`name` as in the PDF; `usual` whether the format's own rules name it so; `others` further invoice XML in it."""

    name: str
    content: bytes
    usual: bool
    others: tuple[str, ...] = ()


def embedded_xml(pdf: bytes) -> EmbeddedXml | None:
    """The XML that stands for the invoice, `None` when the PDF holds none.

    XML under another name counts only when it is the only one and is an invoice.
    Raises: EInvoiceInvalid when there is XML under an invoice's name, and it is no invoice.
    """
    names = _attachment_names(pdf)
    usual = sorted(
        (name for name in names if name.lower() in INVOICE_NAMES), key=lambda name: INVOICE_NAMES.index(name.lower())
    )
    if usual:
        content = _content(pdf, usual[0])
        if content is None:
            raise EInvoiceInvalid(f"the attachment {usual[0]} is no readable invoice XML", attachment=usual[0])
        return EmbeddedXml(usual[0], content, usual=True, others=tuple(usual[1:]))
    unusual = [name for name in names if name.lower().endswith(".xml") and name.lower() != facturx.ORDERX_FILENAME]
    if len(unusual) != 1:
        return None
    content = _content(pdf, unusual[0])
    return EmbeddedXml(unusual[0], content, usual=False) if content is not None else None


def _attachment_names(pdf: bytes) -> list[str]:
    try:
        return [attachment.name for attachment in PdfReader(io.BytesIO(pdf)).attachment_list]
    except Exception:  # noqa: BLE001 - pypdf fails in countless ways on broken files; the page may still be readable
        _log.warning("the attachments of this PDF cannot be listed", exc_info=True)
        return []


def _content(pdf: bytes, name: str) -> bytes | None:
    """What `name` holds, when it is an e-invoice at all; deviations from its schema are looked at later."""
    try:
        _, content = facturx.get_xml_from_pdf(pdf, check_xsd=False, filenames=[glob.escape(name)])
    except Exception as error:
        raise EInvoiceInvalid(f"the attachment {name} cannot be read: {error}", attachment=name) from error
    return content or None
