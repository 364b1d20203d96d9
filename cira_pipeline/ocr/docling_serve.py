"""Reader that uses docling-serve's v1 API over HTTP, always as a task that is polled.

The synchronous call ends after the server's own DOCLING_SERVE_MAX_SYNC_WAIT (two minutes by default) whatever the
document needs; a task lives as long as CIRA waits for it.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from functools import cached_property
from http import HTTPStatus
from importlib.metadata import version
from io import BytesIO
from typing import Any

import httpx
from PIL import ExifTags, Image

from cira_pipeline.errors import ConfigurationError, ReaderUnavailable, ReadingFailed, ReadingTimedOut
from cira_pipeline.models import Document, MediaType, Reading
from cira_pipeline.ocr.empty_document import empty_docling_document
from cira_pipeline.ocr.reader import ReadResult
from cira_pipeline.resilience.breaker import Breaker
from cira_pipeline.resilience.retry import RetryPolicy
from cira_pipeline.resilience.retry_after import retry_after_s
from cira_pipeline.settings import Settings

REVISION = 1
"""Must be incremented with every change of CIRA's own code that can change a reading."""

_SUFFIXES = {MediaType.PDF: "pdf", MediaType.PNG: "png", MediaType.JPEG: "jpg", MediaType.TIFF: "tiff"}
_OPTIONS = {
    "to_formats": "json",
    "image_export_mode": "placeholder",
    "include_images": "false",
    "do_ocr": "true",
    "do_table_structure": "true",
    "table_mode": "accurate",
}
_REQUEST_TIMEOUT_S = 30.0
_POLL_WAIT_S = 5.0
_POLL_PAUSE_S = 0.1
_LARGEST_ANSWER_BYTES = 200_000_000
_TRY_LATER = frozenset((HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS))
_NOT_ALLOWED = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)


