"""Paid model answers: each question is asked by one caller at a time, and its answer is kept for all.

A caller claims a question before it pays. The claim is a lease: if its holder dies, another takes over when it ends.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, Row, delete, func, select
from sqlalchemy.dialects.postgresql import insert

from cira_pipeline.storage.database import Database
from cira_pipeline.storage.tables import model_answers
from cira_pipeline.values import ModelAnswer

FIRST_WAIT_S = 0.05
LONGEST_WAIT_S = 1.0

_ANSWER = tuple(ModelAnswer.model_fields)


class AnswerRepository:
    """Answers by request hash. Thread-safe. Raises: StoreUnavailable.

    `owner` names this process for people who look into the table. `lease_s` must be longer than the longest call to a
    model, its retries included: after it another caller may pay for the same question.
    """

    def __init__(
        self,
        database: Database,
        *,
        owner: str,
        lease_s: float = 600,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._database = database
        self._owner = owner
        self._lease = timedelta(seconds=lease_s)
        self._sleep = sleep

    def claim(self, request_hash: str) -> ModelAnswer | None:
        """The answer kept, or `None`: then this thread holds the claim, and ends it with `commit` or `release`.

        While another caller holds the claim, this waits until that one has answered, given up, or its lease has ended.
        """
        wait_s = FIRST_WAIT_S
        while True:
            with self._database.begin() as connection:
                answer = _answer(connection, request_hash)
                if answer is not None or self._take(connection, request_hash):
                    return answer
            # Spread out, so that many who wait for one answer do not all ask at the same moment.
            self._sleep(wait_s * random.uniform(0.5, 1.0))  # noqa: S311 - no secret
            wait_s = min(2 * wait_s, LONGEST_WAIT_S)

    def commit(self, answer: ModelAnswer) -> None:
        """Keeps a paid answer, whoever holds the claim by now. The first answer to a question stays."""
        values = answer.model_dump() | {"answered_at": func.now()}
        claim = {"claimed_by": self._caller(), "lease_until": func.now() + self._lease}
        statement = insert(model_answers).values(**values, **claim)
        with self._database.begin() as connection:
            connection.execute(
                statement.on_conflict_do_update(
                    index_elements=["request_hash"],
                    set_={name: value for name, value in values.items() if name != "request_hash"},
                    where=model_answers.c.answered_at.is_(None),
                )
            )

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
