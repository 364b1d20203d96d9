"""What goes out about invoices."""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, Field

from ..invoice import Amount, Invoice
from ..jobs import JobStatus, Stage
from ..models import EngineName, Evidence, Finding, Verdict

if TYPE_CHECKING:
    # The client speaks these models too, and needs no database for it.
    from cira_pipeline.db.records.confirmations import Confirmation


class CostView(BaseModel):
    """One line of money spent."""

    stage: Stage
    provider: str
    model: str
    unit: str = Field(description="what is counted, such as input_token")
    quantity: Amount
    unit_price_usd: Amount
    amount_usd: Amount
    price_list: str


class ConfirmationView(BaseModel):
    """Who stood by the record, when, and what they corrected."""

    confirmed_by: str
    confirmed_at: datetime
    changes: dict[str, Any] = Field(description="field -> `before` and `after`")
    verdict_before: Verdict
    verdict_after: Verdict

    @classmethod
    def of(cls, confirmation: Confirmation) -> ConfirmationView:
        return cls.model_validate(confirmation, from_attributes=True)


class PageView(BaseModel):
    """A page as it was read; evidence boxes are in its units, origin top left."""

    number: int
    width: float
    height: float
    picture: str = Field(description="path of the page's picture")


class InvoiceView(BaseModel):
    """A job's record, with where each value stands, what is wrong with it, and what it cost."""

    job_id: str
    client: str
    client_reference: str | None
    status: JobStatus
    verdict: Verdict
    invoice: Invoice
    evidence: list[Evidence]
    findings: list[Finding]
    duplicate_of: list[str] = Field(description="jobs of this client that hold the same invoice and came first")
    engine: EngineName = Field(description="the engine believed")
    engines: list[EngineName] = Field(description="all that ran, in order")
    cost_usd: Amount
    costs: list[CostView]
    confirmation: ConfirmationView | None
    document_sha256: str
    pages: list[PageView] = Field(description="empty for e-invoices in XML")
    recorded_at: datetime


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
    payment_iban: str | None
    net_total: Amount | None
    tax_total: Amount | None
    gross_total: Amount | None
    amount_due: Amount | None
    engine: EngineName
    finding_count: int
    cost_usd: Amount
    recorded_at: datetime


class InvoicePage(BaseModel):
    """Newest submission first."""

    invoices: list[ListedInvoice]
    next_cursor: str | None = Field(description="give it as `cursor` for the next page; null on the last one")


class SpentView(BaseModel):
    day: date
    provider: str
    model: str
    stage: Stage
    jobs: int = Field(description="jobs it was spent on")
    amount_usd: Amount


class CostReport(BaseModel):
    """Money spent in a period; days are UTC and both bounds are included."""

    since: date
    until: date
    client: str | None = Field(description="null: all clients")
    total_usd: Amount
    entries: list[SpentView]