class DoclingServeReader:
    """Reads with a docling-serve. Thread-safe. Temporary failures are retried.

    The server's release is not part of `version`: set it in CIRA_DOCLING_SERVE_RELEASE, and documents are read again
    after an upgrade.
    """

    name = "docling_serve"

    def __init__(
        self,
        settings: Settings,
        breaker: Breaker | None = None,
        *,
        attempts: int = 3,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        if not settings.docling_serve_url:
            raise ConfigurationError(
                "CIRA_READER is docling_serve, but CIRA_DOCLING_SERVE_URL is empty: set it to the server's address"
            )
        self._url = settings.docling_serve_url.rstrip("/")
        self._settings = settings
        self._breaker = breaker
        self._attempts = attempts
        self._monotonic = monotonic

    @property
    def version(self) -> str:
        release = self._settings.docling_serve_release or "any release"
        return f"docling-serve {release}, docling-core {version('docling-core')}, cira {REVISION}"

    def read(self, document: Document) -> ReadResult:
        """Lines of `document` in the order of the server's Docling; a paragraph is one line, as is a table cell.

        Boxes in points for PDF, in pixels for images. XML is not sent.

        Raises: ReaderUnavailable and ReadingTimedOut, both after the last attempt; ReadingFailed; CircuitOpen;
        ConfigurationError when the server refuses the API key or is not a docling-serve.
        """
        started = self._monotonic()
        if document.media_type is MediaType.XML:
            return self._without_pages(document, started)
        ends_at = started + self._settings.reading_timeout_s
        retry = RetryPolicy(attempts=self._attempts, deadline_s=self._settings.reading_timeout_s)
        answer = retry.call(lambda: self._guarded(document, ends_at), monotonic=self._monotonic)
        return self._read_result(document, answer, started)

    def _guarded(self, document: Document, ends_at: float) -> dict[str, Any]:
        if self._breaker is None:
            return self._converted(document, ends_at)
        return self._breaker.call(lambda: self._converted(document, ends_at))

    def _converted(self, document: Document, ends_at: float) -> dict[str, Any]:
        """Submits, waits and fetches; the result is docling-serve's ConvertDocumentResponse."""
        name = f"{document.sha256}.{_SUFFIXES[document.media_type]}"
        task = self._call(
            "POST",
            "/v1/convert/file/async",
            ends_at,
            data=_OPTIONS | {"document_timeout": str(self._settings.reading_timeout_s)},
            files={"files": (name, document.content, document.media_type.value)},
        )
        task_id = _text(task, "task_id")
        while (status := _text(task, "task_status")) in ("pending", "started"):
            # The server answers as soon as the task ends; one that does not support `wait` must not be flooded.
            time.sleep(_POLL_PAUSE_S)
            wait_s = max(min(_POLL_WAIT_S, ends_at - self._monotonic()), 0.0)
            task = self._call("GET", f"/v1/status/poll/{task_id}", ends_at, params={"wait": f"{wait_s:.1f}"})
        if status == "failure":
            raise _task_error(task.get("failure"), task.get("error_message"))
        result = self._call("GET", f"/v1/result/{task_id}", ends_at)
        if result.get("kind") == "TaskFailureResult":
            raise _task_error(result.get("failure"), None)
        _require_success(result)
        return result

    def _call(self, method: str, path: str, ends_at: float, **request: Any) -> dict[str, Any]:
        left_s = ends_at - self._monotonic()
        if left_s <= 0:
            raise ReadingTimedOut(f"docling-serve took longer than {self._settings.reading_timeout_s:g} s")
        try:
            with self._client.stream(
                method, path, timeout=httpx.Timeout(min(_REQUEST_TIMEOUT_S, left_s)), **request
            ) as response:
                content = _content(response)
        except httpx.HTTPError as error:
            raise ReaderUnavailable(
                f"docling-serve at {self._url} does not answer: {error or type(error).__name__}"
            ) from error
        _require_ok(response, content, path)
        return _json_object(content)

    @cached_property
    def _client(self) -> httpx.Client:
        key = self._settings.docling_serve_api_key
        # Redirects are not followed: they would send the API key elsewhere.
        return httpx.Client(
            base_url=self._url,
            headers={"X-Api-Key": key.get_secret_value()} if key else {},
            trust_env=False,
            follow_redirects=False,
        )

    def interrupt(self) -> None:
        """Does nothing: the server continues its work, and its answers arrive within a request's timeout."""

    def close(self) -> None:
        """Closes the connections to the server."""
        self._client.close()

    def _read_result(self, document: Document, answer: Mapping[str, Any], started: float) -> ReadResult:
        from docling_core.types.doc.document import DoclingDocument
        from pydantic import ValidationError

        from cira_pipeline.ocr.docling_document import lines_of_document, pages_of

        content = answer.get("document")
        try:
            read = DoclingDocument.model_validate(content.get("json_content") if isinstance(content, dict) else None)
        except ValidationError as error:
            raise ReadingFailed(
                f"docling-serve's answer is not a valid DoclingDocument: {error.error_count()} errors"
            ) from error
        if document.page_count and len(read.pages) != document.page_count:
            raise ReadingFailed(f"docling-serve read {len(read.pages)} of {document.page_count} pages, expected all")
        confidence = _ocr_confidence(answer, read.pages)
        pages = pages_of(read, picture_sizes(document), confidence)
        reading = Reading(
            reader=self.name,
            reader_version=self.version,
            pages=pages,
            lines=lines_of_document(read, pages, confidence),
            seconds=self._monotonic() - started,
        )
        return ReadResult(reading, read.model_dump_json().encode())

    def _without_pages(self, document: Document, started: float) -> ReadResult:
        reading = Reading(
            reader=self.name,
            reader_version=self.version,
            pages=(),
            lines=(),
            seconds=self._monotonic() - started,
        )
        return ReadResult(reading, empty_docling_document(document.sha256))


def _content(response: httpx.Response) -> bytes:
    content = bytearray()
    for chunk in response.iter_bytes():
        content += chunk
        if len(content) > _LARGEST_ANSWER_BYTES:
            raise ReadingFailed(f"docling-serve's answer is larger than {_LARGEST_ANSWER_BYTES:,} bytes")
    return bytes(content)


def _require_ok(response: httpx.Response, content: bytes, path: str) -> None:
    status = response.status_code
    if status == HTTPStatus.OK:
        return
    message = f"docling-serve answered {status} to {path}: {content[:300].decode(errors='replace')}"
    if status in _NOT_ALLOWED:
        raise ConfigurationError(f"{message} (check CIRA_DOCLING_SERVE_API_KEY)", status=status)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in _TRY_LATER:
        wait_s = retry_after_s(response.headers.get("Retry-After"))
        raise ReaderUnavailable(message, status=status, **({} if wait_s is None else {"retry_after_s": wait_s}))
    if status == HTTPStatus.NOT_FOUND and not path.startswith("/v1/convert/"):
        # Another replica, or a restarted server, does not know the task.
        raise ReaderUnavailable(f"docling-serve lost the task: {message}", status=status)
    if status == HTTPStatus.NOT_FOUND or response.is_redirect:
        raise ConfigurationError(f"{message} (check CIRA_DOCLING_SERVE_URL)", status=status)
    raise ReadingFailed(message, status=status)


def _json_object(content: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(content)
    except ValueError as error:
        raise ReaderUnavailable(f"docling-serve's answer is not JSON: {content[:100]!r}") from error
    if not isinstance(answer, dict):
        raise ReaderUnavailable(f"docling-serve's answer is not a JSON object: {content[:100]!r}")
    return answer


def _text(answer: Mapping[str, Any], key: str) -> str:
    value = answer.get(key)
    if not isinstance(value, str):
        raise ReaderUnavailable(f"docling-serve's answer has no {key}")
    return value


def _task_error(failure: object, message: object) -> ReaderUnavailable | ReadingFailed | ReadingTimedOut:
    parts = failure if isinstance(failure, dict) else {}
    reason = f"docling-serve could not read the document: {parts.get('message') or message or 'no reason given'}"
    if parts.get("category") == "timeout":
        return ReadingTimedOut(reason)
    return ReaderUnavailable(reason) if parts.get("retryable") is True else ReadingFailed(reason)


def _require_success(result: Mapping[str, Any]) -> None:
    """Requires full success: an invoice with a page missing is a wrong invoice."""
    status = result.get("status")
    if status == "success":
        return
    errors = [error for error in result.get("errors") or () if isinstance(error, dict)]
    reasons = "; ".join(str(error.get("error_message")) for error in errors) or "no reason given"
    if any(error.get("category") == "timeout" for error in errors):
        raise ReadingTimedOut(f"docling-serve ran out of time ({status}): {reasons}")
    raise ReadingFailed(f"docling-serve could not read every page ({status}): {reasons}")


def _ocr_confidence(answer: Mapping[str, Any], numbers: Mapping[int, object]) -> dict[int, float]:
    """OCR's own score of the pages it read; servers before 1.26 do not report it, and their pages count as native."""
    report = answer.get("confidence")
    pages = report.get("pages") if isinstance(report, dict) else None
    scores: dict[int, float] = {}
    for number in numbers:
        page = pages.get(str(number)) if isinstance(pages, dict) else None
        score = page.get("ocr_score") if isinstance(page, dict) else None
        if isinstance(score, int | float):
            scores[number] = min(max(float(score), 0.0), 1.0)
    return scores


# Pixel sizes of the pages of an image, without decoding it.

_LYING = (5, 6, 7, 8)


def picture_sizes(document: Document) -> dict[int, tuple[float, float]]:
    """Width and height in pixels of each frame, from 1, as shown after its EXIF orientation; empty for a PDF."""
    if document.media_type in (MediaType.PDF, MediaType.XML):
        return {}
    sizes: dict[int, tuple[float, float]] = {}
    with Image.open(BytesIO(document.content)) as picture:
        for frame in range(getattr(picture, "n_frames", 1)):
            picture.seek(frame)
            width, height = picture.size
            turned = picture.getexif().get(ExifTags.Base.Orientation) in _LYING
            sizes[frame + 1] = (float(height), float(width)) if turned else (float(width), float(height))
    return sizes
