"""Lists the documents below an S3 prefix, as submissions."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cira_pipeline.db.jobs.repository import Submission
from cira_pipeline.errors import UrlInvalid
from cira_pipeline.intake.folder import is_document_name
from cira_pipeline.intake.s3 import new_s3_client, s3_errors
from cira_pipeline.intake.url import s3_url
from cira_pipeline.settings import Settings

_PREFIX = re.compile(r"s3://(?P<bucket>[A-Za-z0-9][A-Za-z0-9._-]+)(/(?P<prefix>[^\x00-\x1f]*))?", re.IGNORECASE)


@dataclass(frozen=True)
class S3Listing:
    """Result of a listing. `last_change`: newest write time of any object below the prefix, `None` without any."""

    submissions: tuple[Submission, ...]
    last_change: datetime | None


def list_s3_prefix(
    url: str, settings: Settings, *, client: str = "default", changed_since: datetime | None = None
) -> S3Listing:
    """Submissions of the objects whose key begins with the prefix in `s3://bucket/prefix` (verbatim), oldest first.

    Folder markers, hidden and temporary names are skipped, and objects written before `changed_since`. The idempotency
    key is the object's ETag: the same content under the same key is the same job.

    Raises `UrlInvalid`, `SourceNotFound` for a missing bucket, `SourceForbidden`, `SourceUnavailable`.
    """
    place = _PREFIX.fullmatch(url.strip(" "))
    if place is None:
        raise UrlInvalid("an S3 prefix must be s3://bucket or s3://bucket/prefix")
    bucket, prefix = place["bucket"], place["prefix"] or ""
    s3 = new_s3_client(settings, attempts=settings.fetch_attempts)
    try:
        with s3_errors(f"s3://{bucket}/{prefix}"):
            found = sorted(_objects(s3, bucket, prefix), key=lambda each: (each["LastModified"], each["Key"]))
    finally:
        s3.close()
    return S3Listing(
        tuple(
            Submission(
                url=s3_url(bucket, each["Key"]), client=client, idempotency_key=each["ETag"].strip('"'), source="s3"
            )
            for each in found
            if changed_since is None or each["LastModified"] >= changed_since
        ),
        found[-1]["LastModified"] if found else None,
    )


def _objects(s3: Any, bucket: str, prefix: str) -> Iterator[dict[str, Any]]:
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        for each in page.get("Contents", ()):
            folders_and_name = each["Key"][prefix.rfind("/") + 1 :].split("/")
            if all(is_document_name(part) and part for part in folders_and_name):
                yield each
