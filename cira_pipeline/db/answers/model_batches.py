"""Model batches: gathered from queued questions, tracked to their end, and the effect of the end on the questions.

Each method is one transaction, and each step of a batch can be repeated after a crash: a batch has an id before it is
sent to the provider, and a question is in at most one batch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict
from sqlalchemy import Connection, text
from ulid import ULID

from cira_pipeline.db.answers import batched_questions
from cira_pipeline.db.database import Database
from cira_pipeline.errors import CiraError, StoreUnavailable
from cira_pipeline.jobs import JobId
from cira_pipeline.settings import Settings

# "cira" and "ba" in ASCII: advisory lock held by the process that advances model batches.
MOVING_LOCK = 0x636972616261
LINES_AT_ONCE = 500


class ModelBatch(BaseModel):
    """A row of `model_batches`; tables.py documents the columns. Times are UTC."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model_batch_id: str
    provider: str
    deployment: str
    state: ModelBatchState
    provider_status: str | None
    input_file_id: str | None
    provider_batch_id: str | None
    question_count: int
    size_bytes: int
    answered_count: int
    unanswered_count: int
    left_out: tuple[str, ...]
    error_code: str | None
    error_message: str | None
    created_at: datetime
    create_tried_at: datetime | None
    sent_at: datetime | None
    polled_at: datetime | None
    ended_at: datetime | None
    files_deleted_at: datetime | None

    @property
    def ended(self) -> bool:
        return self.ended_at is not None


ModelBatchState = Literal["preparing", "sent", "done", "failed"]


@dataclass(frozen=True)
class Waiting:
    """Questions queued for a deployment's next batch; `oldest_s` is how long the first one has waited, in seconds."""

    provider: str
    deployment: str
    questions: int
    size_bytes: int
    oldest_s: float


@dataclass(frozen=True)
class Payment:
    """The job that pays for a question answered by a batch, and the model to price when the answer's is not known."""

    job_id: JobId
    client: str
    model: str
    erased: bool


