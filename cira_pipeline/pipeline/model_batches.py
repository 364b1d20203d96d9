"""Model batch poller: gathers questions, sends them, polls the batches, stores their answers and ends them.

One process at a time does this; any process can. A killed one is continued by the next: the content of a batch is
decided in PostgreSQL before the provider receives it, the provider is searched for the batch before it is sent, and an
answer leaves the batch in the transaction that stores and books it. Jobs are not touched: `resuming.py` queues those
again that have no open questions left.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from cira_pipeline.clock import utc_now
from cira_pipeline.costs.attribution import CostAttribution, attributed_to
from cira_pipeline.costs.ledger import Ledger
from cira_pipeline.costs.prices import PriceList
from cira_pipeline.db.answers.model_batches import ModelBatch, ModelBatchRepository
from cira_pipeline.db.answers.repository import AnswerRepository
from cira_pipeline.db.database import Database
from cira_pipeline.errors import (
    CiraError,
    CircuitOpen,
    ExtractionError,
    ModelBatchAnswerMissing,
    ModelBatchCancelled,
    ModelBatchExpired,
    ModelBatchQuotaExceeded,
    ModelBatchRefused,
    ModelDeploymentMissing,
    ModelQuestionTooLong,
    ModelRequestRejected,
)
from cira_pipeline.extraction.azure_openai.batch_api import (
    LARGEST_LINE_BYTES,
    BatchApi,
    LineAnswered,
    LineFailed,
    ProviderBatch,
    read_line,
)
from cira_pipeline.extraction.azure_openai.limits import batch_breaker
from cira_pipeline.extraction.azure_openai.model_capabilities import rejected_parameter, without_parameter
from cira_pipeline.pipeline.paid_answers import paid_answers
from cira_pipeline.settings import Settings

_log = logging.getLogger(__name__)

HEARD_OF_AFTER = timedelta(minutes=1)
"""Time after an unconfirmed call to create a batch, after which the provider's list is trusted not to contain it."""
KEEP_DELETING_FOR = timedelta(days=2)
"""Time after which the deletion of a file at the provider is given up; the provider's own retention then deletes it."""
_QUOTA_CODES = frozenset({"token_limit_exceeded", "enqueued_token_limit_exceeded", "quota_exceeded"})
_REFUSALS = (ModelRequestRejected, ModelDeploymentMissing, ModelQuestionTooLong)
"""HTTP statuses of a provider that supports no batches, or none of this kind or size."""
_ENDED_EARLY: dict[str, type[ExtractionError]] = {
    "expired": ModelBatchExpired,
    "cancelled": ModelBatchCancelled,
    "completed": ModelBatchAnswerMissing,
}


@dataclass
class Moved:
    """Result of one polling round. `busy`: another process was at it, and nothing was done."""

    busy: bool = False
    sent: list[str] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)
    answers: int = 0
    troubled: dict[str, str] = field(default_factory=dict)


@contextmanager
def opened_batches(
    settings: Settings, database: Database, prices: PriceList, ledger: Ledger
) -> Iterator[ModelBatchPoller]:
    """The poller, with its connection to the provider. Raises: ConfigurationError."""
    breaker = batch_breaker(settings)
    api = BatchApi(settings, breaker)
    try:
        yield ModelBatchPoller(
            settings, ModelBatchRepository(database), api, paid_answers(database, settings, prices, ledger)
        )
    finally:
        api.close()
        breaker.close()


