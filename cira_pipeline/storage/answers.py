"""Paid model answers: each question is asked by one caller at a time, and its answer is kept for all.

A caller claims a question before it pays. The claim is a lease: if its holder dies, another takes over when it ends.
Claiming and reserving the money are one transaction, and so are keeping the answer and booking what it cost: there is
no moment at which a process can die and leave an answer that nobody has paid for in the books.
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

from sqlalchemy import Connection, Row, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert

from cira_pipeline.jobs import JobId
from cira_pipeline.storage.database import Database
from cira_pipeline.storage.tables import model_answers
from cira_pipeline.values import ModelAnswer, Usage

FIRST_WAIT_S = 0.05
LONGEST_WAIT_S = 1.0

_ANSWER = tuple(ModelAnswer.model_fields)


@dataclass(frozen=True)
class Reservation:
    """What is held back from the budgets while a question is being asked, and for which job."""

    job_id: JobId
    amount_usd: Decimal


class Account(Protocol):
    """Who pays. Both work in the transaction they are given."""

    def reserve(self, connection: Connection, worst_case: Usage) -> Reservation:
        """Reserves what an answer can cost. Raises: BudgetReached, and then nothing is claimed."""
        ...

    def book(self, connection: Connection, answer: ModelAnswer, asked_model: str, purchase: str) -> None:
        """Books what `answer` cost. `purchase` is empty, or names one that was paid although there was one already."""
        ...


class AnswerRepository:
    """Answers by request hash. Thread-safe. Raises: StoreUnavailable.

    `owner` names this process for people who look into the table. `lease_s` must be longer than the longest call to a
    model, its retries included: after it another caller may pay for the same question. Without an `account` nothing is
    reserved or booked.
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

    def claim(self, request_hash: str, worst_case: Usage | None = None) -> ModelAnswer | None:
        """The answer kept, or `None`: then this thread holds the claim, and ends it with `commit` or `release`.

        `worst_case` is the most an answer can consume; it is reserved with the claim. While another caller holds the
        claim, this waits until that one has answered, given up, or its lease has ended.

        Raises: BudgetReached when there is no answer and no money for one.
        """
        wait_s = FIRST_WAIT_S
        while True:
            with self._database.begin() as connection:
                answer = _answer(connection, request_hash)
                if answer is not None:
                    return answer
                if self._take(connection, request_hash):
                    self._reserve(connection, request_hash, worst_case)
                    return None
            # Spread out, so that many who wait for one answer do not all ask at the same moment.
            self._sleep(wait_s * random.uniform(0.5, 1.0))  # noqa: S311 - no secret
            wait_s = min(2 * wait_s, LONGEST_WAIT_S)

    def commit(self, answer: ModelAnswer, asked_model: str | None = None) -> None:
        """Keeps a paid answer and books it, whoever holds the claim by now. The first answer to a question stays.

        `asked_model` is priced when the model that answered has no known price. Calling again is the same as once.
        """
        values = answer.model_dump() | {"answered_at": func.now(), "claimed_by": self._caller()}
        statement = insert(model_answers).values(**values, lease_until=func.now() + self._lease)
        statement = statement.on_conflict_do_update(
            index_elements=["request_hash"],
            set_={name: value for name, value in values.items() if name != "request_hash"},
            where=model_answers.c.answered_at.is_(None),
        )
        with self._database.begin() as connection:
            kept = connection.execute(statement.returning(model_answers.c.request_hash)).one_or_none() is not None
            if self._account is not None:
                purchase = "" if kept or self._answered_by_me(connection, answer.request_hash) else uuid4().hex
                self._account.book(connection, answer, asked_model or answer.model, purchase)

    def release(self, request_hash: str) -> None:
        """Gives this thread's claim up unanswered, so that the next caller need not wait for its lease to end."""
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
            raise ValueError("a question that is paid from an account needs a worst case")
        reservation = self._account.reserve(connection, worst_case)
        connection.execute(
            update(model_answers)
            .where(model_answers.c.request_hash == request_hash)
            .values(job_id=reservation.job_id, reserved_usd=reservation.amount_usd)
        )

    def _answered_by_me(self, connection: Connection, request_hash: str) -> bool:
        """An answer whose commit was not confirmed is committed again; one paid by two is a second purchase."""
        by = connection.scalar(select(model_answers.c.claimed_by).where(model_answers.c.request_hash == request_hash))
        return by == self._caller()

    def _take(self, connection: Connection, request_hash: str) -> bool:
        """Whether the claim is this caller's now: nobody held it, or its lease had ended."""
        claim: dict[str, Any] = {
            "claimed_by": self._caller(),
            "claimed_at": func.now(),
            "lease_until": func.now() + self._lease,
        }
        statement = insert(model_answers).values(request_hash=request_hash, **claim)
        taken = connection.execute(
            statement.on_conflict_do_update(
                index_elements=["request_hash"],
                set_=claim,
                where=model_answers.c.answered_at.is_(None) & (model_answers.c.lease_until <= func.now()),
            ).returning(model_answers.c.request_hash)
        )
        return taken.one_or_none() is not None

    def _caller(self) -> str:
        return f"{self._owner}/{threading.get_ident()}"


def _answer(connection: Connection, request_hash: str) -> ModelAnswer | None:
    row: Row[Any] | None = connection.execute(
        select(*(model_answers.c[name] for name in _ANSWER)).where(
            model_answers.c.request_hash == request_hash, model_answers.c.answered_at.is_not(None)
        )
    ).one_or_none()
    return None if row is None else ModelAnswer.model_validate(dict(row._mapping))
