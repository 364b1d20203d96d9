"""Answer cache: each model question is paid by one caller at a time, and its answer is stored for all.

A caller claims a question before it pays. The claim ends with its holder: another caller takes over as soon as the
holder's process is known to be dead (`liveness_lock.py`), and at the end of a lease in any case. A question that may
wait for a model batch is claimed too, and queued for the next batch instead of being asked.

Claiming and reserving the money are one transaction, and so are storing the answer and booking its cost: a process that
dies at any moment leaves no answer whose cost is not booked.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any, Protocol
from uuid import uuid4

from sqlalchemy import ColumnElement, Connection, Row, delete, func, literal_column, select, text, update
from sqlalchemy.dialects.postgresql import insert

from cira_pipeline.db.answers import batched_questions
from cira_pipeline.db.answers.batched_questions import CLAIMED_BY, BatchedQuestion, ForBatch
from cira_pipeline.db.database import Database
from cira_pipeline.db.schema.tables import model_answers
from cira_pipeline.errors import CiraError
from cira_pipeline.jobs import JobId
from cira_pipeline.models import ModelAnswer, Usage

FIRST_WAIT_S = 0.05
LONGEST_WAIT_S = 1.0
LINE_BYTES = 200
"""Upper bound of what surrounds a request on its line of a batch file, in bytes."""

_ANSWER = tuple(ModelAnswer.model_fields)


@dataclass(frozen=True)
class Reservation:
    """Amount reserved in the budgets while a question is being asked, and the job that pays."""

    job_id: JobId
    amount_usd: Decimal


class Account(Protocol):
    """Account that pays for answers. Methods with a connection work in that transaction."""

    def paying_job(self) -> JobId:
        """The job that this thread's questions are attributed to."""
        ...

    def reserve(self, connection: Connection, worst_case: Usage) -> Reservation:
        """Reserves what an answer can cost. Raises: BudgetReached; then nothing is claimed."""
        ...

    def book(self, connection: Connection, answer: ModelAnswer, asked_model: str, purchase: str) -> None:
        """Books the cost of `answer`. `purchase` is empty, or names a repeated purchase of a stored answer."""
        ...


