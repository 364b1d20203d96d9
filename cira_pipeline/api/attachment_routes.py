"""Routes for the attachments of an e-invoice, BG-24: their list and their bytes."""

from __future__ import annotations

import mimetypes
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Path, Response

from cira_pipeline.api.caller import JobIdInPath, Reader, ServicesOf, own_job
from cira_pipeline.api.invoice_models import AttachmentList, AttachmentView
from cira_pipeline.api.invoice_routes import record_of
from cira_pipeline.api.known_parameters import StrictRoute
from cira_pipeline.api.problems import responses
from cira_pipeline.api.services import Services
from cira_pipeline.db.records.repository import StoredRecord
from cira_pipeline.errors import AttachmentNotFound, ObjectMissing

router = APIRouter(prefix="/v1/invoices", tags=["invoices"], route_class=StrictRoute)

OTHER_TYPE = "application/octet-stream"
SAFE_TYPES = frozenset(
    {
        "application/pdf",
        "image/png",
        "image/jpeg",
        "text/csv",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "application/vnd.oasis.opendocument.spreadsheet",
    }
)
"""The media types that EN 16931 permits for BT-125; a file that declares another one is served as `OTHER_TYPE`."""

AttachmentNumber = Annotated[int, Path(ge=1, le=10_000, description="number of the attachment, from 1")]


@router.get(
    "/{job_id}/attachments",
    response_model=AttachmentList,
    summary="List the attachments of an e-invoice",
    responses=responses(404),
)
def attachments(job_id: JobIdInPath, services: ServicesOf, key: Reader) -> AttachmentList:
    """Supporting documents that the e-invoice carries or names (BG-24), and files in the PDF of a hybrid invoice."""
    job = own_job(services, key, job_id)
    return AttachmentList(attachments=attachments_of(services, record_of(services, job)))


def attachments_of(services: Services, stored: StoredRecord) -> list[AttachmentView]:
    """The attachments of a record, with the paths of those whose bytes are stored."""
    rows = stored.record.invoice.attachments
    kept = services.documents.files(stored.document_sha256) if rows else frozenset()
    return [
        AttachmentView(
            **row.model_dump(),
            number=number,
            content=f"/v1/invoices/{stored.job_id}/attachments/{number}" if row.sha256 in kept else None,
        )
        for number, row in enumerate(rows, start=1)
    ]


@router.get(
    "/{job_id}/attachments/{number}",
    response_class=Response,
    summary="Get an attachment of an e-invoice",
    responses={
        200: {
            "content": {
                kind: {"schema": {"type": "string", "format": "binary"}} for kind in (*sorted(SAFE_TYPES), OTHER_TYPE)
            },
            "description": "The file, to be saved: it is as untrusted as the invoice",
        },
        **responses(404),
    },
)
def attachment(job_id: JobIdInPath, number: AttachmentNumber, services: ServicesOf, key: Reader) -> Response:
    stored = record_of(services, own_job(services, key, job_id))
    rows = stored.record.invoice.attachments
    if number > len(rows):
        raise AttachmentNotFound(f"the invoice of job {job_id} has {len(rows)} attachment(s), not {number}")
    row = rows[number - 1]
    if row.sha256 is None:
        raise AttachmentNotFound(f"attachment {number} of job {job_id} is only named by the invoice, not contained")
    try:
        content = services.documents.file(stored.document_sha256, row.sha256)
    except ObjectMissing as error:
        raise AttachmentNotFound(f"attachment {number} of job {job_id} is not stored") from error
    media_type = row.media_type if row.media_type in SAFE_TYPES else OTHER_TYPE
    name = row.filename or f"attachment-{number}{mimetypes.guess_extension(media_type) or '.bin'}"
    return Response(
        content,
        media_type=media_type,
        headers={
            # RFC 8187: every character but the plain ones is escaped, so that a name cannot end the header.
            "Content-Disposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}",
            "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; sandbox",
        },
    )
