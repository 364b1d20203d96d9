"""The list of invoices, submitting new ones, and their changes as they happen."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData, UploadFile
from starlette.responses import JSONResponse, RedirectResponse, StreamingResponse

from cira_pipeline.api import document_routes, invoice_routes, job_routes
from cira_pipeline.api.access import demand
from cira_pipeline.api.caller import JobIdInPath, ServicesOf, client_filter, own_job
from cira_pipeline.api.job_models import MAX_REFERENCE_CHARS, JobRequest, SubmitJobs, SubmittedJobs
from cira_pipeline.api.page import formatting as words
from cira_pipeline.api.page.rendering import HEADERS, PageRoute, html
from cira_pipeline.api.page.session import OwnForm, SignedIn, Visitor
from cira_pipeline.api.services import Services
from cira_pipeline.clock import utc_now
from cira_pipeline.db.access.api_keys import Scope
from cira_pipeline.db.jobs.repository import Job
from cira_pipeline.db.records.invoice_search import InvoiceFilter, find_invoices
from cira_pipeline.db.records.review_queue import next_in_review, waiting_for_review
from cira_pipeline.errors import CiraError
from cira_pipeline.jobs import JOB_ID_PATTERN, JobId, JobStatus
from cira_pipeline.models import Verdict

router = APIRouter(include_in_schema=False, route_class=PageRoute)

ROWS_A_PAGE = 50
_SHOWN: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "all": ("All", {}),
    "review": ("Needs review", {"verdict": Verdict.NEEDS_REVIEW}),
    "accepted": ("Accepted", {"verdict": Verdict.ACCEPTED}),
    "failed": ("Failed", {"status": JobStatus.FAILED}),
    "rejected": ("Rejected", {"status": JobStatus.REJECTED}),
}
_CONTROLS = re.compile(r"[\x00-\x1f\x7f]+")


@dataclass(frozen=True)
class Row:
    """A job as the list shows it; `invoice` is a row of the view `invoices`, once there is one."""

    job: Job
    invoice: Mapping[str, Any] | None
    state: str
    words: str
    step: int
    age: str


@dataclass
class Submitted:
    """What became of a form: ids of jobs, and what is wrong by input."""

    job_ids: list[JobId] = field(default_factory=list)
    created: int = 0
    errors: dict[str, str] = field(default_factory=dict)
    url: str = ""


Shown = Annotated[str, Query(pattern=f"^({'|'.join(_SHOWN)})$")]
Cursor = Annotated[str | None, Query(pattern=JOB_ID_PATTERN)]


@router.get("/")
def overview(services: ServicesOf, visitor: SignedIn, show: Shown = "all", cursor: Cursor = None) -> Response:
    return _overview(services, visitor, show, cursor)


@router.get("/rows/{job_id}")
def row(job_id: JobIdInPath, services: ServicesOf, visitor: SignedIn) -> Response:
    """One row of the list, for the script that keeps it up to date."""
    job = own_job(services, visitor.key, job_id)
    found = services.records.get(job.job_id)
    invoice = None if found is None else dict(found.record.invoice)
    return html("rows.html", visitor, rows=[_row(job, invoice, utc_now())])


@router.post("/submit")
async def submit(request: Request, services: ServicesOf, visitor: SignedIn, form: OwnForm) -> Response:
    demand(visitor.key, Scope.SUBMIT)
    files = [each for each in form.getlist("files") if isinstance(each, UploadFile) and each.filename]
    documents = [(each.filename or "", await each.read()) for each in files]
    client = visitor.key.client
    with services.opening.place(client):
        done = await services.opening.run(client, partial(_submit, services, visitor, form, documents))
    if "application/json" in request.headers.get("accept", ""):
        status = 422 if done.errors else 200
        return JSONResponse(
            {"jobs": done.job_ids, "created": done.created, "errors": done.errors}, status, headers=HEADERS
        )
    if done.errors:
        return await run_in_threadpool(_overview, services, visitor, "all", None, done)
    return RedirectResponse("/", 303, headers=HEADERS)


@router.get("/review")
def review(services: ServicesOf, visitor: SignedIn, after: Cursor = None) -> Response:
    """The record that has waited longest for a person, or the one after `after`."""
    found = next_in_review(services.database, client_filter(visitor.key), JobId(after) if after else None)
    return RedirectResponse(f"/invoices/{found}" if found else "/?show=review", 303, headers=HEADERS)


@router.get("/events")
async def events(services: ServicesOf, visitor: SignedIn) -> Response:
    # Counted for each session: a team may share a key.
    whose = f"{visitor.key.key_id} {visitor.session.nonce}"
    services.events.check(whose)
    stream = services.events.stream(client_filter(visitor.key), whose)
    return StreamingResponse(stream, media_type="text/event-stream", headers=HEADERS)


@router.get("/invoices.csv")
def export(services: ServicesOf, visitor: SignedIn) -> Response:
    answer = invoice_routes.list_invoices(services, visitor.key, {}, format="csv")
    assert isinstance(answer, Response)  # noqa: S101 - JSON alone is another thing
    return answer


def _overview(
    services: Services, visitor: Visitor, show: str, cursor: str | None, done: Submitted | None = None
) -> Response:
    client = client_filter(visitor.key)
    chosen = _SHOWN[show][1]
    before = JobId(cursor) if cursor else None
    jobs = services.jobs.list(**chosen, client=client, limit=ROWS_A_PAGE + 1, before=before)
    rows = _rows(services, jobs[:ROWS_A_PAGE], client, chosen.get("verdict"), before)
    return html(
        "overview.html",
        visitor,
        status=422 if done and done.errors else 200,
        waiting=waiting_for_review(services.database, client),
        rows=rows,
        show=show,
        tabs=[(name, label) for name, (label, _) in _SHOWN.items()],
        older=jobs[ROWS_A_PAGE - 1].job_id if len(jobs) > ROWS_A_PAGE else None,
        newest=cursor is None,
        live=cursor is None and show == "all",
        done=done or Submitted(),
        max_mb=services.settings.fetch_max_bytes // 1_000_000,
    )


def _rows(
    services: Services, jobs: Sequence[Job], client: str | None, verdict: Verdict | None, before: JobId | None
) -> list[Row]:
    # Records of the newest jobs are among as many of the newest records.
    wanted = InvoiceFilter(client=client, verdict=verdict)
    found = find_invoices(services.database, wanted, limit=len(jobs), before=before) if jobs else []
    invoices = {each["job_id"]: each for each in found}
    now = utc_now()
    return [_row(job, invoices.get(job.job_id), now) for job in jobs]


def _row(job: Job, invoice: Mapping[str, Any] | None, now: datetime) -> Row:
    state, text = words.state(job)
    return Row(job, invoice, state, text, words.step(job), words.age(job.submitted_at, now))


def _submit(services: Services, visitor: Visitor, form: FormData, documents: Sequence[tuple[str, bytes]]) -> Submitted:
    done = Submitted(url=str(form.get("url", "")).strip())
    reference = _reference(str(form.get("reference", "")))
    if done.url:
        _attempt(done, "url", partial(_submit_url, services, visitor, done.url, reference))
    for name, content in documents:
        asked = document_routes.Asked(client_reference=reference or _reference(name))
        keep = partial(document_routes.keep_document, services, visitor.key, content, Response(), asked)
        _attempt(done, "files", keep, of=name)
    if not done.url and not documents:
        done.errors["url"] = "Paste the address of an invoice, or choose a file."
    return done


def _submit_url(services: Services, visitor: Visitor, url: str, reference: str | None) -> SubmittedJobs:
    body = SubmitJobs(jobs=[JobRequest(url=url[:8192], client_reference=reference)])
    return job_routes.submit_jobs(body, services, visitor.key, Response())


def _attempt(done: Submitted, place: str, act: Callable[[], SubmittedJobs], of: str = "") -> None:
    try:
        answer = act()
    except CiraError as error:
        wrong = error.detail.get("wrong")
        message = wrong[0].detail.partition(" [")[0] if isinstance(wrong, list) and wrong else error.message
        text = f"{words.capital(message)}. {error.hint if not wrong else ''}".strip()
        earlier = f"{done.errors[place]} " if place in done.errors else ""
        done.errors[place] = f"{earlier}{f'{of}: ' if of else ''}{text}"
        return
    done.created += answer.created
    done.job_ids += [JobId(job.job_id) for job in answer.jobs]


def _reference(text: str) -> str | None:
    return _CONTROLS.sub(" ", text).strip()[:MAX_REFERENCE_CHARS] or None
