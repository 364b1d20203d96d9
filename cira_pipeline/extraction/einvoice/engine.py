"""The engine `einvoice`."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from cira_pipeline.errors import EInvoiceInvalid
from cira_pipeline.extraction.einvoice.cii import read_cii
from cira_pipeline.extraction.einvoice.embedded import EmbeddedXml
from cira_pipeline.extraction.einvoice.harvest import Harvest
from cira_pipeline.extraction.einvoice.rules import XmlRule
from cira_pipeline.extraction.einvoice.safe_xml import parse_xml
from cira_pipeline.extraction.einvoice.schema import schema_deviations
from cira_pipeline.extraction.einvoice.syntax import Syntax, find_invoice
from cira_pipeline.extraction.einvoice.ubl import read_ubl
from cira_pipeline.invoice import Invoice
from cira_pipeline.values import Document, EngineName, Extraction, MediaType, Reading, Severity

_READERS: Final = {
    Syntax.UBL_INVOICE: read_ubl,
    Syntax.UBL_CREDIT_NOTE: read_ubl,
    Syntax.CII: read_cii,
    Syntax.ZUGFERD_1: read_cii,
}


class EInvoiceEngine:
    """Takes the fields over from XML: UBL 2.1 Invoice and CreditNote, UN/CEFACT CII, Factur-X, ZUGFeRD 1.0 to 2.4.

    Implements cira_pipeline.extraction.engine.Engine. Stateless and thread-safe.
    """

    def __init__(self, embedded_xml: Callable[[bytes], EmbeddedXml | None] | None = None) -> None:
        """`embedded_xml` opens PDFs (isolated.py for those of strangers); without it this process does."""
        self._embedded_xml = embedded_xml or _opened_here

    @property
    def name(self) -> EngineName:
        return EngineName.EINVOICE

    @property
    def version(self) -> str:
        return "1"

    def extract(self, document: Document, reading: Reading) -> Extraction | None:
        """Fields of the standalone or embedded XML; `None` for pictures and for PDFs without invoice XML.

        Raises: EInvoiceInvalid when there is XML that claims to be the invoice and cannot be used: it is not
        well-formed, carries a DTD, is another kind of document, or states no field at all.
        """
        started = time.monotonic()
        harvest = Harvest()
        if document.media_type is MediaType.XML:
            content = document.content
        elif document.media_type is MediaType.PDF:
            embedded = self._embedded_xml(document.content)
            if embedded is None:
                return None
            _doubt_attachment(embedded, harvest)
            content = embedded.content
        else:
            return None
        invoice = _read(content, harvest)
        return Extraction(
            engine=self.name,
            engine_version=self.version,
            invoice=invoice,
            evidence=tuple(harvest.evidence),
            findings=tuple(harvest.findings),
            seconds=time.monotonic() - started,
        )


def _opened_here(pdf: bytes) -> EmbeddedXml | None:
    # Imported here: where workers open PDFs, nothing else needs what this loads.
    from cira_pipeline.extraction.einvoice.attachment import embedded_xml

    return embedded_xml(pdf)


def _read(content: bytes, harvest: Harvest) -> Invoice:
    syntax, root = find_invoice(parse_xml(content))
    invoice = _READERS[syntax](root, harvest)
    if invoice == Invoice():
        raise EInvoiceInvalid(f"the {syntax} states nothing that an invoice states")
    deviations = schema_deviations(root, syntax)
    if deviations:
        harvest.complain(
            XmlRule.SCHEMA, Severity.INFO, f"the XML deviates from the schema of its format: {'; '.join(deviations)}"
        )
    return invoice


def _doubt_attachment(embedded: EmbeddedXml, harvest: Harvest) -> None:
    if not embedded.usual:
        harvest.complain(
            XmlRule.UNUSUAL_ATTACHMENT,
            Severity.WARNING,
            f"the XML is attached as {embedded.name[:80]!r}, which does not say that it is this invoice",
        )
    if embedded.others:
        harvest.complain(
            XmlRule.UNUSUAL_ATTACHMENT,
            Severity.WARNING,
            f"several invoices in XML are attached; {embedded.name[:80]!r} is taken",
        )
