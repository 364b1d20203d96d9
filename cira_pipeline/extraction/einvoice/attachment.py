"""The invoice XML inside a hybrid PDF (Factur-X, ZUGFeRD, XRechnung).

pypdf opens it, which a hostile file may keep busy without end or fill with memory: call it in a worker (isolated.py).
"""

from __future__ import annotations

import glob
import io
import logging
from typing import Final

from pypdf import PdfReader

from cira_pipeline.extraction.einvoice.embedded import EmbeddedXml

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
        (name for name in attachments if name.lower() in INVOICE_NAMES),
        key=lambda name: INVOICE_NAMES.index(name.lower()),
    )
    if usual:
        # What factur-x does not take is handed on as it is: it may be merely sloppy, or the parser says what is wrong.
        content = _recognised(pdf, usual[0]) or attachments[usual[0]]
        return EmbeddedXml(usual[0], content, usual=True, others=tuple(usual[1:]))
    unusual = [name for name in attachments if name.lower() != _ORDER_NAME]
    if len(unusual) != 1:
        return None
    recognised = _recognised(pdf, unusual[0])
    return EmbeddedXml(unusual[0], recognised, usual=False) if recognised else None


def _xml_attachments(pdf: bytes) -> dict[str, bytes]:
    try:
        attachments = PdfReader(io.BytesIO(pdf)).attachment_list
        return {each.name: each.content for each in attachments if each.name.lower().endswith(".xml")}
    except Exception:  # noqa: BLE001 - pypdf fails in countless ways on broken files; the page may still be readable
        _log.warning("the attachments of this PDF cannot be read", exc_info=True)
        return {}


def _recognised(pdf: bytes, name: str) -> bytes | None:
    """The attachment `name` when factur-x takes it for an e-invoice. Whether it obeys its schema is looked at later."""
    # Imported here, for it takes most of a second, and most PDFs have no XML attached.
    import facturx

    try:
        _, content = facturx.get_xml_from_pdf(pdf, check_xsd=False, filenames=[glob.escape(name)])
    except Exception:  # noqa: BLE001 - as above
        _log.warning("factur-x cannot read attachment %s", name, exc_info=True)
        return None
    return content or None
