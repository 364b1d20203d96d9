"""Client of the provider's batch API: uploads files of questions, creates and polls batches, downloads answers.

Calls that are not idempotent are not retried: creating a batch is one call, and after an unknown outcome the caller
finds the batch by the id in its metadata.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, TypeVar

import httpx2
import openai
from openai.types import Batch
from openai.types.chat import ChatCompletion
from pydantic import ValidationError

from cira_pipeline.errors import (
    CiraError,
    ExtractionError,
    ModelBatchAnswerMissing,
    ModelBatchExpired,
    ModelContentFiltered,
    ModelDeploymentMissing,
    ModelQuestionTooLong,
    ModelRateLimited,
    ModelRequestRejected,
    ModelTimedOut,
    ModelUnavailable,
)
from cira_pipeline.extraction.azure_openai.chat import Deployment, answer_of, open_client
from cira_pipeline.extraction.azure_openai.failures import failure_of
from cira_pipeline.extraction.azure_openai.windows import estimate_tokens
from cira_pipeline.models import ModelAnswer
from cira_pipeline.resilience.breaker import Breaker
from cira_pipeline.resilience.retry import RetryPolicy
from cira_pipeline.settings import Settings

METADATA_KEY = "cira_model_batch"
LARGEST_LINE_BYTES = 16_000_000
OVER = frozenset({"completed", "expired", "cancelled", "failed"})
"""Final states of a batch."""

T = TypeVar("T")


@dataclass(frozen=True)
class ProviderBatch:
    """State of a batch at the provider. `complaints`: codes and messages of errors of the batch as a whole."""

    provider_batch_id: str
    status: str
    output_file_id: str | None
    error_file_id: str | None
    complaints: tuple[tuple[str, str], ...]

    @property
    def over(self) -> bool:
        return self.status in OVER


@dataclass(frozen=True)
class LineAnswered:
    """A line of an output file with a chat completion."""

    request_hash: str
    completion: ChatCompletion

    def answer(self, *, provider: str, model: str, body: str) -> ModelAnswer:
        """The answer; tokens that the provider does not count are estimated from the request `body`."""
        return answer_of(
            self.completion, self.request_hash, provider=provider, model=model, asked_tokens=estimate_tokens(body)
        ).model_copy(update={"by_batch": True})


@dataclass(frozen=True)
class LineFailed:
    """A line with an error. `complaint`: parameter and message where the request's form was rejected, else empty."""

    request_hash: str
    error: CiraError
    complaint: str = ""


