"""Store of paid model answers, so that the same question is never paid for twice."""

from __future__ import annotations

import threading
from typing import Protocol

from cira_pipeline.db.answers.batched_questions import ForBatch
from cira_pipeline.models import ModelAnswer, Usage


class AnswerStore(Protocol):
    """Answers by request hash (SHA-256 over everything that decides the answer, 64 hexadecimal digits).

    Thread-safe. A claim belongs to the thread that made it, and that thread ends it by `commit` or `release`.
    """

    def claim(
        self, request_hash: str, worst_case: Usage | None = None, for_batch: ForBatch | None = None
    ) -> ModelAnswer | None:
        """The stored answer, or `None`: then the caller holds the claim and may ask the model.

        `worst_case` is the most the answer can consume; stores with budgets reserve it. With `for_batch`, a store with
        model batches queues the question for the next one. Waits while another caller holds the claim.

        Raises: BudgetReached when there is no answer and the budget does not allow one; AnswerInBatch while a batch has
        the question; ModelBatchFailed.
        """
        ...

    def commit(self, answer: ModelAnswer, asked_model: str | None = None) -> None:
        """Stores a paid answer durably, with its cost, before it is used. Ends the claim.

        `asked_model` is the model whose price applies when the price of the model that answered is unknown.
        """
        ...

    def release(self, request_hash: str) -> None:
        """Releases the claim without an answer, so that the next caller can ask at once."""
        ...


class AnswersInMemory:
    """In-memory store of one process, for work without a database (`cira extract`)."""

    def __init__(self) -> None:
        self._answers: dict[str, ModelAnswer] = {}
        self._claimed: set[str] = set()
        self._changed = threading.Condition()

    def claim(
        self, request_hash: str, worst_case: Usage | None = None, for_batch: ForBatch | None = None
    ) -> ModelAnswer | None:
        with self._changed:
            self._changed.wait_for(lambda: request_hash in self._answers or request_hash not in self._claimed)
            answer = self._answers.get(request_hash)
            if answer is None:
                self._claimed.add(request_hash)
            return answer

    def commit(self, answer: ModelAnswer, asked_model: str | None = None) -> None:
        with self._changed:
            self._answers.setdefault(answer.request_hash, answer)
            self._claimed.discard(answer.request_hash)
            self._changed.notify_all()

    def release(self, request_hash: str) -> None:
        with self._changed:
            self._claimed.discard(request_hash)
            self._changed.notify_all()
