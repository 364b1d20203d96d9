"""Where paid answers are kept, so that the same question is never paid for twice."""

from __future__ import annotations

import threading
from typing import Protocol

from cira_pipeline.values import ModelAnswer


class AnswerStore(Protocol):
    """Answers by request hash (SHA-256 over everything that decides the answer, 64 hexadecimal digits).

    Thread-safe. A claim belongs to the thread that made it, and that thread ends it by `commit` or `release`.
    """

    def claim(self, request_hash: str) -> ModelAnswer | None:
        """The answer kept, or `None`: then the caller holds the claim and is the one who may pay.

        Waits while another caller holds the claim.
        """
        ...

    def commit(self, answer: ModelAnswer) -> None:
        """Keeps a paid answer, durably, before anybody uses it. Ends the claim."""
        ...

    def release(self, request_hash: str) -> None:
        """Gives the claim up unanswered: the next caller may ask at once."""
        ...


class AnswersInMemory:
    """Answers of one process, for work without a database (`cira extract`)."""

    def __init__(self) -> None:
        self._answers: dict[str, ModelAnswer] = {}
        self._claimed: set[str] = set()
        self._changed = threading.Condition()

    def claim(self, request_hash: str) -> ModelAnswer | None:
        with self._changed:
            self._changed.wait_for(lambda: request_hash in self._answers or request_hash not in self._claimed)
            answer = self._answers.get(request_hash)
            if answer is None:
                self._claimed.add(request_hash)
            return answer

    def commit(self, answer: ModelAnswer) -> None:
        with self._changed:
            self._answers.setdefault(answer.request_hash, answer)
            self._claimed.discard(answer.request_hash)
            self._changed.notify_all()

    def release(self, request_hash: str) -> None:
        with self._changed:
            self._claimed.discard(request_hash)
            self._changed.notify_all()
