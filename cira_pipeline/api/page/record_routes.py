"""One invoice: how it goes, its record beside its pages, and a person's word on it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Response
from pydantic import ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse

from cira_pipeline.api import attachment_routes, invoice_routes, job_routes
from cira_pipeline.api.access import demand
from cira_pipeline.api.caller import JobIdInPath, ServicesOf, client_filter, own_job
from cira_pipeline.api.confirmation import ConfirmRecord, confirm
from cira_pipeline.api.page import formatting as words
from cira_pipeline.api.page.record_form import changes_in, complaints, record_form
from cira_pipeline.api.page.rendering import HEADERS, PageRoute, html
from cira_pipeline.api.page.session import CSRF_FIELD, OwnForm, SignedIn, Visitor
from cira_pipeline.api.services import Services
from cira_pipeline.clock import utc_now
from cira_pipeline.custom.declaration_file import declarations
from cira_pipeline.db.access.api_keys import Scope
from cira_pipeline.db.jobs.repository import Job
from cira_pipeline.db.records.repository import StoredRecord
from cira_pipeline.db.records.review_queue import next_in_review, waiting_for_review
from cira_pipeline.errors import CiraError, JobNotFound, RecordChanged, RecordNotFound, ValueNotStorable
from cira_pipeline.invoice import Invoice
from cira_pipeline.jobs import JOB_ID_PATTERN, JobId
from cira_pipeline.models import Severity, Verdict
from cira_pipeline.shown_url import shown_url

router = APIRouter(prefix="/invoices", include_in_schema=False, route_class=PageRoute)

_BUTTONS = (CSRF_FIELD, "seen", "then")


@router.get("/{job_id}")
def record(
    job_id: JobIdInPath,
    services: ServicesOf,
    visitor: SignedIn,
    confirmed: Annotated[str | None, Query(pattern=JOB_ID_PATTERN)] = None,
) -> Response:
    job = own_job(services, visitor.key, job_id)
    stored = services.records.get(job.job_id)
    if stored is None or not job.status.final:
        return _progress(services, visitor, job)
    return _record_page(services, visitor, job, stored, told=_told(services, visitor, confirmed))


@router.post("/{job_id}/confirmation")
async def confirm_record(job_id: JobIdInPath, services: ServicesOf, visitor: SignedIn, form: OwnForm) -> Response:
    given = {name: value for name, value in form.items() if isinstance(value, str)}
    return await run_in_threadpool(_confirm, services, visitor, JobId(job_id), given)


@router.post("/{job_id}/retry")
def retry(job_id: JobIdInPath, services: ServicesOf, visitor: SignedIn, _form: OwnForm) -> Response:
    demand(visitor.key, Scope.SUBMIT)
    job_routes.retry_job(job_id, services, visitor.key)
    return RedirectResponse(f"/invoices/{job_id}", 303, headers=HEADERS)


@router.post("/{job_id}/cancel")
def cancel(job_id: JobIdInPath, services: ServicesOf, visitor: SignedIn, _form: OwnForm) -> Response:
    demand(visitor.key, Scope.SUBMIT)
    job_routes.cancel_job(job_id, services, visitor.key)
    return RedirectResponse(f"/invoices/{job_id}", 303, headers=HEADERS)


@router.get("/{job_id}/pages/{number}.png")
async def page_picture(
    job_id: JobIdInPath, number: Annotated[int, Path(ge=1, le=10_000)], services: ServicesOf, visitor: SignedIn
) -> Response:
    """The bare page: the boxes are drawn over it, where they can be clicked."""

    def drawn() -> bytes:
        job = own_job(services, visitor.key, job_id)
        return invoice_routes.picture_of(services, job, number, None, boxes=False)

    with services.opening.place(visitor.key.client):
        picture = await services.opening.run(visitor.key.client, drawn)
    # A job's document never changes; only this browser keeps its pictures, and not for long.
    return Response(picture, media_type="image/png", headers={"Cache-Control": "private, max-age=600"})


@router.get("/{job_id}/document")
def document(job_id: JobIdInPath, services: ServicesOf, visitor: SignedIn) -> Response:
    return invoice_routes.document(job_id, services, visitor.key)


@router.get("/{job_id}/attachments/{number}")
def attachment(
    job_id: JobIdInPath, number: attachment_routes.AttachmentNumber, services: ServicesOf, visitor: SignedIn
) -> Response:
    return attachment_routes.attachment(job_id, number, services, visitor.key)


@router.get("/{job_id}/record.json")
def record_json(job_id: JobIdInPath, services: ServicesOf, visitor: SignedIn) -> Response:
    view = invoice_routes.invoice(job_id, services, visitor.key)
    headers = {"Content-Disposition": f'attachment; filename="{job_id}.json"'}
    return Response(view.model_dump_json(indent=2), media_type="application/json", headers=headers)


def _confirm(services: Services, visitor: Visitor, job_id: JobId, given: Mapping[str, str]) -> Response:
    demand(visitor.key, Scope.REVIEW)
    job = own_job(services, visitor.key, job_id)
    stored = services.records.get(job.job_id)
    if stored is None:
        raise RecordNotFound(f"job {job_id} has no record")
    typed = {name: value for name, value in given.items() if name not in _BUTTONS}
    if given.get("seen") != stored.updated_at.isoformat():
        return _record_page(services, visitor, job, stored, status=409, typed=typed, conflict=True)
    changes = changes_in(typed, stored.record.invoice, declarations(services.settings.custom_fields))
    errors, problem = dict(changes.errors), ""
    if not errors:
        # Asked before: what is confirmed and still needs review goes to the end of the queue.
        following = next_in_review(services.database, client_filter(visitor.key), job_id)
        try:
            body = ConfirmRecord(fields=Invoice(**changes.values), confirmed_by=visitor.person)
            confirm(services, visitor.key, job, body, utc_now().date(), seen=stored.updated_at)
        except RecordChanged:
            stored = services.records.get(job.job_id) or stored
            return _record_page(services, visitor, job, stored, status=409, typed=typed, conflict=True)
        except ValueNotStorable as error:
            errors[_input_name(str(error.detail.get("field", "")))] = (
                "This amount is larger than any invoice's; check the digits."
            )
        except ValidationError as error:
            problem = "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors())
        except CiraError as error:
            problem = f"{words.capital(error.message)}. {error.hint}"
        else:
            target = following if given.get("then") == "next" and following else job_id
            return RedirectResponse(f"/invoices/{target}?confirmed={job_id}", 303, headers=HEADERS)
    return _record_page(services, visitor, job, stored, status=422, typed=typed, errors=errors, problem=problem)


def _record_page(
    services: Services,
    visitor: Visitor,
    job: Job,
    stored: StoredRecord,
    *,
    status: int = 200,
    told: Mapping[str, Any] | None = None,
    typed: Mapping[str, str] | None = None,
    errors: Mapping[str, str] | None = None,
    problem: str = "",
    conflict: bool = False,
) -> Response:
    client = client_filter(visitor.key)
    view = invoice_routes.invoice_view(services, visitor.key, job, stored)
    state, text = words.state(job)
    return html(
        "record.html",
        visitor,
        status=status,
        waiting=waiting_for_review(services.database, client),
        job=job,
        url=shown_url(job.url) if "://" in job.url else "",
        source=words.source(job),
        view=view,
        state=state,
        state_words=text,
        form=record_form(stored.record, utc_now().date(), typed, errors, declarations(services.settings.custom_fields)),
        attachments=[each for each in attachment_routes.attachments_of(services, stored) if each.content],
        findings=complaints(view.findings),
        may_review=visitor.may(Scope.REVIEW),
        following=next_in_review(services.database, client, job.job_id),
        seen=stored.updated_at.isoformat(),
        told=told,
        problem=problem,
        conflict=conflict,
        costs_total=_usd(view.cost_usd),
        took=_took(job.started_at, job.finished_at),
    )


def _progress(services: Services, visitor: Visitor, job: Job) -> Response:
    state, text = words.state(job)
    return html(
        "progress.html",
        visitor,
        waiting=waiting_for_review(services.database, client_filter(visitor.key)),
        job=job,
        url=shown_url(job.url) if "://" in job.url else "",
        source=words.source(job),
        state=state,
        state_words=text,
        step=words.step(job),
        may_submit=visitor.may(Scope.SUBMIT),
    )


def _told(services: Services, visitor: Visitor, confirmed: str | None) -> Mapping[str, Any] | None:
    """What became of the record that was confirmed a moment ago."""
    if confirmed is None:
        return None
    try:
        job = own_job(services, visitor.key, confirmed)
    except JobNotFound:
        return None
    stored = services.records.get(job.job_id)
    if stored is None or services.confirmations.latest(job.job_id) is None:
        return None
    wrong = [each.message for each in stored.record.findings if each.severity is Severity.ERROR]
    return {
        "job_id": job.job_id,
        "name": stored.record.invoice.invoice_number or words.source(job),
        "accepted": stored.record.verdict is Verdict.ACCEPTED,
        "verdict": words.VERDICTS[stored.record.verdict].lower(),
        "wrong": wrong,
    }


def _input_name(path: str) -> str:
    """`line_items[2].net_amount` -> `line_items.2.net_amount`."""
    return path.replace("[", ".").replace("]", "")


def _usd(amount: Decimal) -> str:
    return f"{amount:.4f} USD" if amount else ""


def _took(started: datetime | None, ended: datetime | None) -> str:
    return f"{(ended - started).total_seconds():.1f} s" if started and ended and ended >= started else ""
