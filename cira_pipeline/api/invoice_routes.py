"""Routes for invoices: records, documents, page images, confirmation, lists and exports, and costs."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import IO, Annotated, Literal

from fastapi import APIRouter, Path, Query, Response
from pydantic import BeforeValidator
from starlette.responses import StreamingResponse

from cira_pipeline.api.caller import JobIdInPath, Reader, Reviewer, ServicesOf, client_filter, own_job
from cira_pipeline.api.confirmation import ConfirmRecord, confirm
from cira_pipeline.api.invoice_models import (
    ConfirmationView,
    CostReport,
    CostView,
    InvoicePage,
    InvoiceView,
    ListedInvoice,
    PageView,
    SpentView,
)
from cira_pipeline.api.job_models import PageSize
from cira_pipeline.api.known_parameters import OwnFieldFilter, StrictRoute
from cira_pipeline.api.page_picture import page_png
from cira_pipeline.api.problems import responses
from cira_pipeline.api.services import Services
from cira_pipeline.clock import utc_now
from cira_pipeline.custom.declaration_file import declarations
from cira_pipeline.db.access.api_keys import ApiKey
from cira_pipeline.db.jobs.repository import Job
from cira_pipeline.db.records.export import export_invoices
from cira_pipeline.db.records.figures import spending
from cira_pipeline.db.records.invoice_search import InvoiceFilter, find_invoices
from cira_pipeline.db.records.repository import StoredRecord
from cira_pipeline.errors import DocumentNotFound, ObjectMissing, PageNotFound, RecordNotFound, RequestInvalid
from cira_pipeline.intake.isolated import view_page
from cira_pipeline.invoice import Day, HeaderField
from cira_pipeline.jobs import JOB_ID_PATTERN, JobId
from cira_pipeline.models import Document, ExportedView, MediaType, Page, Verdict

router = APIRouter(prefix="/v1/invoices", tags=["invoices"], route_class=StrictRoute)
costs = APIRouter(prefix="/v1/costs", tags=["costs"], route_class=StrictRoute)

SPOOLED_BYTES = 8_000_000
CHUNK_BYTES = 1 << 16
MAX_PERIOD_DAYS = 400
_NO_CONTROLS = r"^[^\x00-\x1f\x7f]*$"
_ENDINGS = {
    MediaType.PDF: "pdf",
    MediaType.PNG: "png",
    MediaType.JPEG: "jpg",
    MediaType.TIFF: "tif",
    MediaType.XML: "xml",
}
_FILE_TYPES = {"csv": "text/csv; charset=utf-8", "parquet": "application/vnd.apache.parquet"}
_FILES = {kind.partition(";")[0]: {"schema": {"type": "string", "format": "binary"}} for kind in _FILE_TYPES.values()}
_BINARY = {"schema": {"type": "string", "format": "binary"}}


def _as_written(value: object) -> object:
    """Refuses a number, which pydantic would parse as seconds since 1970."""
    if isinstance(value, str) and not re.match("[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ]", value):
        raise ValueError("expected a time such as 2026-01-31T08:00:00Z")
    return value


Moment = Annotated[datetime, BeforeValidator(_as_written)]
Text = Annotated[str | None, Query(max_length=200, pattern=_NO_CONTROLS)]


@router.get(
    "",
    response_model=InvoicePage,
    summary="List invoices as JSON, CSV or Parquet",
    responses={200: {"content": _FILES, "description": "One page as JSON, or all invoices as one file"}, **responses()},
)
def list_invoices(
    services: ServicesOf,
    key: Reader,
    custom: OwnFieldFilter,
    verdict: Annotated[Verdict | None, Query()] = None,
    supplier: Annotated[
        str | None, Query(max_length=200, pattern=_NO_CONTROLS, description="part of the supplier's name")
    ] = None,
    invoice_number: Text = None,
    currency: Annotated[str | None, Query(pattern=r"^[A-Z]{3}$")] = None,
    issued_from: Annotated[Day | None, Query()] = None,
    issued_until: Annotated[Day | None, Query(description="last day, inclusive")] = None,
    recorded_since: Annotated[Moment | None, Query(description="UTC unless it has an offset")] = None,
    client: Annotated[
        str | None, Query(max_length=200, pattern=_NO_CONTROLS, description="for keys with the scope admin")
    ] = None,
    cursor: Annotated[str | None, Query(pattern=JOB_ID_PATTERN, description="JSON only")] = None,
    limit: Annotated[PageSize, Query(description="JSON only")] = 50,
    format: Annotated[Literal["json", "csv", "parquet"], Query()] = "json",  # noqa: A002 - the word users know
    view: Annotated[ExportedView, Query(description="CSV and Parquet only: what a row is")] = "invoices",
) -> InvoicePage | Response:
    """The client's records. JSON is paged, newest first; CSV and Parquet contain all records, oldest first.

    `custom.NAME=VALUE`, up to 20 times, selects by declared fields: the value as the record states it. CSV and Parquet
    have a column `custom_NAME` for each declared field, of its type, and with `view` the lines, taxes, allowances and
    charges, tax ids, accounts, cash discounts, withheld taxes or attachments of the selected invoices.
    """
    wanted = InvoiceFilter(
        client=client_filter(key, client),
        verdict=verdict,
        supplier=supplier,
        invoice_number=invoice_number,
        currency=currency,
        issued_from=issued_from,
        issued_until=issued_until,
        recorded_since=_aware(recorded_since),
        custom=custom,
    )
    if format != "json":
        return _file(services, format, wanted, view)
    if view != "invoices":
        raise RequestInvalid(f"the view {view} can be had as a file only; add format=csv or format=parquet")
    rows = find_invoices(services.database, wanted, limit=limit + 1, before=JobId(cursor) if cursor else None)
    page = [ListedInvoice.model_validate(row) for row in rows[:limit]]
    return InvoicePage(invoices=page, next_cursor=page[-1].job_id if len(rows) > limit else None)


@router.get("/{job_id}", response_model=InvoiceView, summary="Get a job's record", responses=responses(404))
def invoice(job_id: JobIdInPath, services: ServicesOf, key: Reader) -> InvoiceView:
    """The invoice with evidence for every value, findings, verdict and cost."""
    job = own_job(services, key, job_id)
    return invoice_view(services, key, job, record_of(services, job))


def invoice_view(services: Services, key: ApiKey, job: Job, stored: StoredRecord) -> InvoiceView:
    """The response model of a stored record."""
    record = stored.record
    costs_of_job = [CostView.model_validate(each, from_attributes=True) for each in services.ledger.entries(job.job_id)]
    confirmation = services.confirmations.latest(job.job_id)
    return InvoiceView(
        job_id=job.job_id,
        client=job.client,
        client_reference=job.client_reference,
        status=job.status,
        verdict=record.verdict,
        invoice=record.invoice,
        evidence=list(record.evidence),
        findings=list(record.findings),
        duplicate_of=_own(services, key, stored.duplicate_of),
        engine=record.engine,
        engines=list(record.engines),
        cost_usd=sum((each.amount_usd for each in costs_of_job), Decimal(0)),
        costs=costs_of_job,
        confirmation=ConfirmationView.of(confirmation) if confirmation else None,
        document_sha256=stored.document_sha256,
        pages=[
            PageView(
                number=page.number,
                width=page.width,
                height=page.height,
                picture=f"/v1/invoices/{job.job_id}/pages/{page.number}.png",
            )
            for page in pages_of(services, stored.document_sha256)
        ],
        recorded_at=stored.updated_at,
    )


@router.get(
    "/{job_id}/document",
    response_class=Response,
    summary="Get the document as it was fetched",
    responses={
        200: {"content": {kind.value: _BINARY for kind in MediaType}, "description": "The file"},
        **responses(404),
    },
)
def document(job_id: JobIdInPath, services: ServicesOf, key: Reader) -> Response:
    job = own_job(services, key, job_id)
    found = _document(services, job)
    return Response(
        found.content,
        media_type=found.media_type,
        headers={
            "Content-Disposition": f'attachment; filename="{job.job_id}.{_ENDINGS[found.media_type]}"',
            # The file is untrusted: browsers must not execute anything in it.
            "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; sandbox",
        },
    )


@router.get(
    "/{job_id}/pages/{number}.png",
    response_class=Response,
    summary="Get a page as an image, with a box around each value",
    responses={200: {"content": {"image/png": _BINARY}, "description": "The image"}, **responses(404)},
)
async def page_picture(
    job_id: JobIdInPath,
    number: Annotated[int, Path(ge=1, le=10_000, description="page number, from 1")],
    services: ServicesOf,
    key: Reader,
    field: Annotated[list[HeaderField] | None, Query(description="only boxes of these fields; default: all")] = None,
    boxes: Annotated[bool, Query(description="false: without boxes")] = True,
) -> Response:
    """The page as it was read (rotated upright and deskewed), with a box around each extracted value."""

    def drawn() -> bytes:
        return picture_of(services, own_job(services, key, job_id), number, field, boxes=boxes)

    with services.opening.place(key.client):
        return Response(await services.opening.run(key.client, drawn), media_type="image/png")


def picture_of(services: Services, job: Job, number: int, fields: list[HeaderField] | None, *, boxes: bool) -> bytes:
    """A page as PNG. Raises: PageNotFound, DocumentNotFound, and the errors of `view_page`."""
    found = _document(services, job)
    page = next((each for each in pages_of(services, found.sha256) if each.number == number), None)
    if page is None:
        raise PageNotFound(f"the document has no page {number}, or the page was not read")
    stored = services.records.get(job.job_id) if boxes else None
    evidence = stored.record.evidence if stored else ()
    picture = view_page(found, number, services.settings)
    return page_png(picture, page, [each for each in evidence if fields is None or each.field in fields])


@router.put(
    "/{job_id}/confirmation",
    response_model=InvoiceView,
    summary="Confirm a record, corrected or unchanged",
    responses=responses(404, 409),
)
def confirm_invoice(job_id: JobIdInPath, body: ConfirmRecord, services: ServicesOf, key: Reviewer) -> InvoiceView:
    """A reviewer confirms the values: they become the document's label, and the record is validated again.

    The confirmation settles warnings, not errors: a record whose sums do not add up still needs review.
    """
    job = own_job(services, key, job_id)
    confirm(services, key, job, body, utc_now().date())
    job = services.jobs.get(job.job_id)
    return invoice_view(services, key, job, record_of(services, job))


@costs.get("", response_model=CostReport, summary="Get the money spent", responses=responses())
def cost_report(
    services: ServicesOf,
    key: Reader,
    since: Annotated[Day | None, Query(description="first day; default: 30 days before `until`")] = None,
    until: Annotated[Day | None, Query(description="last day; default: today")] = None,
    client: Annotated[
        str | None, Query(max_length=200, pattern=_NO_CONTROLS, description="for keys with the scope admin")
    ] = None,
) -> CostReport:
    """Money spent by day, provider, model and stage, newest first."""
    until = until or utc_now().date()
    since = since or max(date.min, date.fromordinal(max(until.toordinal() - 30, 1)))
    if since > until or until - since > timedelta(days=MAX_PERIOD_DAYS):
        raise RequestInvalid(f"since must not be after until, and the period may have at most {MAX_PERIOD_DAYS} days")
    if until == date.max:
        raise RequestInvalid(f"until must be before {date.max}")
    whose = client_filter(key, client)
    spent = spending(services.database, since=since, until=until, client=whose)
    return CostReport(
        since=since,
        until=until,
        client=whose,
        total_usd=sum((each.amount_usd for each in spent), Decimal(0)),
        entries=[SpentView.model_validate(each, from_attributes=True) for each in spent],
    )


def pages_of(services: Services, document_sha256: str) -> tuple[Page, ...]:
    """The pages of the document's latest reading; empty if it was not read."""
    reading = services.readings.latest(document_sha256)
    return reading.pages if reading else ()


