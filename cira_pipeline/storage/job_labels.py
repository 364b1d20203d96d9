"""Labels that were submitted with a job: kept with it until its document is known, then the document's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, insert, text

from cira_pipeline.jobs import JobId
from cira_pipeline.storage.tables import job_labels

# What a person has confirmed, an operator has loaded or another client has said is not replaced: whoever submits a
# document that others have too must not change what theirs is measured against.
_ADOPT = text("""
    INSERT INTO cira.labels (document_sha256, fields, source)
    SELECT DISTINCT ON (j.document_sha256) j.document_sha256, l.fields, 'submitted by ' || j.client
    FROM cira.job_labels l JOIN cira.jobs j USING (job_id)
    WHERE l.job_id = ANY(:job_ids) AND j.document_sha256 IS NOT NULL
    ORDER BY j.document_sha256, l.job_id DESC
    ON CONFLICT (document_sha256) DO UPDATE SET fields = excluded.fields, updated_at = now()
    WHERE labels.source = excluded.source AND labels.confirmed_by IS NULL
""")


def keep_labels(connection: Connection, fields_by_job: Mapping[JobId, Mapping[str, Any]]) -> None:
    """Keeps labels with new jobs; those whose document is known already become its label at once."""
    if not fields_by_job:
        return
    rows = [{"job_id": job_id, "fields": dict(fields)} for job_id, fields in fields_by_job.items()]
    connection.execute(insert(job_labels), rows)
    adopt_labels(connection, list(fields_by_job))


def adopt_labels(connection: Connection, job_ids: Sequence[JobId]) -> None:
    """Makes the labels of these jobs their documents', where nobody with a better claim has labelled them."""
    connection.execute(_ADOPT, {"job_ids": list(job_ids)})
