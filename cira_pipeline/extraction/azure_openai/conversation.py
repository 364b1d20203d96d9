"""Asks one deployment all questions about one document, and collects the usage of every answer."""

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
from cira_pipeline.extraction.azure_openai.vocabulary import STANDARD, Vocabulary
from cira_pipeline.extraction.azure_openai.windows import Window, halves
from cira_pipeline.models import ModelAnswer, Usage

ATTEMPTS_FOR_VALID_JSON = 2
"""How often one question is asked when its answer is not JSON of the schema."""


@dataclass(frozen=True)
class Model:
    """One deployment: its parameters, cache and prices, and the names that it is asked for."""

    parameters: Parameters
    asking: AnswerCache
    prices: PriceList
    vocabulary: Vocabulary = STANDARD

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
        """The model that answered, where its price is known, because the model behind a deployment can change."""
        known = self.prices.knows(answer.provider, answer.model)
        return answer.model if known else self.parameters.model


@dataclass(frozen=True)
class Part:
    """A window of the document and the model's answer about it."""

    window: Window
    spans: InvoiceSpans


@dataclass(frozen=True)
class Conversation:
    """Questions about one document to `model`; every answer is added to `usage`, whatever its content."""

    model: Model
    usage: list[Usage]

    def about(self, windows: Sequence[Window]) -> tuple[Part, ...]:
        """Asks about every window of the document for the first time.

        Raises: `Model...` leaves of the error tree, CircuitOpen, AnswerInBatch, StoreUnavailable.
        """
        return self._all_answered(
            Question(window, self.model.parameters, vocabulary=self.model.vocabulary) for window in windows
        )

    def again(self, parts: Sequence[Part], round_number: int, findings: Sequence[str]) -> tuple[Part, ...]:
        """Asks about the same windows again, each with its previous answer and the findings about the whole record.

        Raises: as `about`.
        """
        questions = [
            Question(
                part.window,
                self.model.parameters,
                vocabulary=self.model.vocabulary,
                correction=Correction(round_number, part.spans.model_dump_json(exclude_defaults=True), tuple(findings)),
            )
            for part in parts
        ]
        return self._all_answered(questions)

    def _all_answered(self, questions: Iterable[Question]) -> tuple[Part, ...]:
        """Asks all questions before raising AnswerInBatch, so that all of them go into the same model batch."""
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
            yield Part(question.window, self._valid_spans(question))
        except (ModelAnswerTruncated, ModelQuestionTooLong):
            smaller = halves(question.window)
            if not smaller:
                raise
            for window in smaller:
                yield from self._answered(replace(question, window=window))

    def _valid_spans(self, question: Question) -> InvoiceSpans:
        for attempt in range(1, ATTEMPTS_FOR_VALID_JSON + 1):
            answered = self.model.asking.ask(replace(question, attempt=attempt))
            self.usage.append(self.model.usage_of(answered))
            try:
                return _spans(answered.answer, question.vocabulary)
            except ModelAnswerInvalid:
                if attempt == ATTEMPTS_FOR_VALID_JSON:
                    raise
        raise AssertionError("the loop returns or raises")


def _spans(answer: ModelAnswer, vocabulary: Vocabulary) -> InvoiceSpans:
    """The spans of `answer`. Raises: the leaf of the error tree for a paid answer without spans."""
    why = _WITHOUT_SPANS.get(answer.finish_reason)
    if why is not None:
        raise why(f"the model ended with {answer.finish_reason} after {answer.output_tokens} tokens")
    return parse_answer(answer.content, vocabulary)


_WITHOUT_SPANS: dict[str, type[CiraError]] = {
    "length": ModelAnswerTruncated,
    "content_filter": ModelContentFiltered,
    "refusal": ModelRefused,
}
