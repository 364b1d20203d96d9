"""The engine `einvoice`: extracts fields from e-invoice XML."""

from __future__ import annotations

import time
from collections.abc import Callable

from cira_pipeline.custom.declaration import NO_DECLARATIONS, Declarations
from cira_pipeline.custom.declaration_file import declarations
from cira_pipeline.extraction.answers import AnswerStore
from cira_pipeline.extraction.einvoice.attachment import EmbeddedXml
from cira_pipeline.extraction.einvoice.own_fields import with_own_fields
from cira_pipeline.models import AttachedFile, Document, EngineName, Extraction, MediaType, Reading, Severity
from cira_pipeline.settings import Settings
from cira_pipeline.syntaxes import registry
from cira_pipeline.syntaxes.attachments import EmbeddedFile, with_embedded_files
from cira_pipeline.syntaxes.field_reader import XmlFieldReader, XmlRule


class EInvoiceEngine:
    """Extracts fields from XML in a registered syntax, standalone or attached to a PDF (Factur-X, ZUGFeRD).

    Implements cira_pipeline.extraction.engine.Engine. Stateless and thread-safe.
    """

    def __init__(
        self,
        embedded_xml: Callable[[bytes], EmbeddedXml | None] | None = None,
        own_fields: Declarations = NO_DECLARATIONS,
    ) -> None:
        """`embedded_xml` opens PDFs (isolated.py for untrusted ones); the default opens them in this process."""
        self._embedded_xml = embedded_xml or _opened_here
        self._own_fields = own_fields

    @property
    def name(self) -> EngineName:
        return EngineName.EINVOICE

    @property
    def version(self) -> str:
        return "/".join(filter(None, ("4", self._own_fields.version)))

    def extract(self, document: Document, reading: Reading) -> Extraction | None:
        """Fields of the standalone or attached XML; `None` for images and for PDFs without invoice XML.

        Raises: EInvoiceInvalid when XML is declared as the invoice and cannot be used (`registry.read`).
        """
        started = time.monotonic()
        reader = XmlFieldReader()
        files: tuple[EmbeddedFile, ...] = ()
        if document.media_type is MediaType.XML:
            content = document.content
        elif document.media_type is MediaType.PDF:
            embedded = self._embedded_xml(document.content)
            if embedded is None:
                return None
            _add_attachment_findings(embedded, reader)
            content, files = embedded.content, embedded.files
        else:
            return None
        invoice = registry.read(content, reader)
        if files:
            listed = with_embedded_files(invoice.attachments, files, reader)
            invoice = invoice.model_copy(update={"attachments": listed})
        if self._own_fields.fields:
            invoice = with_own_fields(invoice, self._own_fields, reader)
        return Extraction(
            engine=self.name,
            engine_version=self.version,
            invoice=invoice,
            evidence=tuple(reader.evidence),
            findings=tuple(reader.findings),
            seconds=time.monotonic() - started,
            files=tuple(AttachedFile(sha256=sha256, content=file) for sha256, file in reader.files.items()),
        )


def engine_from_settings(settings: Settings, _answers: AnswerStore) -> EInvoiceEngine:
    """The engine with PDFs opened by sandboxed workers, and the declared fields. Raises: CustomFieldsInvalid."""
    from cira_pipeline.extraction.einvoice.isolated import IsolatedAttachments
    from cira_pipeline.sandbox.pool import worker_pool

    opened = IsolatedAttachments(worker_pool(settings), timeout_s=settings.recognition_timeout_s)
    return EInvoiceEngine(opened, declarations(settings.custom_fields))


def _opened_here(pdf: bytes) -> EmbeddedXml | None:
    # Imported here: a process whose workers open the PDFs does not need pypdf.
    from cira_pipeline.extraction.einvoice.attachment import embedded_xml

    return embedded_xml(pdf)


def _add_attachment_findings(embedded: EmbeddedXml, reader: XmlFieldReader) -> None:
    if not embedded.usual:
        reader.add_finding(
            XmlRule.UNUSUAL_ATTACHMENT,
            Severity.WARNING,
            f"the XML is attached as {embedded.name[:80]!r}, not under a name prescribed for invoices: "
            "compare its fields with the page",
        )
    if embedded.others:
        reader.add_finding(
            XmlRule.UNUSUAL_ATTACHMENT,
            Severity.WARNING,
            f"several invoices in XML are attached; {embedded.name[:80]!r} was taken: compare its fields with the page",
        )
