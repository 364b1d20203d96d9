"""A question is claimed before it is asked, and its answer is kept before it is used: nobody pays for it twice."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass

from cira_pipeline.costs.attribution import may_wait
from cira_pipeline.db.answers.batched_questions import ForBatch
from cira_pipeline.errors import ModelRateLimited, StorageError
from cira_pipeline.extraction.answers import AnswerStore
from cira_pipeline.extraction.azure_openai.chat import Chat
from cira_pipeline.extraction.azure_openai.question import Question, overhead_tokens
from cira_pipeline.extraction.azure_openai.windows import BYTES_PER_TOKEN
from cira_pipeline.models import ModelAnswer, Usage
from cira_pipeline.resilience.breaker import Breaker
from cira_pipeline.resilience.limiter import RateLimiter
from cira_pipeline.resilience.retry import RetryPolicy
from cira_pipeline.resilience.retry_after import used_up_for_s

KEEPING = RetryPolicy(attempts=5, deadline_s=30)
"""An answer that is paid and not yet kept is worth some patience with the database."""
LEAST_FOR_A_CALL_S = 0.5
"""With less time than this left before the deadline, no call is begun."""
MESSAGE_TOKENS = 16
"""More than a provider counts for what it puts around a message."""


@dataclass(frozen=True)
class Batching:
    """`deployment` answers batches of what the other one is asked at once; `live_after`: see ForBatch."""

    deployment: str
    live_after: bool


@dataclass(frozen=True)
class Answered:
    answer: ModelAnswer
    reused: bool


class AnswerCache:
    """Asks a model through a store of answers. Thread-safe.

    `deadline_s` bounds all calls for one question with their waits: for the limiter, between calls, for the answer.
    With `batching`, questions of jobs that may wait are put up for a model batch.
    """

    def __init__(
        self,
        chat: Chat,
        answers: AnswerStore,
        breaker: Breaker | None,
        *,
        attempts: int,
        deadline_s: float,
        limiter: RateLimiter | None = None,
        batching: Batching | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._chat = chat
        self._answers = answers
        self._breaker = breaker
        self._limiter = limiter
        self._batching = batching
        self._attempts = attempts
        self._deadline_s = deadline_s
        self._monotonic = monotonic

    def ask(self, question: Question) -> Answered:
        """The kept answer, or a new one, kept.

        Raises: `Model...` leaves and CircuitOpen when no answer came: then nothing is kept and the claim is given up;
        BudgetReached when there is no money for an answer: then nothing is claimed; AnswerInBatch when a model batch
        answers it; StoreUnavailable.
        """
        kept = self._answers.claim(question.request_hash, worst_case(question), self._for_batch(question))
        if kept is not None:
            return Answered(kept, reused=True)
        try:
            answer = self._paid(question)
        except BaseException:
            self._give_up(question)
            raise
        KEEPING.call(lambda: self._answers.commit(answer, question.parameters.model))
        return Answered(answer, reused=False)

    def _for_batch(self, question: Question) -> ForBatch | None:
        if self._batching is None or not may_wait():
            return None
        parameters, deployment = question.parameters, self._batching.deployment
        body = self._chat.request(question) | {"model": deployment}
        return ForBatch(
            parameters.provider, deployment, parameters.model, json.dumps(body), live_after=self._batching.live_after
        )

    def _paid(self, question: Question) -> ModelAnswer:
        ends = self._monotonic() + self._deadline_s
        policy = RetryPolicy(attempts=self._attempts, deadline_s=self._deadline_s)

        def one_call() -> ModelAnswer:
            self._take_turn(question, longest_wait_s=ends - self._monotonic() - LEAST_FOR_A_CALL_S)
            try:
                with self._guarding():
                    return self._chat.ask(question, timeout_s=max(ends - self._monotonic(), 0.001), heard=self._hear)
            except ModelRateLimited as error:
                self._pause_all(error.detail.get("retry_after_s"))
                raise

        return policy.call(one_call, monotonic=self._monotonic)

    def _take_turn(self, question: Question, *, longest_wait_s: float) -> None:
        if self._limiter is not None:
            expected = question.estimated_tokens + question.parameters.max_output_tokens
            self._limiter.wait_for_turn(expected, longest_wait_s=longest_wait_s)

    def _hear(self, headers: Mapping[str, str]) -> None:
        """An answer can say that it was the last one for now; then nobody needs to be refused to find out."""
        self._pause_all(used_up_for_s(headers))

    def _pause_all(self, seconds: object) -> None:
        if self._limiter is not None and isinstance(seconds, int | float):
            self._limiter.pause(float(seconds))

    def _guarding(self) -> AbstractContextManager[None]:
        return self._breaker.guarding() if self._breaker is not None else nullcontext()

    def _give_up(self, question: Question) -> None:
        # A claim that cannot be given up is a lease and ends by itself; the caller must hear why there is no answer.
        with suppress(StorageError):
            self._answers.release(question.request_hash)


def worst_case(question: Question) -> Usage:
    """The most an answer can be billed for: no token is shorter than a byte, and no answer longer than allowed."""
    messages_bytes = sum(len(message["content"].encode()) + MESSAGE_TOKENS for message in question.messages)
    return Usage(
        provider=question.parameters.provider,
        model=question.parameters.model,
        input_tokens=messages_bytes + overhead_tokens() * BYTES_PER_TOKEN,
        output_tokens=question.parameters.max_output_tokens,
        request_hash=question.request_hash,
    )
