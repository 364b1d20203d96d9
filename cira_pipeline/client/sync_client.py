# Generated from async_client.py: change that file and run `make client`.
"""The methods of both clients; sync_client.py is generated from this file by `make client`."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import IO, Any, Literal, Self, TypeVar

import httpx

from ..api.invoice_models import AttachmentView, CostReport, InvoiceView, ListedInvoice
from ..api.job_models import JobRequest, JobView, ListedJob, SubmittedJob, SubmittedJobs
from ..errors import CiraError
from ..invoice import HeaderField, Invoice
from ..jobs import JobStatus, Policy
from ..models import ExportedView, Verdict
from . import calls
from .answers import error_of
from .calls import Call, DownloadedDocument, InvoiceFilter
from .requests import base_of, headers_of, idempotency_key_of, joined, parts_of, request_of
from .retrying import Patience, SyncSleep, no_answer, refused
from .waiting import CACHE_LAGS_S, MANY, Awaited, may_poll_instead

AnswerT = TypeVar("AnswerT")


class Client:
    """One service and one key: `Client` is thread-safe, `AsyncClient` belongs to one event loop.

    Every method raises the errors of `cira_pipeline.errors` that the service answers with (each also an
    `AnsweredError`), ServiceUnreachable without an answer, ServiceAnswerInvalid with a strange one. The key goes to
    `url`'s origin only: redirects are not followed.
    """

    def __init__(
        self,
        url: str,
        key: str,
        *,
        patience: Patience | None = None,
        verify: bool | Any = True,
        sleep: SyncSleep = time.sleep,
    ) -> None:
        """`verify`: as httpx takes it, such as an `ssl.SSLContext` with your own authority."""
        self._base = base_of(url)
        self._headers = headers_of(key)
        self._patience = patience or Patience()
        self._sleep = sleep
        self._http = httpx.Client(timeout=self._patience.timeout(), follow_redirects=False, verify=verify)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_reason: object) -> None:
        self.close()

    def close(self) -> None:
        self._http.close()

    # Jobs.
    def submit(
        self,
        url: str,
        *,
        client_reference: str | None = None,
        policy: Policy | None = None,
        callback: str | None = None,
        model_batch: bool | None = None,
        idempotency_key: str = "",
        again: bool = False,
    ) -> SubmittedJob:
        """One invoice URL. A URL submitted before under the same `idempotency_key` is the same job; `again` makes a
        key of its own, so that it becomes a new one."""
        submission = calls.request_for(
            url, client_reference=client_reference, policy=policy, callback=callback, model_batch=model_batch
        )
        answer = self.submit_many([submission], idempotency_key=idempotency_key, again=again)
        return answer.jobs[0]

    def submit_many(
        self, submissions: Iterable[str | JobRequest], *, idempotency_key: str = "", again: bool = False
    ) -> SubmittedJobs:
        """Any number of URLs, 1,000 in a request; each request is all or none, and sending it again is safe."""
        key = idempotency_key_of(idempotency_key, again=again)
        return joined([self._ask(calls.submit(part, key)) for part in parts_of(submissions)])

    def upload(
        self,
        content: bytes,
        *,
        client_reference: str | None = None,
        policy: Policy | None = None,
        callback: str | None = None,
        idempotency_key: str = "",
        again: bool = False,
    ) -> SubmittedJob:
        """A document that is at hand: PDF, PNG, JPEG, TIFF, or an e-invoice in XML."""
        key = idempotency_key_of(idempotency_key, again=again)
        answer = self._ask(calls.upload(content, client_reference, policy, callback, key))
        return answer.jobs[0]

    def status(self, job_id: str) -> JobView:
        return self._ask(calls.status(job_id))

    def jobs(
        self,
        *,
        status: JobStatus | None = None,
        verdict: Verdict | None = None,
        client_reference: str | None = None,
        client: str | None = None,
        page_size: int = 100,
    ) -> Iterator[ListedJob]:
        """Newest first; pages are fetched as they are needed."""
        cursor: str | None = None
        while True:
            page = self._ask(calls.jobs_page(cursor, page_size, status, verdict, client_reference, client))
            for each in page.jobs:
                yield each
            if (cursor := page.next_cursor) is None:
                return

    def retry(self, job_id: str) -> ListedJob:
        """Queues it again. Not repeated by itself when the answer is lost: ask for the status then."""
        return self._ask(calls.retry(job_id))

    def cancel(self, job_id: str) -> ListedJob:
        return self._ask(calls.cancel(job_id))

    def erase(self, job_id: str) -> ListedJob:
        """Deletes document, reading, record, label, and what a model was asked and answered."""
        return self._ask(calls.cancel(job_id, erase=True))

    def wait(self, job_id: str, *, timeout_s: float | None = None) -> JobView:
        """Until the job has ended. Raises: JobNotFinished after `timeout_s`."""
        (view,) = self.wait_for_all([job_id], timeout_s=timeout_s)
        return view

    def wait_for_all(
        self,
        job_ids: Sequence[str],
        *,
        timeout_s: float | None = None,
        on_end: Callable[[str], None] | None = None,
    ) -> list[JobView]:
        """Until all have ended, in the order given; `on_end` gets each id as its end becomes known.

        Listens to the service's events, and asks now and then where these do not come through.
        Raises: JobNotFinished after `timeout_s`.
        """
        awaited = Awaited(job_ids, timeout_s, on_end)
        try:
            self._listen(awaited)
        except (httpx.TransportError, CiraError) as error:
            awaited.check_time()
            if not may_poll_instead(error):
                raise
        while True:
            self._look(awaited)
            if not awaited.waiting:
                return [self._end_of(job_id) for job_id in job_ids]
            self._sleep(awaited.pause_s())

    # Records.
    def invoice(self, job_id: str) -> InvoiceView:
        """The record with evidence, findings, verdict and costs."""
        return self._ask(calls.invoice(job_id))

    def invoices(self, wanted: InvoiceFilter | None = None, *, page_size: int = 100) -> Iterator[ListedInvoice]:
        """Newest submission first; pages are fetched as they are needed."""
        cursor: str | None = None
        while True:
            page = self._ask(calls.invoices_page(cursor, page_size, wanted or InvoiceFilter()))
            for each in page.invoices:
                yield each
            if (cursor := page.next_cursor) is None:
                return

    def export(
        self,
        target: IO[bytes],
        file_format: Literal["csv", "parquet"] = "csv",
        wanted: InvoiceFilter | None = None,
        *,
        view: ExportedView = "invoices",
    ) -> int:
        """All records that fit, oldest first, written to `target` as they come; returns the number of bytes.

        `view`: what a row is, such as `invoice_taxes`.
        """
        call = calls.export(file_format, wanted or InvoiceFilter(), view)
        written = 0
        try:
            with self._http.stream(call.method, self._base + call.path, **request_of(call, self._headers)) as response:
                if not response.is_success:
                    response.read()
                    raise refused(response, error_of(response))
                for chunk in response.iter_bytes():
                    written += target.write(chunk)
        except httpx.RequestError as error:
            raise no_answer(self._base, call, error) from error
        return written

    def confirm(
        self, job_id: str, fields: Invoice | Mapping[str, Any] | None = None, *, confirmed_by: str | None = None
    ) -> InvoiceView:
        """A person stands by the record, with `fields` in place of its own; `None` for a field that there is not."""
        return self._ask(calls.confirm(job_id, fields, confirmed_by))

    def document(self, job_id: str) -> DownloadedDocument:
        return self._ask(calls.document(job_id))

    def attachments(self, job_id: str) -> list[AttachmentView]:
        """What the e-invoice carries or names besides itself (BG-24), in the order of the record."""
        return (self._ask(calls.attachments(job_id))).attachments

    def attachment(self, job_id: str, number: int) -> DownloadedDocument:
        """The bytes of one, by its `number`. They are as untrusted as the invoice."""
        return self._ask(calls.attachment(job_id, number))

    def page_picture(
        self, job_id: str, number: int = 1, *, fields: Sequence[HeaderField] | None = None, boxes: bool = True
    ) -> bytes:
        """PNG of a page as it was read, with a box around each value, or around those of `fields` only."""
        return self._ask(calls.page_picture(job_id, number, fields, boxes=boxes))

    # Money.
    def costs(self, *, since: date | None = None, until: date | None = None, client: str | None = None) -> CostReport:
        """The last 30 days if not told otherwise; days are UTC, both included."""
        return self._ask(calls.costs(since, until, client))

    def _ask(self, call: Call[AnswerT]) -> AnswerT:
        tried = 0
        cause: httpx.RequestError | None
        while True:
            tried += 1
            try:
                response = self._http.request(call.method, self._base + call.path, **request_of(call, self._headers))
            except httpx.RequestError as error:
                failure, cause = no_answer(self._base, call, error), error
            else:
                if response.is_success:
                    return call.read(response)
                failure, cause = refused(response, error_of(response)), None
            pause_s = self._patience.pause_s(tried, call, failure)
            if pause_s is None:
                raise failure from cause
            self._sleep(pause_s)

    def _listen(self, awaited: Awaited) -> None:
        with self._http.stream(
            "GET", f"{self._base}/v1/events", headers=self._headers, timeout=awaited.stream_timeout()
        ) as response:
            if not response.is_success:
                response.read()
                raise refused(response, error_of(response))
            for line in response.iter_lines():
                if awaited.heard(line) == "resync":
                    self._look(awaited)
                if not awaited.waiting:
                    return
                awaited.check_time()

    def _end_of(self, job_id: str) -> JobView:
        # An end is told when it is committed, a moment before a cache has it.
        for pause_s in CACHE_LAGS_S:
            if (view := self.status(job_id)).status.final:
                return view
            self._sleep(pause_s)
        return self.status(job_id)

    def _look(self, awaited: Awaited) -> None:
        if len(awaited.waiting) < MANY:
            for job_id in sorted(awaited.waiting):
                view = self.status(job_id)
                awaited.ended(job_id, view.status)
            return
        unseen, oldest = set(awaited.waiting), min(awaited.waiting)
        for job in self.jobs(page_size=500):
            unseen.discard(job.job_id)
            awaited.ended(job.job_id, job.status)
            if job.job_id <= oldest:
                break
        for job_id in sorted(unseen):
            view = self.status(job_id)
            awaited.ended(job_id, view.status)
