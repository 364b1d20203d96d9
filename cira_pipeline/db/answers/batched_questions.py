"""Questions queued for or sent in a model batch, and the jobs that wait for their answers.

Such a question is claimed in `model_answers` without a holder that could die: its claim ends when it is answered, given
up, or no longer wanted by any job. All functions work in the caller's transaction.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal, cast

from sqlalchemy import Connection, text

from cira_pipeline.errors import AnswerInBatch, ModelBatchFailed
from cira_pipeline.jobs import JobId

CLAIMED_BY = "model batch"

QuestionState = Literal["waiting", "sent", "given_up"]


@dataclass(frozen=True)
class ForBatch:
    """A question as sent in a model batch of `deployment`: `body` is the request as JSON.

    `live_after`: a question that batches gave up is asked immediately. Otherwise the model counts as failed.
    """

    provider: str
    deployment: str
    model: str
    body: str
    live_after: bool = True


@dataclass(frozen=True)
class BatchedQuestion:
    """State of a question that was queued for a model batch."""

    state: QuestionState
    deployment: str
    model_batch_id: str | None
    error_message: str | None

    def awaited(self) -> AnswerInBatch:
        if self.model_batch_id is None:
            where = f"waits for the next model batch of deployment {self.deployment}"
        else:
            where = f"is in model batch {self.model_batch_id} of deployment {self.deployment}"
        return AnswerInBatch(
            f"the job's question {where}", model_batch_id=self.model_batch_id, deployment=self.deployment
        )

    def failed(self) -> ModelBatchFailed:
        return ModelBatchFailed(
            f"no model batch of deployment {self.deployment} answered the job's question: {self.error_message}"
        )


def batched_question(connection: Connection, request_hash: str) -> BatchedQuestion | None:
    """State of the question, locked until the transaction ends; `None` when it was not queued for a batch."""
    row = connection.execute(
        text("""
            SELECT state, deployment, model_batch_id, error_message
            FROM cira.batched_questions WHERE request_hash = :hash FOR UPDATE
        """),
        {"hash": request_hash},
    ).one_or_none()
    if row is None:
        return None
    return BatchedQuestion(cast(QuestionState, row.state), row.deployment, row.model_batch_id, row.error_message)


def enqueue(
    connection: Connection, request_hash: str, question: ForBatch, job_id: JobId, line_bytes: int
) -> BatchedQuestion:
    """Queues a claimed question for the next model batch; `job_id` pays for it and waits for it."""
    connection.execute(
        text("""
            INSERT INTO cira.batched_questions (request_hash, provider, deployment, model, body, size_bytes, job_id)
            VALUES (:hash, :provider, :deployment, :model, :body, :size_bytes, :job_id)
        """),
        {
            "hash": request_hash,
            "provider": question.provider,
            "deployment": question.deployment,
            "model": question.model,
            "body": question.body,
            "size_bytes": line_bytes,
            "job_id": job_id,
        },
    )
    await_answer(connection, request_hash, job_id)
    return BatchedQuestion("waiting", question.deployment, None, None)


def await_answer(connection: Connection, request_hash: str, job_id: JobId) -> None:
    """Records that the job waits for this question; idempotent."""
    connection.execute(
        text("INSERT INTO cira.batch_waits (job_id, request_hash) VALUES (:job_id, :hash) ON CONFLICT DO NOTHING"),
        {"job_id": job_id, "hash": request_hash},
    )


def drop(connection: Connection, request_hashes: Iterable[str]) -> None:
    """Removes questions that are in no batch, the waits of their jobs, and their claims."""
    hashes = {"hashes": list(request_hashes)}
    connection.execute(text("DELETE FROM cira.batched_questions WHERE request_hash = ANY (:hashes)"), hashes)
    end_claims(connection, hashes["hashes"])


def delete_given_up(connection: Connection, request_hash: str) -> None:
    connection.execute(
        text("DELETE FROM cira.batched_questions WHERE request_hash = :hash AND state = 'given_up'"),
        {"hash": request_hash},
    )


def end_claims(connection: Connection, request_hashes: Iterable[str]) -> None:
    connection.execute(
        text("""
            DELETE FROM cira.model_answers
            WHERE request_hash = ANY (:hashes) AND answered_at IS NULL AND claimed_by = :claimed_by
        """),
        {"hashes": list(request_hashes), "claimed_by": CLAIMED_BY},
    )


def erase(connection: Connection, job_id: JobId) -> None:
    """Erases the questions about a document that no other job has: those sent in a batch lose their text and are booked
    when they are answered, the others are deleted.
    """
    of_job = """
        (job_id = :job_id OR request_hash IN (SELECT request_hash FROM cira.batch_waits WHERE job_id = :job_id))
    """
    about = {"job_id": job_id}
    unsent = connection.scalars(
        text(f"SELECT request_hash FROM cira.batched_questions WHERE state <> 'sent' AND {of_job} FOR UPDATE"),  # noqa: S608
        about,
    ).all()
    drop(connection, unsent)
    connection.execute(
        text(f"UPDATE cira.batched_questions SET body = NULL WHERE state = 'sent' AND {of_job}"),  # noqa: S608
        about,
    )


def end_waits(connection: Connection, job_id: JobId) -> None:
    connection.execute(text("DELETE FROM cira.batch_waits WHERE job_id = :job_id"), {"job_id": job_id})


def answered(connection: Connection, request_hash: str, model_batch_id: str) -> Any | None:
    """Removes a question that a batch has answered; returns its `job_id`, `client`, `model` and whether it is `erased`.

    `None` when it is not in that batch: the answer was stored before, or the question was never asked.
    """
    return connection.execute(
        text("""
            DELETE FROM cira.batched_questions q USING cira.jobs j
            WHERE q.request_hash = :hash AND q.model_batch_id = :batch AND j.job_id = q.job_id
            RETURNING q.job_id, j.client, q.model, q.body IS NULL AS erased
        """),
        {"hash": request_hash, "batch": model_batch_id},
    ).one_or_none()