def record_of(services: Services, job: Job) -> StoredRecord:
    """Raises: RecordNotFound."""
    stored = services.records.get(job.job_id)
    if stored is None:
        raise RecordNotFound(f"job {job.job_id} has no record; its status is {job.status}", status=job.status)
    return stored


def _document(services: Services, job: Job) -> Document:
    if job.document_sha256 is None:
        raise DocumentNotFound(f"job {job.job_id} has no document; its status is {job.status}", status=job.status)
    try:
        return services.documents.load(job.document_sha256)
    except ObjectMissing as error:
        raise DocumentNotFound(f"the document of job {job.job_id} is missing from the object store") from error


def _own(services: Services, key: ApiKey, job_ids: tuple[JobId, ...]) -> list[str]:
    """The jobs that the key may read; ids of other clients' jobs are not disclosed."""
    whose = client_filter(key)
    return [job_id for job_id in job_ids if whose is None or services.jobs.get(job_id).client == whose]


def _file(services: Services, kind: Literal["csv", "parquet"], wanted: InvoiceFilter, view: ExportedView) -> Response:
    # Written completely before the response starts: a client cannot tell a truncated file from a complete one.
    spool = tempfile.SpooledTemporaryFile(max_size=SPOOLED_BYTES)  # noqa: SIM115 - the answer closes it
    try:
        own = declarations(services.settings.custom_fields)
        export_invoices(services.database, spool, kind, view=view, wanted=wanted, own=own)
    except BaseException:
        spool.close()
        raise
    size_bytes = spool.tell()
    spool.seek(0)
    return StreamingResponse(
        _chunks(spool),
        media_type=_FILE_TYPES[kind],
        headers={
            "Content-Length": str(size_bytes),
            "Content-Disposition": f'attachment; filename="{view}.{kind}"',
        },
    )


def _chunks(spool: IO[bytes]) -> Iterator[bytes]:
    with spool:
        while chunk := spool.read(CHUNK_BYTES):
            yield chunk


def _aware(moment: datetime | None) -> datetime | None:
    return moment.replace(tzinfo=UTC) if moment is not None and moment.tzinfo is None else moment