class BatchApi:
    """Files and batches of one resource. Thread-safe.

    All methods raise `Model...` leaves for calls that failed, and CircuitOpen.
    """

    def __init__(
        self, settings: Settings, breaker: Breaker, *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._client = open_client(settings, Deployment(None, settings.azure_openai_model))
        self._breaker = breaker
        self._timeout_s = settings.azure_openai_timeout_s
        self._file_timeout_s = settings.model_batch_timeout_s
        self._policy = RetryPolicy(attempts=settings.azure_openai_attempts, deadline_s=settings.azure_openai_deadline_s)
        self._monotonic = monotonic
        # Azure names the operation by its own path, OpenAI and compatible servers by OpenAI's path.
        self._endpoint: Any = "/v1/chat/completions" if settings.openai_base_url else "/chat/completions"

    def line(self, request_hash: str, body: str) -> str:
        """The line of a question in the input file; `body` is the request as JSON."""
        head = json.dumps({"custom_id": request_hash, "method": "POST", "url": self._endpoint})
        return f'{head[:-1]}, "body": {body}}}\n'

    def find_file(self, name: str) -> str | None:
        """The id of the file uploaded as `name`, `None` when there is none."""

        def look() -> str | None:
            files = self._client.files.list(purpose="batch", timeout=self._timeout_s)
            return next((each.id for each in files if each.filename == name), None)

        return self._retrying(look)

    def upload(self, name: str, path: Path) -> str:
        """Uploads a file of questions. Returns: its id."""

        def send() -> str:
            with path.open("rb") as content:
                given = (name, content, "application/jsonl")
                return self._client.files.create(file=given, purpose="batch", timeout=self._file_timeout_s).id

        return self._retrying(send)

    def file_state(self, file_id: str) -> str:
        """`processed` when a batch can be created from the file, `error` when it never can; other states: not yet."""
        return self._retrying(lambda: str(self._client.files.retrieve(file_id, timeout=self._timeout_s).status))

    def find_batch(self, model_batch_id: str, input_file_id: str) -> ProviderBatch | None:
        """The batch created for `model_batch_id` or from its input file, `None` when there is none."""

        def look() -> ProviderBatch | None:
            for each in self._client.batches.list(limit=100, timeout=self._timeout_s):
                if (each.metadata or {}).get(METADATA_KEY) == model_batch_id or each.input_file_id == input_file_id:
                    return _state_of(each)
            return None

        return self._retrying(look)

    def begin(self, model_batch_id: str, input_file_id: str) -> ProviderBatch:
        """Creates a batch by one call that is not retried."""
        with self._guarded():
            return _state_of(
                self._client.batches.create(
                    input_file_id=input_file_id,
                    endpoint=self._endpoint,
                    completion_window="24h",
                    metadata={METADATA_KEY: model_batch_id},
                    timeout=self._timeout_s,
                )
            )

    def look(self, provider_batch_id: str) -> ProviderBatch:
        """The current state of a batch."""
        return self._retrying(
            lambda: _state_of(self._client.batches.retrieve(provider_batch_id, timeout=self._timeout_s))
        )

    def download(self, file_id: str, into: IO[bytes]) -> None:
        """Writes the content of a file to `into`, replacing what it contains."""

        def fetch() -> None:
            into.seek(0)
            into.truncate()
            ends = self._monotonic() + self._file_timeout_s
            content = self._client.files.with_streaming_response.content(file_id, timeout=self._timeout_s)
            with content as response:
                for chunk in response.iter_bytes():
                    into.write(chunk)
                    # The client's own time limit applies to each chunk.
                    if self._monotonic() > ends:
                        raise ModelTimedOut(f"the file {file_id} was not complete after {self._file_timeout_s:.0f} s")

        self._retrying(fetch)

    def delete_file(self, file_id: str) -> None:
        """Deletes a file; a file that does not exist is no error."""
        with suppress(ModelDeploymentMissing):
            self._retrying(lambda: self._client.files.delete(file_id, timeout=self._timeout_s))

    def close(self) -> None:
        self._client.close()

    def _retrying(self, call: Callable[[], T]) -> T:
        def guarded() -> T:
            with self._guarded():
                return call()

        return self._policy.call(guarded, monotonic=self._monotonic)

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        with self._breaker.guarding():
            try:
                yield
            except (openai.OpenAIError, httpx2.HTTPError) as error:
                raise failure_of(error) from error


def read_line(line: bytes) -> LineAnswered | LineFailed | None:
    """One line of an output or error file, parsed; `None` when it does not identify its question."""
    try:
        row = json.loads(line)
        request_hash = row["custom_id"]
        response, error = row.get("response") or {}, row.get("error") or {}
        status, body = response.get("status_code"), response.get("body") or {}
    except (ValueError, TypeError, KeyError, AttributeError):
        return None
    if not isinstance(request_hash, str) or not isinstance(body, dict) or not isinstance(error, dict):
        return None
    if status == 200:
        try:
            return LineAnswered(request_hash, ChatCompletion.model_validate(body))
        except ValidationError:
            return LineFailed(request_hash, ModelBatchAnswerMissing("its line contains no chat completion"))
    return _failed(request_hash, status, body.get("error") or body or error)


def _failed(request_hash: str, status: object, error: dict[str, Any]) -> LineFailed:
    code, message = str(error.get("code") or ""), " ".join(str(error.get("message") or "no reason was given").split())
    shown = f"HTTP {status}: {message[:300]}" if status else f"{code}: {message[:300]}"
    kind: type[ExtractionError] = ModelRequestRejected
    complaint = ""
    if code == "batch_expired":
        kind = ModelBatchExpired
    elif status in (408, 429):
        kind = ModelRateLimited
    elif not isinstance(status, int) or status >= 500 or status == 409:
        kind = ModelUnavailable
    elif code == "content_filter" or "content management policy" in message:
        kind = ModelContentFiltered
    elif code == "context_length_exceeded" or "maximum context length" in message:
        kind = ModelQuestionTooLong
    elif status in (400, 422):
        complaint = f"{error.get('param') or ''} {code} {message}"
    return LineFailed(request_hash, kind(shown), complaint)


def _state_of(batch: Batch) -> ProviderBatch:
    listed = (batch.errors.data if batch.errors else None) or []
    return ProviderBatch(
        provider_batch_id=batch.id,
        status=str(batch.status),
        output_file_id=batch.output_file_id or None,
        error_file_id=batch.error_file_id or None,
        complaints=tuple((each.code or "", " ".join((each.message or "").split())) for each in listed),
    )
