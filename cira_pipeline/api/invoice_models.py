"""Response models of the invoice and cost routes."""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, Field

from ..invoice import Amount, Attachment, Invoice
from ..jobs import JobStatus, Stage
from ..models import EngineName, Evidence, Finding, Verdict

if TYPE_CHECKING:
    # The Python client uses these models too, and must not import the database.
    from cira_pipeline.db.records.confirmations import Confirmation


class CostView(BaseModel):
    """One cost entry of a job."""

    stage: Stage
    provider: str
    model: str
    unit: str = Field(description="unit of `quantity`, such as input_token")
    quantity: Amount
    unit_price_usd: Amount
    amount_usd: Amount
    price_list: str


class ConfirmationView(BaseModel):
    """A reviewer's confirmation of a record, with the corrections."""

    confirmed_by: str
    confirmed_at: datetime
    changes: dict[str, Any] = Field(description="field -> `before` and `after`")
    verdict_before: Verdict
    verdict_after: Verdict

    @classmethod
    def of(cls, confirmation: Confirmation) -> ConfirmationView:
        return cls.model_validate(confirmation, from_attributes=True)


class PageView(BaseModel):
    """A page as it was read; the boxes of evidence use its units, with the origin at the top left."""

    number: int
    width: float
    height: float
    picture: str = Field(description="path of the page's image")


class InvoiceView(BaseModel):
    """A job's record: the invoice with evidence, findings, verdict and cost."""

    job_id: str
    client: str
    client_reference: str | None
    status: JobStatus
    verdict: Verdict
    invoice: Invoice
    evidence: list[Evidence]
    findings: list[Finding]
    duplicate_of: list[str] = Field(description="earlier jobs of this client with the same invoice")
    engine: EngineName = Field(description="engine whose extraction was chosen")
    engines: list[EngineName] = Field(description="all engines that ran, in order")
    cost_usd: Amount
    costs: list[CostView]
    confirmation: ConfirmationView | None
    document_sha256: str
    pages: list[PageView] = Field(description="empty for e-invoices in XML")
    recorded_at: datetime


class AttachmentView(Attachment):
    """An attachment of an e-invoice, BG-24."""

    number: int = Field(description="from 1, in the order of the record")
    content: str | None = Field(
        description="path of its bytes; null where only a location is stated, or the content is not stored"
    )


class AttachmentList(BaseModel):
    """All attachments of a job's record."""

    attachments: list[AttachmentView]


class ListedInvoice(BaseModel):
    """A row of the view `invoices` (docs/tables.md)."""

    job_id: str
    client: str
    client_reference: str | None
    status: JobStatus
    verdict: Verdict
    invoice_number: str | None
    issue_date: date | None
    invoice_type: str | None
    currency: str | None
    due_date: date | None
    purchase_order: str | None
    supplier_name: str | None
    supplier_vat_id: str | None
    customer_name: str | None
    supplier_tax_id: str | None
    payment_iban: str | None
    payment_account: str | None
    payment_reference: str | None
    net_total: Amount | None
    tax_total: Amount | None
    gross_total: Amount | None
    amount_due: Amount | None
    engine: EngineName
    finding_count: int
    cost_usd: Amount
    recorded_at: datetime


class InvoicePage(BaseModel):
    """A page of invoices, newest submission first."""

    invoices: list[ListedInvoice]
    next_cursor: str | None = Field(description="value of `cursor` for the next page; null on the last page")


class SpentView(BaseModel):
    """Money spent on one day with one model in one stage."""

    day: date
    provider: str
    model: str
    stage: Stage
    jobs: int = Field(description="number of jobs")
    amount_usd: Amount


class CostReport(BaseModel):
    """Money spent in a period; days are UTC and both bounds are included."""

    since: date
    until: date
    client: str | None = Field(description="null: all clients")
    total_usd: Amount
    entries: list[SpentView]
