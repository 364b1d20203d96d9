"""Answer cache for model calls: each question is claimed before the call and its answer stored before use.

So no question is paid for twice, also when several jobs ask it at the same time.
"""

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

STORE_RETRY = RetryPolicy(attempts=5, deadline_s=30)
"""Storing an answer is retried, because it has been paid for."""
LEAST_FOR_A_CALL_S = 0.5
"""No call is started with less time than this left before the deadline."""
MESSAGE_TOKENS = 16
"""Upper bound of the tokens that a provider counts for the frame of one message."""


@dataclass(frozen=True)
class Batching:
    """How questions go into model batches: `deployment` is the one for batches; `live_after`: see ForBatch."""

    deployment: str
    live_after: bool


@dataclass(frozen=True)
class Answered:
    """An answer; `reused` when it was in the cache and cost nothing."""

    answer: ModelAnswer
    reused: bool


class AnswerCache:
    """Asks a model, and stores and reuses its answers. Thread-safe.

    `deadline_s` bounds all calls for one question, including waits for the limiter, between calls and for the answer.
    With `batching`, questions of jobs that may wait are queued for a model batch.
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
        """The stored answer to `question`, or a new one after storing it.

        Raises: `Model...` leaves and CircuitOpen when there is no answer, after releasing the claim; BudgetReached when
        the budget does not allow an answer, before claiming; AnswerInBatch while a model batch answers the question;
        StoreUnavailable.
        """
        stored = self._answers.claim(question.request_hash, worst_case(question), self._for_batch(question))
        if stored is not None:
            return Answered(stored, reused=True)
        try:
            answer = self._call_model(question)
        except BaseException:
            self._release(question)
            raise
        STORE_RETRY.call(lambda: self._answers.commit(answer, question.parameters.model))
        return Answered(answer, reused=False)

    def _for_batch(self, question: Question) -> ForBatch | None:
        if self._batching is None or not may_wait():
            return None
        parameters, deployment = question.parameters, self._batching.deployment
        body = self._chat.request(question) | {"model": deployment}
        return ForBatch(
            parameters.provider, deployment, parameters.model, json.dumps(body), live_after=self._batching.live_after
        )

    def _call_model(self, question: Question) -> ModelAnswer:
        ends = self._monotonic() + self._deadline_s
        policy = RetryPolicy(attempts=self._attempts, deadline_s=self._deadline_s)

        def one_call() -> ModelAnswer:
            self._take_turn(question, longest_wait_s=ends - self._monotonic() - LEAST_FOR_A_CALL_S)
            try:
                with self._guarding():
                    timeout_s = max(ends - self._monotonic(), 0.001)
                    return self._chat.ask(question, timeout_s=timeout_s, on_headers=self._read_quota)
            except ModelRateLimited as error:
                self._pause_all(error.detail.get("retry_after_s"))
                raise

        return policy.call(one_call, monotonic=self._monotonic)

    def _take_turn(self, question: Question, *, longest_wait_s: float) -> None:
        if self._limiter is not None:
            expected = question.estimated_tokens + question.parameters.max_output_tokens
            self._limiter.wait_for_turn(expected, longest_wait_s=longest_wait_s)

    def _read_quota(self, headers: Mapping[str, str]) -> None:
        """Pauses all calls when the headers of an answer say that the quota is used up."""
        self._pause_all(used_up_for_s(headers))

    def _pause_all(self, seconds: object) -> None:
        if self._limiter is not None and isinstance(seconds, int | float):
            self._limiter.pause(float(seconds))

    def _guarding(self) -> AbstractContextManager[None]:
        return self._breaker.guarding() if self._breaker is not None else nullcontext()

    def _release(self, question: Question) -> None:
        # A claim that cannot be released expires as a lease; the caller must get the original error.
        with suppress(StorageError):
            self._answers.release(question.request_hash)


def worst_case(question: Question) -> Usage:
    """Upper bound of the usage billed for an answer: a token has at least one byte, and answers a maximum length."""
    messages_bytes = sum(len(message["content"].encode()) + MESSAGE_TOKENS for message in question.messages)
    return Usage(
        provider=question.parameters.provider,
        model=question.parameters.model,
        input_tokens=messages_bytes + overhead_tokens(question.vocabulary) * BYTES_PER_TOKEN,
        output_tokens=question.parameters.max_output_tokens,
        request_hash=question.request_hash,
    )
