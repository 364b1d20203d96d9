"""What can be asked of the service: each call as a value, which both clients send."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Generic, Literal, NamedTuple, TypeVar

import httpx
from pydantic import BaseModel, Field, ValidationError

from ..api.invoice_models import AttachmentList, CostReport, InvoicePage, InvoiceView
from ..api.job_models import JobPage, JobRequest, JobView, ListedJob, SubmittedJobs
from ..errors import JobNotFound, RequestInvalid
from ..invoice import HeaderField, Invoice
from ..jobs import JobStatus, Policy, is_job_id
from ..models import ExportedView, Verdict
from .answers import raise_strange

AnswerT = TypeVar("AnswerT")
_ModelT = TypeVar("_ModelT", bound=BaseModel)

IDEMPOTENCY_KEY = "Idempotency-Key"
_IDEMPOTENT_METHODS = frozenset({"GET", "PUT", "DELETE"})


@dataclass(frozen=True)
class Call(Generic[AnswerT]):
    """`read` makes the answer of a response that is a success."""

    method: str
    path: str
    read: Callable[[httpx.Response], AnswerT]
    query: Mapping[str, Any] = field(default_factory=dict)
    body: Any = None
    content: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def repeatable(self) -> bool:
        """Whether sending it twice does what sending it once does."""
        return self.method in _IDEMPOTENT_METHODS or IDEMPOTENCY_KEY in self.headers


class DownloadedDocument(NamedTuple):
    """`media_type` is what its bytes are, whatever the URL promised."""

    content: bytes
    media_type: str


def request_for(url: str, **options: Any) -> JobRequest:
    """Raises: RequestInvalid."""
    try:
        return JobRequest(url=url, **_given(**options))
    except ValidationError as error:
        raise RequestInvalid(f"this cannot be submitted: {_wrong(error)}") from error


def submit(submissions: Iterable[str | JobRequest], idempotency_key: str) -> Call[SubmittedJobs]:
    jobs = [request_for(each) if isinstance(each, str) else each for each in submissions]
    return Call(
        "POST",
        "/v1/jobs",
        _model(SubmittedJobs),
        body={"jobs": [job.model_dump(mode="json", exclude_unset=True) for job in jobs]},
        # An empty one is one, too: with it, client and URL alone name the job.
        headers={IDEMPOTENCY_KEY: idempotency_key},
    )


def upload(
    content: bytes, client_reference: str | None, policy: Policy | None, callback: str | None, idempotency_key: str
) -> Call[SubmittedJobs]:
    return Call(
        "POST",
        "/v1/documents",
        _model(SubmittedJobs),
        query=_given(client_reference=client_reference, policy=policy, callback=callback),
        content=content,
        headers={IDEMPOTENCY_KEY: idempotency_key, "Content-Type": "application/octet-stream"},
    )


def status(job_id: str) -> Call[JobView]:
    return Call("GET", f"/v1/jobs/{_checked(job_id)}", _model(JobView))


def jobs_page(
    cursor: str | None,
    page_size: int,
    status: JobStatus | None,
    verdict: Verdict | None,
    client_reference: str | None,
    client: str | None,
) -> Call[JobPage]:
    query = _given(
        status=status,
        verdict=verdict,
        client_reference=client_reference,
        client=client,
        cursor=cursor,
        limit=page_size,
    )
    return Call("GET", "/v1/jobs", _model(JobPage), query=query)


def retry(job_id: str) -> Call[ListedJob]:
    return Call("POST", f"/v1/jobs/{_checked(job_id)}/retry", _model(ListedJob))


def cancel(job_id: str, *, erase: bool = False) -> Call[ListedJob]:
    return Call("DELETE", f"/v1/jobs/{_checked(job_id)}", _model(ListedJob), query={"erase": "true"} if erase else {})


def invoice(job_id: str) -> Call[InvoiceView]:
    return Call("GET", f"/v1/invoices/{_checked(job_id)}", _model(InvoiceView))


def document(job_id: str) -> Call[DownloadedDocument]:
    return Call("GET", f"/v1/invoices/{_checked(job_id)}/document", _downloaded)


def attachments(job_id: str) -> Call[AttachmentList]:
    return Call("GET", f"/v1/invoices/{_checked(job_id)}/attachments", _model(AttachmentList))


def attachment(job_id: str, number: int) -> Call[DownloadedDocument]:
    return Call("GET", f"/v1/invoices/{_checked(job_id)}/attachments/{number:d}", _downloaded)


def page_picture(job_id: str, number: int, fields: Sequence[HeaderField] | None, *, boxes: bool) -> Call[bytes]:
    return Call(
        "GET",
        f"/v1/invoices/{_checked(job_id)}/pages/{number:d}.png",
        lambda response: response.content,
        query=_given(field=list(fields) if fields is not None else None, boxes=None if boxes else "false"),
    )


def confirm(job_id: str, fields: Invoice | Mapping[str, Any] | None, confirmed_by: str | None) -> Call[InvoiceView]:
    try:
        given = fields if isinstance(fields, Invoice) else Invoice.model_validate(dict(fields or {}))
    except ValidationError as error:
        raise RequestInvalid(f"the fields cannot be confirmed so: {_wrong(error)}") from error
    body = {"fields": given.model_dump(mode="json", exclude_unset=True)} | _given(confirmed_by=confirmed_by)
    return Call("PUT", f"/v1/invoices/{_checked(job_id)}/confirmation", _model(InvoiceView), body=body)


class InvoiceFilter(BaseModel):
    """All that are given must hold; dates include their bounds."""

    verdict: Verdict | None = None
    supplier: str | None = None
    invoice_number: str | None = None
    currency: str | None = None
    issued_from: date | None = None
    issued_until: date | None = None
    recorded_since: datetime | None = None
    client: str | None = None
    custom: Mapping[str, str] = Field(default_factory=dict)
    """Values of declared fields of the invoice, as the record states them, by name."""

    def query(self) -> dict[str, Any]:
        own = {f"custom.{name}": value for name, value in self.custom.items()}
        return self.model_dump(mode="json", exclude_none=True, exclude={"custom"}) | own


def invoices_page(cursor: str | None, page_size: int, wanted: InvoiceFilter) -> Call[InvoicePage]:
    query = wanted.query() | _given(cursor=cursor, limit=page_size)
    return Call("GET", "/v1/invoices", _model(InvoicePage), query=query)


def export(file_format: Literal["csv", "parquet"], wanted: InvoiceFilter, view: ExportedView) -> Call[bytes]:
    query = wanted.query() | {"format": file_format, "view": view}
    return Call("GET", "/v1/invoices", lambda response: response.content, query=query)


def costs(since: date | None, until: date | None, client: str | None) -> Call[CostReport]:
    return Call("GET", "/v1/costs", _model(CostReport), query=_given(since=since, until=until, client=client))


def _checked(job_id: str) -> str:
    """What is no job's id never becomes a part of a path. Raises: JobNotFound."""
    if not is_job_id(job_id):
        raise JobNotFound(f"there is no job {job_id!r}", job_id=job_id)
    return job_id


def _wrong(error: ValidationError) -> str:
    return "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors())


def _given(**values: Any) -> dict[str, Any]:
    return {
        name: value.isoformat() if isinstance(value, date) else value
        for name, value in values.items()
        if value is not None
    }


def _model(kind: type[_ModelT]) -> Callable[[httpx.Response], _ModelT]:
    def read(response: httpx.Response) -> _ModelT:
        try:
            return kind.model_validate_json(response.content)
        except ValidationError as error:
            raise_strange(response, error)

    return read


def _downloaded(response: httpx.Response) -> DownloadedDocument:
    media_type = response.headers.get("content-type", "application/octet-stream").partition(";")[0]
    return DownloadedDocument(response.content, media_type)