class ModelBatchRepository:
    """Model batches in PostgreSQL. Thread-safe. Raises: StoreUnavailable."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @contextmanager
    def moving(self) -> Iterator[Callable[[], None] | None]:
        """Exclusive right to advance model batches inside the block; `None` when another process holds it.

        Calling the yielded function raises StoreUnavailable when the right was lost with its connection.
        """
        with self._database.single() as connection:
            if not connection.scalar(text("SELECT pg_try_advisory_lock(:lock)"), {"lock": MOVING_LOCK}):
                yield None
                return
            try:
                yield lambda: connection.execute(text("SELECT 1")).close()
            finally:
                # A broken connection has released the lock already.
                with suppress(StoreUnavailable):
                    connection.execute(text("SELECT pg_advisory_unlock(:lock)"), {"lock": MOVING_LOCK})

    def get(self, model_batch_id: str) -> ModelBatch:
        with self._database.begin() as connection:
            row = connection.execute(
                text("SELECT * FROM cira.model_batches WHERE model_batch_id = :id"), {"id": model_batch_id}
            ).one()
        return ModelBatch.model_validate(dict(row._mapping))

    def newest(self, limit: int = 50) -> list[ModelBatch]:
        """Model batches, newest first."""
        with self._database.begin() as connection:
            rows = connection.execute(
                text("SELECT * FROM cira.model_batches ORDER BY model_batch_id DESC LIMIT :limit"), {"limit": limit}
            ).all()
        return [ModelBatch.model_validate(dict(row._mapping)) for row in rows]

    def unfinished(self) -> list[ModelBatch]:
        """Batches with work left to do, if only the deletion of their files; oldest first."""
        with self._database.begin() as connection:
            rows = connection.execute(
                text("SELECT * FROM cira.model_batches WHERE files_deleted_at IS NULL ORDER BY model_batch_id")
            ).all()
        return [ModelBatch.model_validate(dict(row._mapping)) for row in rows]

    def waiting(self) -> list[Waiting]:
        """Questions queued for the next batch, by deployment."""
        with self._database.begin() as connection:
            rows = connection.execute(
                text("""
                    SELECT provider, deployment, count(*) AS questions, sum(size_bytes) AS size_bytes,
                           extract(epoch FROM now() - min(queued_at))::float AS oldest_s
                    FROM cira.batched_questions WHERE state = 'waiting' GROUP BY 1, 2 ORDER BY 1, 2
                """)
            ).all()
        return [Waiting(row.provider, row.deployment, row.questions, int(row.size_bytes), row.oldest_s) for row in rows]

    def has_work(self, settings: Settings) -> bool:
        """Whether a polling round would do anything."""
        return bool(self.unfinished()) or any(
            each.oldest_s >= settings.model_batch_every_s
            or each.questions >= settings.model_batch_max_questions
            or each.size_bytes >= settings.model_batch_max_bytes
            for each in self.waiting()
        )

    def reserved_usd(self) -> Decimal:
        """The most that all questions queued for or in a batch can cost, in USD."""
        with self._database.begin() as connection:
            reserved = connection.scalar(
                text("""
                    SELECT coalesce(sum(a.reserved_usd), 0)
                    FROM cira.model_answers a JOIN cira.batched_questions USING (request_hash)
                    WHERE a.answered_at IS NULL
                """)
            )
        return Decimal(reserved or 0)

    def drop_unwanted(self) -> int:
        """Removes questions that are in no batch and whose jobs have all ended; returns how many.

        A given-up question has no waiting jobs: it is kept until the job that pays for it has ended.
        """
        with self._database.begin() as connection:
            unwanted = connection.scalars(
                text("""
                    SELECT request_hash FROM cira.batched_questions q
                    WHERE state <> 'sent' AND NOT EXISTS (
                        SELECT 1 FROM cira.jobs j LEFT JOIN cira.batch_waits w
                            ON w.job_id = j.job_id AND w.request_hash = q.request_hash
                        WHERE j.status IN ('queued', 'running', 'needs_budget', 'waiting')
                          AND (w.job_id IS NOT NULL OR (q.state = 'given_up' AND j.job_id = q.job_id))
                    )
                    FOR UPDATE OF q SKIP LOCKED
                """)
            ).all()
            if unwanted:
                batched_questions.drop(connection, unwanted)
        return len(unwanted)

    def gather(self, provider: str, deployment: str, *, most_questions: int, most_bytes: int) -> str | None:
        """Creates a batch of the questions that wait longest, within both limits; its id, or `None` without any."""
        model_batch_id = f"mba_{str(ULID()).lower()}"
        of = {"provider": provider, "deployment": deployment, "id": model_batch_id}
        with self._database.begin() as connection:
            gathered = connection.execute(
                text("""
                    WITH queue AS (
                        SELECT request_hash, size_bytes, queued_at FROM cira.batched_questions
                        WHERE state = 'waiting' AND provider = :provider AND deployment = :deployment
                        ORDER BY queued_at, request_hash LIMIT :most_questions
                        FOR UPDATE SKIP LOCKED
                    ), measured AS (
                        SELECT request_hash, row_number() OVER w AS place, sum(size_bytes) OVER w AS size_so_far
                        FROM queue WINDOW w AS (ORDER BY queued_at, request_hash)
                    )
                    SELECT array_agg(request_hash) AS hashes, max(size_so_far) AS size_bytes FROM measured
                    WHERE size_so_far <= :most_bytes OR place = 1
                """),
                {**of, "most_questions": most_questions, "most_bytes": most_bytes},
            ).one()
            if not gathered.hashes:
                return None
            connection.execute(
                text("""
                    INSERT INTO cira.model_batches (model_batch_id, provider, deployment, question_count, size_bytes)
                    VALUES (:id, :provider, :deployment, :count, :size_bytes)
                """),
                {**of, "count": len(gathered.hashes), "size_bytes": gathered.size_bytes},
            )
            connection.execute(
                text("""
                    UPDATE cira.batched_questions SET state = 'sent', model_batch_id = :id
                    WHERE request_hash = ANY (:hashes)
                """),
                {"id": model_batch_id, "hashes": gathered.hashes},
            )
        return model_batch_id

    def questions(self, model_batch_id: str) -> Iterator[tuple[str, str]]:
        """Request hash and body of the batch's questions, in order, without the erased ones."""
        after = ""
        while True:
            with self._database.begin() as connection:
                rows = connection.execute(
                    text("""
                        SELECT request_hash, body FROM cira.batched_questions
                        WHERE model_batch_id = :id AND request_hash > :after AND body IS NOT NULL
                        ORDER BY request_hash LIMIT :limit
                    """),
                    {"id": model_batch_id, "after": after, "limit": LINES_AT_ONCE},
                ).all()
            if not rows:
                return
            yield from ((row.request_hash, row.body) for row in rows)
            after = rows[-1].request_hash

    def note(self, model_batch_id: str, **columns: Any) -> None:
        """Updates columns of the batch by their names; the value `now` sets the database's current time."""
        given = {name: value for name, value in columns.items() if value != "now"}
        sets = ", ".join(f"{name} = {'now()' if value == 'now' else f':{name}'}" for name, value in columns.items())
        with self._database.begin() as connection:
            connection.execute(
                text(f"UPDATE cira.model_batches SET {sets} WHERE model_batch_id = :id"),  # noqa: S608 - own names
                {**given, "id": model_batch_id},
            )

    def rejected_parameters(self, deployment: str) -> frozenset[str]:
        """Request parameters that the deployment has rejected."""
        with self._database.begin() as connection:
            names = connection.scalars(
                text("SELECT DISTINCT unnest(left_out) FROM cira.model_batches WHERE deployment = :deployment"),
                {"deployment": deployment},
            ).all()
        return frozenset(names)

    def last_ended(self, deployment: str) -> ModelBatch | None:
        with self._database.begin() as connection:
            row = connection.execute(
                text("""
                    SELECT * FROM cira.model_batches WHERE deployment = :deployment AND ended_at IS NOT NULL
                    ORDER BY ended_at DESC LIMIT 1
                """),
                {"deployment": deployment},
            ).one_or_none()
        return None if row is None else ModelBatch.model_validate(dict(row._mapping))

    def others_under_way(self, deployment: str, besides: ModelBatch | None = None) -> bool:
        """Whether the provider is working on another batch of the deployment."""
        with self._database.begin() as connection:
            return bool(
                connection.scalar(
                    text("""
                        SELECT EXISTS (
                            SELECT 1 FROM cira.model_batches
                            WHERE deployment = :deployment AND state = 'sent' AND model_batch_id <> :besides
                        )
                    """),
                    {"deployment": deployment, "besides": besides.model_batch_id if besides else ""},
                )
            )

    @contextmanager
    def answering(self, model_batch_id: str, request_hash: str) -> Iterator[tuple[Connection, Payment | None]]:
        """A transaction that removes an answered question from its batch; `None` when it is not in it (any more)."""
        with self._database.begin() as connection:
            row = batched_questions.answered(connection, request_hash, model_batch_id)
            if row is not None:
                connection.execute(
                    text("""
                        UPDATE cira.model_batches SET answered_count = answered_count + 1 WHERE model_batch_id = :id
                    """),
                    {"id": model_batch_id},
                )
            yield connection, None if row is None else Payment(JobId(row.job_id), row.client, row.model, row.erased)

    def body_of(self, model_batch_id: str, request_hash: str) -> str | None:
        """The request of a question in the batch; `None` when it is not in it, or was erased."""
        with self._database.begin() as connection:
            body: str | None = connection.scalar(
                text("""
                    SELECT body FROM cira.batched_questions WHERE request_hash = :hash AND model_batch_id = :id
                """),
                {"hash": request_hash, "id": model_batch_id},
            )
        return body

    def requeue_rewritten(self, model_batch_id: str, request_hash: str, body: str, left_out: str) -> None:
        """Queues a question again as `body`, without the parameter its deployment rejects. Does not count as a try."""
        with self._database.begin() as connection:
            moved = connection.execute(
                text("""
                    UPDATE cira.batched_questions
                    SET state = 'waiting', model_batch_id = NULL, body = :body, queued_at = now()
                    WHERE request_hash = :hash AND model_batch_id = :id
                """),
                {"hash": request_hash, "id": model_batch_id, "body": body},
            ).rowcount
            connection.execute(
                text("""
                    UPDATE cira.model_batches
                    SET unanswered_count = unanswered_count + :moved,
                        left_out = CASE WHEN :name = ANY (left_out) THEN left_out
                                        ELSE array_append(left_out, CAST(:name AS text)) END
                    WHERE model_batch_id = :id
                """),
                {"id": model_batch_id, "name": left_out, "moved": moved},
            )

    def rewrite_waiting(self, deployment: str, rewrite: Callable[[str], str | None]) -> None:
        """Replaces every queued question for `deployment` with what `rewrite` returns; `None` leaves it unchanged."""
        after = ""
        while True:
            with self._database.begin() as connection:
                rows = connection.execute(
                    text("""
                        SELECT request_hash, body FROM cira.batched_questions
                        WHERE state = 'waiting' AND deployment = :deployment AND request_hash > :after
                        ORDER BY request_hash LIMIT :limit FOR UPDATE
                    """),
                    {"deployment": deployment, "after": after, "limit": LINES_AT_ONCE},
                ).all()
                bodies = [(row.request_hash, rewrite(row.body)) for row in rows]
                rewritten = [{"hash": hash_, "body": body} for hash_, body in bodies if body is not None]
                if rewritten:
                    connection.execute(
                        text("UPDATE cira.batched_questions SET body = :body WHERE request_hash = :hash"), rewritten
                    )
            if not rows:
                return
            after = rows[-1].request_hash

    def unanswered(
        self, model_batch_id: str, request_hashes: Sequence[str] | None, error: CiraError, *, most_tries: int
    ) -> None:
        """Queues the questions that the batch did not answer (all left in it for `None`) for the next batch.

        After `most_tries` they are given up, and the jobs that waited for them continue. Erased ones are deleted.
        """
        with self._database.begin() as connection:
            _unanswered(connection, model_batch_id, request_hashes, error, most_tries)

    def finish(
        self,
        model_batch_id: str,
        *,
        most_tries: int,
        unanswered: CiraError,
        failed: CiraError | None = None,
        counts: bool = True,
    ) -> None:
        """Ends the batch, as `failed` when it gave no answer at all. Its remaining questions get the error
        `unanswered`, which `counts` as a try or not.
        """
        with self._database.begin() as connection:
            _unanswered(connection, model_batch_id, None, unanswered, most_tries, counts=counts)
            connection.execute(
                text("""
                    UPDATE cira.model_batches
                    SET state = CAST(:state AS text), ended_at = now(), error_code = :code, error_message = :message
                    WHERE model_batch_id = :id AND ended_at IS NULL
                """),
                {
                    "id": model_batch_id,
                    "state": "failed" if failed else "done",
                    "code": failed.code if failed else None,
                    "message": failed.message if failed else None,
                },
            )