class AnswerRepository:
    """Answers by request hash. Thread-safe. Raises: StoreUnavailable.

    `owner` names this process for people who read the table. `lease_s` must be longer than the longest call to a model,
    including its retries: after it another caller may pay for the same question. Without an `account` nothing is
    reserved or booked, and nothing waits for a model batch.
    """

    def __init__(
        self,
        database: Database,
        *,
        owner: str,
        lease_s: float = 600,
        account: Account | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._database = database
        self._owner = owner
        self._lease = timedelta(seconds=lease_s)
        self._account = account
        self._sleep = sleep

    def claim(
        self, request_hash: str, worst_case: Usage | None = None, for_batch: ForBatch | None = None
    ) -> ModelAnswer | None:
        """The stored answer, or `None`: then this thread holds the claim, and ends it with `commit` or `release`.

        `worst_case` is the most an answer can consume; it is reserved with the claim. With `for_batch` the question is
        queued for the next model batch instead. While another caller holds the claim, this waits until that caller has
        answered, given up, or died.

        Raises: BudgetReached when there is no answer and no money for one; AnswerInBatch when the question is queued
        for a batch, or is in one whichever job asked it; ModelBatchFailed.
        """
        wait_s = FIRST_WAIT_S
        while True:
            stopped_by: CiraError | None = None
            with self._database.begin() as connection:
                answer = _answer(connection, request_hash)
                if answer is not None:
                    return answer
                question = batched_questions.batched_question(connection, request_hash)
                if question is not None:
                    stopped_by = self._error_for_batched(connection, request_hash, question, for_batch)
                if stopped_by is None and (for_batch is None or question is not None):
                    if self._take(connection, request_hash):
                        self._reserve(connection, request_hash, worst_case)
                        return None
                elif stopped_by is None and for_batch is not None and self._take_for_batch(connection, request_hash):
                    stopped_by = self._enqueue(connection, request_hash, worst_case, for_batch)
            # Raised once the wait of the job is committed.
            if stopped_by is not None:
                raise stopped_by
            # Randomised, so that many callers waiting for one answer do not all ask at the same moment.
            self._sleep(wait_s * random.uniform(0.5, 1.0))  # noqa: S311 - no secret
            wait_s = min(2 * wait_s, LONGEST_WAIT_S)

    def commit(self, answer: ModelAnswer, asked_model: str | None = None) -> None:
        """Stores a paid answer and books it, even if another caller holds the claim by now. The first answer is kept.

        `asked_model` is priced when the model that answered has no known price. Idempotent.
        """
        with self._database.begin() as connection:
            # A question that batches had given up is answered now.
            batched_questions.delete_given_up(connection, answer.request_hash)
            purchase = "" if self._keep(connection, answer, self._caller()) else uuid4().hex
            if purchase and self._answered_by_me(connection, answer.request_hash):
                purchase = ""
            if self._account is not None:
                self._account.book(connection, answer, asked_model or answer.model, purchase)

    def commit_of_batch(self, connection: Connection, answer: ModelAnswer, asked_model: str, *, erased: bool) -> None:
        """As `commit`, in the transaction that removes the question from its batch, so that it happens once.

        `erased`: only the cost is booked, the content is discarded.
        """
        kept = erased or self._keep(connection, answer, CLAIMED_BY)
        if self._account is not None:
            self._account.book(connection, answer, asked_model, "" if kept else uuid4().hex)

    def _keep(self, connection: Connection, answer: ModelAnswer, claimed_by: str) -> bool:
        """Stores the answer if it is the question's first; returns whether it was."""
        values = answer.model_dump() | {"answered_at": func.now(), "claimed_by": claimed_by, "claim_lock": None}
        statement = insert(model_answers).values(**values, lease_until=func.now() + self._lease)
        statement = statement.on_conflict_do_update(
            index_elements=["request_hash"],
            set_={name: value for name, value in values.items() if name != "request_hash"},
            where=model_answers.c.answered_at.is_(None),
        )
        return connection.execute(statement.returning(model_answers.c.request_hash)).one_or_none() is not None

    def release(self, request_hash: str) -> None:
        """Ends this thread's claim without an answer, so that the next caller need not wait for the lease to end."""
        with self._database.begin() as connection:
            connection.execute(
                delete(model_answers).where(
                    model_answers.c.request_hash == request_hash,
                    model_answers.c.claimed_by == self._caller(),
                    model_answers.c.answered_at.is_(None),
                )
            )

    def _reserve(self, connection: Connection, request_hash: str, worst_case: Usage | None) -> None:
        if self._account is None:
            return
        if worst_case is None:
            raise ValueError("`worst_case` is required when an account pays")
        reservation = self._account.reserve(connection, worst_case)
        connection.execute(
            update(model_answers)
            .where(model_answers.c.request_hash == request_hash)
            .values(job_id=reservation.job_id, reserved_usd=reservation.amount_usd)
        )

    def _answered_by_me(self, connection: Connection, request_hash: str) -> bool:
        """Whether this caller stored the answer: it then repeats an unconfirmed commit, else it paid a second time."""
        by = connection.scalar(select(model_answers.c.claimed_by).where(model_answers.c.request_hash == request_hash))
        return by == self._caller()

    def _error_for_batched(
        self, connection: Connection, request_hash: str, question: BatchedQuestion, for_batch: ForBatch | None
    ) -> CiraError | None:
        """The error for a caller whose question was queued for a batch; `None` when it may be asked immediately."""
        if question.state == "given_up":
            if for_batch is None or for_batch.live_after:
                return None
            batched_questions.drop(connection, [request_hash])
            return question.failed()
        if question.state == "waiting" and for_batch is None:
            # A caller that cannot wait asks immediately; the jobs that can wait get the answer sooner.
            batched_questions.drop(connection, [request_hash])
            return None
        if self._account is not None:
            batched_questions.await_answer(connection, request_hash, self._account.paying_job())
        return question.awaited()

    def _enqueue(
        self, connection: Connection, request_hash: str, worst_case: Usage | None, for_batch: ForBatch
    ) -> CiraError | None:
        if self._account is None:
            raise ValueError("a question that waits for a model batch needs an account that names its job")
        by_batch = worst_case.model_copy(update={"by_batch": True}) if worst_case is not None else None
        self._reserve(connection, request_hash, by_batch)
        line_bytes = len(for_batch.body.encode()) + LINE_BYTES
        job_id = self._account.paying_job()
        return batched_questions.enqueue(connection, request_hash, for_batch, job_id, line_bytes).awaited()

    def _take(self, connection: Connection, request_hash: str) -> bool:
        """Whether the caller holds the claim now: it was free, its holder is dead, or its lease had ended."""
        return _claimed(
            connection,
            request_hash,
            claimed_by=self._caller(),
            claim_lock=self._database.presence.lock(),
            lease_until=func.now() + self._lease,
        )

    def _take_for_batch(self, connection: Connection, request_hash: str) -> bool:
        """As `_take`, without a holder that could die and without an end: a batch may take longer than expected."""
        infinity: ColumnElement[Any] = literal_column("'infinity'::timestamptz")
        return _claimed(connection, request_hash, claimed_by=CLAIMED_BY, claim_lock=None, lease_until=infinity)

    def _caller(self) -> str:
        return f"{self._owner}/{threading.get_ident()}"


# A lock proves death only for claims made since PostgreSQL started: a restart releases all locks, also of the living.
_HOLDER_IS_DEAD = text(
    "model_answers.claimed_at > pg_postmaster_start_time() AND pg_try_advisory_xact_lock(model_answers.claim_lock)"
)


def _claimed(connection: Connection, request_hash: str, **claim: Any) -> bool:
    claim |= {"claimed_at": func.now(), "by_batch": claim["claimed_by"] == CLAIMED_BY}
    unheld = (model_answers.c.lease_until <= func.now()) | _HOLDER_IS_DEAD.self_group()
    taken = connection.execute(
        insert(model_answers)
        .values(request_hash=request_hash, **claim)
        .on_conflict_do_update(
            index_elements=["request_hash"], set_=claim, where=model_answers.c.answered_at.is_(None) & unheld
        )
        .returning(model_answers.c.request_hash)
    )
    return taken.one_or_none() is not None


def _answer(connection: Connection, request_hash: str) -> ModelAnswer | None:
    row: Row[Any] | None = connection.execute(
        select(*(model_answers.c[name] for name in _ANSWER)).where(
            model_answers.c.request_hash == request_hash, model_answers.c.answered_at.is_not(None)
        )
    ).one_or_none()
    return None if row is None else ModelAnswer.model_validate(dict(row._mapping))