@dataclass(frozen=True)
class ModelBatchPoller:
    """Advances model batches. `heard_of_after`: see HEARD_OF_AFTER."""

    settings: Settings
    batches: ModelBatchRepository
    api: BatchApi
    answers: AnswerRepository
    heard_of_after: timedelta = HEARD_OF_AFTER

    def move(self, *, send_now: bool = False) -> Moved:
        """One polling round. With `send_now`, queued questions are sent however short they have waited.

        The error of one batch is recorded with it and does not affect the others. Raises: StoreUnavailable.
        """
        moved = Moved()
        with self.batches.moving() as require_lock:
            if require_lock is None:
                return Moved(busy=True)
            for batch in self.batches.unfinished():
                self._try(batch.model_batch_id, require_lock, moved)
            self.batches.drop_unwanted()
            for model_batch_id in self._gathered(send_now=send_now):
                self._try(model_batch_id, require_lock, moved)
        return moved

    def _try(self, model_batch_id: str, require_lock: Callable[[], None], moved: Moved) -> None:
        try:
            self._move(model_batch_id, require_lock, moved)
        except (ExtractionError, CircuitOpen) as error:
            _log.warning("model batch %s: %s", model_batch_id, error)
            moved.troubled[model_batch_id] = error.code
            if not self.batches.get(model_batch_id).ended:
                self.batches.note(model_batch_id, error_code=error.code, error_message=error.message)

    def _move(self, model_batch_id: str, require_lock: Callable[[], None], moved: Moved) -> None:
        batch = self.batches.get(model_batch_id)
        if batch.state == "preparing":
            batch = self._sent(batch, require_lock, moved)
        elif batch.state == "sent":
            batch = self._followed(batch, moved)
        if batch.ended and batch.files_deleted_at is None:
            self._tidy(batch)

    # Gathering.

    def _gathered(self, *, send_now: bool) -> Iterator[str]:
        settings = self.settings
        for waiting in self.batches.waiting():
            most_questions = self._most_questions(waiting.deployment)
            if most_questions == 0:
                continue
            full = waiting.questions >= most_questions or waiting.size_bytes >= settings.model_batch_max_bytes
            if not (send_now or full or waiting.oldest_s >= settings.model_batch_every_s):
                continue
            self._leave_out_rejected(waiting.deployment)
            left = waiting.questions
            while left > 0:
                model_batch_id = self.batches.gather(
                    waiting.provider,
                    waiting.deployment,
                    most_questions=most_questions,
                    most_bytes=settings.model_batch_max_bytes,
                )
                if model_batch_id is None:
                    break
                left -= self.batches.get(model_batch_id).question_count
                yield model_batch_id

    def _most_questions(self, deployment: str) -> int:
        """After a quota of enqueued tokens was exceeded: none while others are enqueued, then half as many."""
        last = self.batches.last_ended(deployment)
        if last is None or last.error_code != ModelBatchQuotaExceeded.code:
            return self.settings.model_batch_max_questions
        return 0 if self.batches.others_under_way(deployment) else max(1, last.question_count // 2)

    def _leave_out_rejected(self, deployment: str) -> None:
        """Removes from queued questions the request parameters that their deployment is known to reject."""
        for name in self.batches.rejected_parameters(deployment):
            self.batches.rewrite_waiting(deployment, lambda body, name=name: without_parameter(body, name))  # type: ignore[misc]

    # Sending.

    def _sent(self, batch: ModelBatch, require_lock: Callable[[], None], moved: Moved) -> ModelBatch:
        batch_id = batch.model_batch_id
        if batch.input_file_id is None:
            try:
                self._upload(batch)
            except _REFUSALS as error:
                self._refused(batch, error.message)
            batch = self.batches.get(batch_id)
        if batch.ended or batch.input_file_id is None:
            return batch
        begun = None
        if batch.create_tried_at is not None:
            # An earlier call to create it had no confirmed result.
            begun = self.api.find_batch(batch_id, batch.input_file_id)
            if begun is None and utc_now() - batch.create_tried_at < self.heard_of_after:
                return batch
        begun = begun or self._begun(batch, batch.input_file_id, require_lock)
        if begun is not None:
            self.batches.note(
                batch_id,
                state="sent",
                provider_batch_id=begun.provider_batch_id,
                provider_status=begun.status,
                sent_at="now",
                error_code=None,
                error_message=None,
            )
            moved.sent.append(batch_id)
        return self.batches.get(batch_id)

    def _upload(self, batch: ModelBatch) -> None:
        """Uploads the questions; ends the batch when there are none, as all may have been erased meanwhile."""
        batch_id, name = batch.model_batch_id, f"{batch.model_batch_id}.jsonl"
        file_id = self.api.find_file(name)
        if file_id is None:
            with tempfile.TemporaryDirectory(prefix="cira-batch-") as folder:
                path = Path(folder) / name
                with path.open("w", encoding="utf-8") as file:
                    for request_hash, body in self.batches.questions(batch_id):
                        file.write(self.api.line(request_hash, body))
                if not path.stat().st_size:
                    self._finish(batch, ModelBatchAnswerMissing("all of its questions were erased"))
                    return
                file_id = self.api.upload(name, path)
        self.batches.note(batch_id, input_file_id=file_id)

    def _begun(self, batch: ModelBatch, input_file_id: str, require_lock: Callable[[], None]) -> ProviderBatch | None:
        state = self.api.file_state(input_file_id)
        if state == "error":
            self._refused(batch, "the provider could not read the file of questions")
            return None
        if state not in ("processed", "uploaded"):
            return None
        self.batches.note(batch.model_batch_id, create_tried_at="now")
        require_lock()
        try:
            return self.api.begin(batch.model_batch_id, input_file_id)
        except _REFUSALS as error:
            self._refused(batch, error.message)
            return None

    def _refused(self, batch: ModelBatch, message: str) -> None:
        error = ModelBatchRefused(message)
        self._finish(batch, error, failed=error)

    # Following.

    def _followed(self, batch: ModelBatch, moved: Moved) -> ModelBatch:
        polled = self._look(batch)
        self.batches.note(
            batch.model_batch_id, provider_status=polled.status, polled_at="now", error_code=None, error_message=None
        )
        if polled.over:
            for file_id in (polled.output_file_id, polled.error_file_id):
                if file_id is not None:
                    moved.answers += self._take(batch, file_id)
            self._end(batch, polled)
            moved.ended.append(batch.model_batch_id)
        return self.batches.get(batch.model_batch_id)

    def _look(self, batch: ModelBatch) -> ProviderBatch:
        assert batch.provider_batch_id is not None  # noqa: S101 - a rule of the table
        try:
            return self.api.look(batch.provider_batch_id)
        except ModelDeploymentMissing as error:
            complaint = ("batch_missing", f"the provider does not know the batch any more: {error.message}")
            return ProviderBatch(batch.provider_batch_id, "failed", None, None, (complaint,))

    def _take(self, batch: ModelBatch, file_id: str) -> int:
        """Stores all answers of a file; returns how many were new."""
        answers = 0
        with tempfile.TemporaryFile(prefix="cira-batch-") as file:
            self.api.download(file_id, file)
            file.seek(0)
            while line := file.readline(LARGEST_LINE_BYTES):
                line_result = read_line(line)
                if isinstance(line_result, LineAnswered):
                    answers += self._keep(batch, line_result)
                elif line_result is not None:
                    self._not_answered(batch, line_result)
                elif line.strip():
                    _log.warning("model batch %s: a line of file %s is malformed", batch.model_batch_id, file_id)
        return answers

    def _keep(self, batch: ModelBatch, line_result: LineAnswered) -> int:
        body = self.batches.body_of(batch.model_batch_id, line_result.request_hash) or ""
        with self.batches.answering(batch.model_batch_id, line_result.request_hash) as (connection, payment):
            if payment is None:
                return 0
            answer = line_result.answer(provider=batch.provider, model=payment.model, body=body)
            with attributed_to(CostAttribution(payment.job_id, payment.client)):
                self.answers.commit_of_batch(connection, answer, payment.model, erased=payment.erased)
        return 1

    def _not_answered(self, batch: ModelBatch, line_result: LineFailed) -> None:
        """If only a request parameter was rejected, queues the question again without it for the next batch."""
        body = self.batches.body_of(batch.model_batch_id, line_result.request_hash)
        name = rejected_parameter(line_result.complaint) if line_result.complaint else None
        rewritten = without_parameter(body, name) if body is not None and name is not None else None
        if rewritten is not None and name is not None:
            self.batches.requeue_rewritten(batch.model_batch_id, line_result.request_hash, rewritten, name)
        else:
            self.batches.unanswered(
                batch.model_batch_id,
                [line_result.request_hash],
                line_result.error,
                most_tries=self.settings.model_batch_attempts,
            )

    def _end(self, batch: ModelBatch, polled: ProviderBatch) -> None:
        reason = "; ".join(f"{code}: {message}" for code, message in polled.complaints)
        if polled.status == "failed":
            quota = any(code in _QUOTA_CODES for code, _ in polled.complaints)
            error: CiraError = (ModelBatchQuotaExceeded if quota else ModelBatchRefused)(reason or "it gave no reason")
            # A single question that is too large will never fit. Any other batch is halved or waits, which is no try.
            hopeless = batch.question_count == 1 and not self.batches.others_under_way(batch.deployment, batch)
            self._finish(batch, error, failed=error, counts=not quota or hopeless)
            return
        kind = _ENDED_EARLY.get(polled.status, ModelBatchAnswerMissing)
        self._finish(
            batch,
            kind(f"model batch {batch.model_batch_id} ended as {polled.status} without an answer to the question"),
        )

    def _finish(
        self, batch: ModelBatch, unanswered: CiraError, *, failed: CiraError | None = None, counts: bool = True
    ) -> None:
        self.batches.finish(
            batch.model_batch_id,
            most_tries=self.settings.model_batch_attempts,
            unanswered=unanswered,
            failed=failed,
            counts=counts,
        )

    # Tidying up.

    def _tidy(self, batch: ModelBatch) -> None:
        """Deletes the batch's files at the provider: they hold documents' text, and there is room for 500."""
        file_ids = [batch.input_file_id]
        try:
            if batch.provider_batch_id is not None:
                polled = self._look(batch)
                file_ids += [polled.output_file_id, polled.error_file_id]
            for file_id in file_ids:
                if file_id is not None:
                    self.api.delete_file(file_id)
        except (ExtractionError, CircuitOpen):
            if batch.ended_at is not None and utc_now() - batch.ended_at < KEEP_DELETING_FOR:
                raise
            _log.warning("model batch %s: its files at the provider could not be deleted", batch.model_batch_id)
        self.batches.note(batch.model_batch_id, files_deleted_at="now")