def _unanswered(
    connection: Connection,
    model_batch_id: str,
    hashes: Sequence[str] | None,
    error: CiraError,
    most_tries: int,
    *,
    counts: bool = True,
) -> None:
    about: Mapping[str, Any] = {
        "id": model_batch_id,
        "hashes": None if hashes is None else list(hashes),
        "most_tries": most_tries,
        "code": error.code,
        "message": error.message,
        "step": int(counts),
        # An error of the question itself would recur in the next batch.
        "for_good": not error.retryable and hashes is not None,
    }
    in_question = "model_batch_id = :id AND (CAST(:hashes AS text[]) IS NULL OR request_hash = ANY (:hashes))"
    erased = connection.execute(
        text(f"DELETE FROM cira.batched_questions WHERE {in_question} AND body IS NULL"),  # noqa: S608
        about,
    ).rowcount
    left = connection.execute(
        text(f"""
            UPDATE cira.batched_questions
            SET tries = tries + :step, model_batch_id = NULL, queued_at = now(), error_code = :code,
                error_message = :message,
                state = CASE WHEN :for_good OR tries + :step >= :most_tries THEN 'given_up' ELSE 'waiting' END
            WHERE {in_question}
            RETURNING request_hash, state
        """),  # noqa: S608
        about,
    ).all()
    given_up = [row.request_hash for row in left if row.state == "given_up"]
    if given_up:
        batched_questions.end_claims(connection, given_up)
        connection.execute(
            text("DELETE FROM cira.batch_waits WHERE request_hash = ANY (:hashes)"), {"hashes": given_up}
        )
    connection.execute(
        text("""
            UPDATE cira.model_batches SET unanswered_count = unanswered_count + :count WHERE model_batch_id = :id
        """),
        {"id": model_batch_id, "count": len(left) + erased},
    )
