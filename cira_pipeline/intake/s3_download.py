"""Downloads from s3:// URLs, of AWS S3 or a compatible object store."""

from __future__ import annotations

import threading
from functools import partial
from typing import Any

from cira_pipeline.intake.deadline import Deadline, within
from cira_pipeline.intake.fetched import Fetched, SizeLimit, plain_file_name
from cira_pipeline.intake.s3 import new_s3_client, s3_errors
from cira_pipeline.intake.url import display_url, s3_location
from cira_pipeline.settings import Settings

CHUNK_BYTES = 1 << 16


class S3Download:
    """Reads S3 objects. The client is created at the first use. Thread-safe."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._client: Any = None
        self._making = threading.Lock()

    def fetch(self, url: str, deadline: Deadline) -> Fetched:
        """One attempt for a normalised URL. Raises the leaves of `IntakeError`."""
        return within(deadline, partial(self._read, url, deadline))

    def close(self) -> None:
        if self._client is not None:
            self._client.close()

    def _read(self, url: str, deadline: Deadline) -> Fetched:
        bucket, key, version = s3_location(url)
        wanted = {"Bucket": bucket, "Key": key} | ({"VersionId": version} if version else {})
        limit = SizeLimit(self._settings.fetch_max_bytes)
        with s3_errors(display_url(url)):
            answer = self._shared_client().get_object(**wanted)
            limit.check_announced(int(answer["ContentLength"]))
            chunks = []
            for chunk in answer["Body"].iter_chunks(CHUNK_BYTES):
                limit.take(len(chunk))
                chunks.append(chunk)
                deadline.left_s()
        return Fetched(
            b"".join(chunks),
            final_url=url,
            file_name=plain_file_name(key.rpartition("/")[2]),
            declared_media_type=answer.get("ContentType"),
        )

    def _shared_client(self) -> Any:
        with self._making:
            if self._client is None:
                self._client = new_s3_client(self._settings)
            return self._client
