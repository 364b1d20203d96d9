"""The questions about one document to one deployment, and what they cost, whether or not they led to anything."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from cira_pipeline.costs.prices import PriceList
from cira_pipeline.errors import (
    AnswerInBatch,
    CiraError,
    ModelAnswerInvalid,
    ModelAnswerTruncated,
    ModelContentFiltered,
    ModelQuestionTooLong,
    ModelRefused,
)
from cira_pipeline.extraction.azure_openai.answer import InvoiceSpans, parse_answer
from cira_pipeline.extraction.azure_openai.answer_cache import AnswerCache, Answered
from cira_pipeline.extraction.azure_openai.question import Correction, Parameters, Question
from cira_pipeline.extraction.azure_openai.windows import Window, halves
from cira_pipeline.models import ModelAnswer, Usage

ASKED_FOR_SENSE = 2
"""How often one question may be paid when its answer is not even JSON of the right form."""


@dataclass(frozen=True)
class Model:
    """One deployment: how it is asked and billed."""

    parameters: Parameters
    asking: AnswerCache
    prices: PriceList

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
            by_batch=answer.by_batch,
        )

    def _billed_as(self, answer: ModelAnswer) -> str:
        """The model that really answered, where its price is known; a deployment can change what is behind its name."""
        known = self.prices.knows(answer.provider, answer.model)
        return answer.model if known else self.parameters.model


@dataclass(frozen=True)
class Part:
    """A window of the document and what the model answered about it."""

    window: Window
    spans: InvoiceSpans


@dataclass(frozen=True)
class Conversation:
    """`usage` grows with every answer, whatever is in it."""

    model: Model
    usage: list[Usage]

    def about(self, windows: Sequence[Window]) -> tuple[Part, ...]:
        """The document for the first time.

        Raises: `Model...` leaves of the error tree, CircuitOpen, AnswerInBatch, StoreUnavailable.
        """
        return self._all_answered(Question(window, self.model.parameters) for window in windows)

    def again(self, parts: Sequence[Part], round_number: int, findings: Sequence[str]) -> tuple[Part, ...]:
        """The same parts of the document once more, each with its own answer and what was found wrong with the whole.

        Raises: as `about`.
        """
        questions = [
            Question(
                part.window,
                self.model.parameters,
                correction=Correction(round_number, part.spans.model_dump_json(exclude_defaults=True), tuple(findings)),
            )
            for part in parts
        ]
        return self._all_answered(questions)

    def _all_answered(self, questions: Iterable[Question]) -> tuple[Part, ...]:
        """All questions are asked before one that waits for a batch is heard of: so they go into the same one."""
        parts: list[Part] = []
        awaited: AnswerInBatch | None = None
        for question in questions:
            try:
                parts.extend(self._answered(question))
            except AnswerInBatch as error:
                awaited = error
        if awaited is not None:
            raise awaited
        return tuple(parts)

    def _answered(self, question: Question) -> Iterator[Part]:
        try:
            yield Part(question.window, self._sensible(question))
        except (ModelAnswerTruncated, ModelQuestionTooLong):
            smaller = halves(question.window)
            if not smaller:
                raise
            for window in smaller:
                yield from self._answered(replace(question, window=window))

    def _sensible(self, question: Question) -> InvoiceSpans:
        for attempt in range(1, ASKED_FOR_SENSE + 1):
            answered = self.model.asking.ask(replace(question, attempt=attempt))
            self.usage.append(self.model.usage_of(answered))
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
