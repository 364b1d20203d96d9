"""The engine `azure_openai`: numbered lines to a model, its spans back, and only what is grounded is believed."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from cira_pipeline.costs.prices import PriceList
from cira_pipeline.errors import (
    CiraError,
    CircuitOpen,
    ExtractionError,
    ModelAnswerInvalid,
    ModelAnswerTruncated,
    ModelContentFiltered,
    ModelQuestionTooLong,
    ModelRefused,
)
from cira_pipeline.extraction.answers import AnswerStore
from cira_pipeline.extraction.azure_openai.answer import SCHEMA_VERSION, InvoiceSpans, parse_answer
from cira_pipeline.extraction.azure_openai.chat import Chat
from cira_pipeline.extraction.azure_openai.grounded import grounded
from cira_pipeline.extraction.azure_openai.merging import merged
from cira_pipeline.extraction.azure_openai.paid_once import Answered, PaidOnce
from cira_pipeline.extraction.azure_openai.question import PROMPT_VERSION, Question
from cira_pipeline.extraction.azure_openai.windows import Window, halves, windows
from cira_pipeline.extraction.grounding import VERSION as GROUNDING_VERSION
from cira_pipeline.resilience.breaker import Breaker
from cira_pipeline.settings import Settings
from cira_pipeline.values import Document, EngineName, Extraction, ModelAnswer, Reading, Usage

ASKED_FOR_SENSE = 2
"""How often one question may be paid when its answer is not even JSON of the right form."""


class AzureOpenAIEngine:
    """Implements `cira_pipeline.extraction.engine.Engine`. Thread-safe.

    Raises: ConfigurationError when the model cannot be signed in to, or has no known price: what cannot be billed to a
    job is not asked for.
    """

    name = EngineName.AZURE_OPENAI

    def __init__(
        self,
        settings: Settings,
        answers: AnswerStore,
        breaker: Breaker | None = None,
        *,
        prices: PriceList | None = None,
    ) -> None:
        self._chat = Chat(settings)
        self._parameters = self._chat.parameters
        self._prices = prices or PriceList.load(settings.price_list)
        self._prices.require(self._parameters.provider, self._parameters.model)
        self._asking = PaidOnce(
            self._chat,
            answers,
            breaker,
            attempts=settings.azure_openai_attempts,
            deadline_s=settings.azure_openai_deadline_s,
        )
        self._max_question_tokens = settings.azure_openai_max_input_tokens

    @property
    def version(self) -> str:
        """Prompt, schema and grounding versions, the model, and a digest of all parameters."""
        digest = hashlib.sha256(repr(self._parameters).encode()).hexdigest()[:8]
        return f"{PROMPT_VERSION}/{SCHEMA_VERSION}/{GROUNDING_VERSION}/{self._parameters.model}/{digest}"

    def extract(self, document: Document, reading: Reading) -> Extraction | None:
        """Fields that `reading` shows, with page and box; `None` when it has no lines.

        Raises: `Model...` leaves and CircuitOpen. Whatever was paid until then is in the error's detail `usage`.
        """
        if not reading.lines:
            return None
        started = time.perf_counter()
        conversation = _Conversation(self)
        try:
            answer = merged(list(conversation.about(self._windows(reading))))
        except (ExtractionError, CircuitOpen) as error:
            error.detail["usage"] = tuple(conversation.usage)
            raise
        found = grounded(answer, reading)
        return Extraction(
            engine=self.name,
            engine_version=self.version,
            invoice=found.invoice,
            evidence=found.evidence,
            findings=found.findings,
            usage=tuple(conversation.usage),
            seconds=time.perf_counter() - started,
        )

    def close(self) -> None:
        self._chat.close()

    def ask(self, window: Window, attempt: int) -> Answered:
        return self._asking.ask(Question(window, self._parameters, attempt))

    def usage_of(self, answered: Answered) -> Usage:
        answer = answered.answer
        return Usage(
            provider=answer.provider,
            model=self._billed_as(answer),
            input_tokens=answer.input_tokens,
            cached_input_tokens=answer.cached_input_tokens,
            output_tokens=answer.output_tokens,
            request_hash=answer.request_hash,
            reused=answered.reused,
        )

    def _windows(self, reading: Reading) -> tuple[Window, ...]:
        return windows(
            reading.lines,
            max_question_tokens=self._max_question_tokens,
            max_answer_tokens=self._parameters.max_output_tokens,
        )

    def _billed_as(self, answer: ModelAnswer) -> str:
        """The model that really answered, where its price is known; a deployment can change what is behind its name."""
        known = self._prices.knows(answer.provider, answer.model)
        return answer.model if known else self._parameters.model


@dataclass
class _Conversation:
    """The questions about one document, and what they cost, whether or not they led to anything."""

    engine: AzureOpenAIEngine
    usage: list[Usage] = field(default_factory=list)

    def about(self, parts: tuple[Window, ...]) -> Iterator[InvoiceSpans]:
        for window in parts:
            try:
                yield self._sensible(window)
            except (ModelAnswerTruncated, ModelQuestionTooLong):
                smaller = halves(window)
                if not smaller:
                    raise
                yield from self.about(smaller)

    def _sensible(self, window: Window) -> InvoiceSpans:
        for attempt in range(1, ASKED_FOR_SENSE + 1):
            answered = self.engine.ask(window, attempt)
            self.usage.append(self.engine.usage_of(answered))
            try:
                return _spans(answered.answer)
            except ModelAnswerInvalid:
                if attempt == ASKED_FOR_SENSE:
                    raise
        raise AssertionError("the loop returns or raises")


def _spans(answer: ModelAnswer) -> InvoiceSpans:
    """Raises: the leaf that says why a paid answer holds no spans."""
    why = _WITHOUT_SPANS.get(answer.finish_reason)
    if why is not None:
        raise why(f"the model ended with {answer.finish_reason} after {answer.output_tokens} tokens")
    return parse_answer(answer.content)


_WITHOUT_SPANS: dict[str, type[CiraError]] = {
    "length": ModelAnswerTruncated,
    "content_filter": ModelContentFiltered,
    "refusal": ModelRefused,
}
