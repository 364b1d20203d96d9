"""A question is claimed before it is asked, and its answer is kept before it is used: nobody pays for it twice."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass

from cira_pipeline.errors import StorageError
from cira_pipeline.extraction.answers import AnswerStore
from cira_pipeline.extraction.azure_openai.chat import Chat
from cira_pipeline.extraction.azure_openai.question import Question
from cira_pipeline.resilience.breaker import Breaker
from cira_pipeline.resilience.retry import RetryPolicy
from cira_pipeline.values import ModelAnswer

KEEPING = RetryPolicy(attempts=5, deadline_s=30)
"""An answer that is paid and not yet kept is worth some patience with the database."""


@dataclass(frozen=True)
class Answered:
    answer: ModelAnswer
    reused: bool


class PaidOnce:
    """Asks a model through a store of answers. Thread-safe."""

    def __init__(
        self,
        chat: Chat,
        answers: AnswerStore,
        breaker: Breaker | None,
        *,
        attempts: int,
        deadline_s: float,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._chat = chat
        self._answers = answers
        self._breaker = breaker
        self._attempts = attempts
        self._deadline_s = deadline_s
        self._monotonic = monotonic

    def ask(self, question: Question) -> Answered:
        """The kept answer, or a new one, kept.

        Raises: `Model...` leaves and CircuitOpen when no answer came: then nothing is kept and the claim is given up;
        StoreUnavailable.
        """
        kept = self._answers.claim(question.request_hash)
        if kept is not None:
            return Answered(kept, reused=True)
        try:
            answer = self._paid(question)
        except BaseException:
            self._give_up(question)
            raise
        KEEPING.call(lambda: self._answers.commit(answer))
        return Answered(answer, reused=False)

    def _paid(self, question: Question) -> ModelAnswer:
        ends = self._monotonic() + self._deadline_s
        policy = RetryPolicy(attempts=self._attempts, deadline_s=self._deadline_s)

        def one_call() -> ModelAnswer:
            with self._guarding():
                return self._chat.ask(question, timeout_s=max(ends - self._monotonic(), 0.001))

        return policy.call(one_call, monotonic=self._monotonic)

    def _guarding(self) -> AbstractContextManager[None]:
        return self._breaker.guarding() if self._breaker is not None else nullcontext()

    def _give_up(self, question: Question) -> None:
        # A claim that cannot be given up is a lease and ends by itself; the caller must hear why there is no answer.
        with suppress(StorageError):
            self._answers.release(question.request_hash)
