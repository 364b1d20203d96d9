"""Values passed between pipeline stages: document, reading, extraction, record. Frozen, typed, no behaviour.

Stages do not import each other; these models are all they share.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from .invoice import Invoice


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class MediaType(StrEnum):
    """Type of a document, detected from its bytes (media type names of RFC 6838)."""

    PDF = "application/pdf"
    PNG = "image/png"
    JPEG = "image/jpeg"
    TIFF = "image/tiff"
    XML = "application/xml"


class Document(_Frozen):
    """Content fetched from a URL, with its type recognised and checked as safe to open."""

    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    media_type: MediaType
    size_bytes: int
    page_count: int = Field(description="pages or frames; 0 for XML, which has none")
    content: bytes = Field(repr=False)


class Box(_Frozen):
    """Rectangle on a page, in the page's own units (points in a PDF, pixels in an image), origin top left."""

    left: float
    top: float
    right: float
    bottom: float


class Word(_Frozen):
    text: str
    box: Box


class Line(_Frozen):
    """One printed text line. `number` counts from 1 through the whole document."""

    number: int
    page: int = Field(description="from 1")
    text: str
    box: Box
    confidence: float = Field(ge=0, le=1, description="1 for native text, the OCR engine's confidence otherwise")
    words: tuple[Word, ...] = Field((), description="the line's words, left to right, where the reader knows them")


class Page(_Frozen):
    """One page of a reading: `width` and `height` in the page's own units, after it was turned upright."""

    number: int
    width: float
    height: float
    source: Literal["native", "ocr", "empty"]
    rotation: Literal[0, 90, 180, 270] = Field(
        0, description="clockwise degrees by which the page, as a viewer shows it, was turned to read it"
    )
    skew_deg: float = Field(
        0.0, description="slope by which a scan was levelled, positive when its lines fell to the right"
    )


class Reading(_Frozen):
    """Text of a document as lines. XML documents have no pages and no lines."""

    reader: str
    reader_version: str
    pages: tuple[Page, ...]
    lines: tuple[Line, ...]
    seconds: float


ExportedView = Literal[
    "invoices",
    "invoice_lines",
    "invoice_taxes",
    "invoice_allowances_charges",
    "invoice_tax_ids",
    "invoice_payment_accounts",
    "invoice_payment_discounts",
    "invoice_withholdings",
    "invoice_attachments",
]
"""A view of docs/tables.md that CSV and Parquet can have."""


class Severity(StrEnum):
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class Finding(_Frozen):
    """A problem that one rule found. `rule` is a stable id of docs/validation.md; `fields` are invoice field names."""

    rule: str
    severity: Severity
    message: str
    fields: tuple[str, ...] = ()


class EngineName(StrEnum):
    """The extraction engines, in the order in which the cascade runs them.

    The name is that of the engine's package in `cira_pipeline/extraction`. `label` is its name on the page. Of two
    equally good records the one with more `trust` is chosen. A paid engine asks a model, and runs only where one is
    configured. `reads_page`: the engine reads what is printed, so its values may be misread; else it parses data.
    """

    label: str
    trust: int
    is_paid: bool
    reads_page: bool

    def __new__(cls, name: str, label: str, trust: int, is_paid: bool = False, reads_page: bool = True) -> EngineName:
        member = str.__new__(cls, name)
        member._value_ = name
        member.label, member.trust, member.is_paid, member.reads_page = label, trust, is_paid, reads_page
        return member

    @classmethod
    def __get_pydantic_json_schema__(cls, _core: CoreSchema, _handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """An open text: a client of the API must not fail on an engine that a later version adds."""
        return {"type": "string", "description": "name of an extraction engine; later versions may have more"}

    EINVOICE = "einvoice", "e-invoice XML", 2, False, False
    OFFLINE = "offline", "rules", 0
    AZURE_OPENAI = "azure_openai", "model", 1, True


class Evidence(_Frozen):
    """Source of a field's value. `field` is a field name, or a path such as `line_items[2].net_amount`."""

    field: str
    engine: EngineName
    text: str = Field(description="verbatim, as printed or as in the XML element")
    page: int | None = Field(None, description="from 1; none for XML")
    box: Box | None = None
    line: int | None = Field(None, description="number of the reading's line; none for XML")
    xpath: str | None = Field(None, description="element of the embedded or standalone XML")
    confidence: float = Field(
        ge=0,
        le=1,
        description="in an extraction the engine's own figure, in a record the probability that the value is right",
    )
    engine_confidence: float | None = Field(
        None, ge=0, le=1, description="in a record, where `confidence` was calibrated: the engine's own figure"
    )
    agreed_by: tuple[EngineName, ...] = Field((), description="other engines that read the same value")
    remembered: int = Field(
        0, ge=0, description="confirmed invoices of the same supplier and layout with the field in the same place"
    )


class Usage(_Frozen):
    """Tokens that a model's answer consumed, as its response states."""

    provider: str
    model: str
    input_tokens: int
    cached_input_tokens: int = 0
    output_tokens: int
    request_hash: str = Field(description="hash of the model request; the same request is paid once")
    reused: bool = Field(False, description="answered from the answer cache: nothing was paid this time")
    by_batch: bool = Field(False, description="answered by a model batch, at its lower price")


class ModelAnswer(_Frozen):
    """A paid model answer, stored verbatim so that the same request is never paid again."""

    request_hash: str = Field(
        pattern=r"^[0-9a-f]{64}$", description="SHA-256 over prompt, model, schema and parameters"
    )
    provider: str
    model: str
    content: str = Field(description="the message's content, verbatim")
    finish_reason: str
    input_tokens: int
    cached_input_tokens: int = 0
    output_tokens: int
    by_batch: bool = Field(False, description="answered by a model batch, at its lower price")


class AttachedFile(_Frozen):
    """A file that an e-invoice carries, BG-24; its name and type are in the invoice's `attachments`."""

    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    content: bytes = Field(repr=False)


class Extraction(_Frozen):
    """Fields that one engine proposes. `findings` are the engine's own doubts, passed on to validation.

    `files` are stored beside the document and not with the extraction, so that a stored one has none.
    """

    engine: EngineName
    engine_version: str
    invoice: Invoice
    evidence: tuple[Evidence, ...] = ()
    findings: tuple[Finding, ...] = ()
    usage: tuple[Usage, ...] = ()
    seconds: float = 0.0
    memory: str = Field("", description="SHA-256 over what the engine was given of the supplier's earlier invoices")
    files: tuple[AttachedFile, ...] = Field((), exclude=True, repr=False)


class Verdict(StrEnum):
    ACCEPTED = "accepted"
    NEEDS_REVIEW = "needs_review"
    REJECTED = "rejected"


class Record(_Frozen):
    """Canonical invoice after validation. `engines` ran, in this order; `engine` supplied the accepted values."""

    invoice: Invoice
    verdict: Verdict
    findings: tuple[Finding, ...]
    evidence: tuple[Evidence, ...]
    engine: EngineName
    engines: tuple[EngineName, ...]
