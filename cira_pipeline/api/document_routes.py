"""Upload of documents, as an alternative to submitting URLs."""

from __future__ import annotations

from typing import Annotated, NamedTuple

from fastapi import APIRouter, Query, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException

from cira_pipeline.api.caller import ServicesOf, Submitter
from cira_pipeline.api.job_models import MAX_REFERENCE_CHARS, Callback, SubmittedJobs
from cira_pipeline.api.job_routes import IdempotencyKey, submit_within_quota
from cira_pipeline.api.known_parameters import StrictRoute
from cira_pipeline.api.problems import responses
from cira_pipeline.api.services import Services
from cira_pipeline.db.access.api_keys import ApiKey
from cira_pipeline.db.disk_space import disk_space
from cira_pipeline.db.jobs.repository import Submission
from cira_pipeline.errors import RequestInvalid
from cira_pipeline.intake.isolated import recogniser_from_settings
from cira_pipeline.jobs import Policy
from cira_pipeline.models import Document
from cira_pipeline.webhooks.callback import checked_callback

router = APIRouter(prefix="/v1/documents", tags=["jobs"], route_class=StrictRoute)

_BODY = {
    "requestBody": {
        "required": True,
        "description": "the file as the body, or as the only part of a form: PDF, PNG, JPEG, TIFF or XML",
        "content": {
            "application/octet-stream": {"schema": {"type": "string", "format": "binary"}},
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {"file": {"type": "string", "format": "binary"}},
                }
            },
        },
    }
}


@router.post(
    "",
    status_code=202,
    response_model=SubmittedJobs,
    summary="Upload a document",
    responses={
        200: {"model": SubmittedJobs, "description": "The document was already submitted"},
        **responses(409, 507),
    },
    openapi_extra=_BODY,
)
async def upload_document(
    request: Request,
    services: ServicesOf,
    key: Submitter,
    response: Response,
    client_reference: Annotated[str | None, Query(max_length=MAX_REFERENCE_CHARS)] = None,
    policy: Annotated[Policy | None, Query()] = None,
    callback: Annotated[
        Callback | None, Query(description="https: URL that a webhook is sent to when the job ends")
    ] = None,
    idempotency_key: IdempotencyKey = "",
) -> SubmittedJobs:
    """Stores the document and creates a job for it; both are durable before the response is sent.

    The same content with the same `Idempotency-Key` is the same job. A file that cannot become an invoice is refused
    immediately, with the code that its job would have ended with.
    """
    await run_in_threadpool(disk_space(services.settings).demand)
    asked = Asked(client_reference, policy, callback, idempotency_key)
    with services.opening.place(key.client):
        content = await _uploaded(request)
        return await services.opening.run(key.client, lambda: keep_document(services, key, content, response, asked))


async def _uploaded(request: Request) -> bytes:
    """The uploaded file's content, from the body or from the only part of a form. Raises: RequestInvalid."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "multipart/form-data":
        return await request.body()
    try:
        async with request.form(max_files=1, max_fields=0) as form:
            files = [part for part in form.values() if isinstance(part, UploadFile)]
            if len(files) != 1:
                raise RequestInvalid("the form has no file; send one, for example with curl -F file=@invoice.pdf")
            return await files[0].read()
    except HTTPException as error:
        if error.status_code != 400:  # too large, too slow
            raise
        raise RequestInvalid(
            f"the form cannot be read: {error.detail} It must have one file and nothing else; "
            "send client_reference, policy and callback as query parameters"
        ) from error


class Asked(NamedTuple):
    """Parameters of an uploaded document."""

    client_reference: str | None = None
    policy: Policy | None = None
    callback: str | None = None
    idempotency_key: str = ""


def keep_document(services: Services, key: ApiKey, content: bytes, response: Response, asked: Asked) -> SubmittedJobs:
    """Checks and stores an uploaded document and submits its job.

    Raises: DocumentError when the file cannot become an invoice; ReadingError when it crashes the worker that opens it;
    QuotaExhausted.
    """
    settings = services.settings
    callback = None
    if asked.callback is not None:
        callback = checked_callback(asked.callback, settings)
        services.signer.demand(key.client)
    document: Document = recogniser_from_settings(settings, reads=False)(content)
    services.documents.put(document)
    submission = Submission(
        # Not fetched: the job has its document from the start.
        url=f"upload:{document.sha256}",
        client=key.client,
        idempotency_key=asked.idempotency_key,
        client_reference=asked.client_reference,
        policy=asked.policy,
        source="api",
        callback=callback,
        document_sha256=document.sha256,
    )
    return submit_within_quota(services, key, [submission], response)
