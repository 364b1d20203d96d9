"""The engine `azure_openai`: extracts an invoice by a language model, and keeps only values grounded in the document.

An answer that validation does not accept goes back to the model with the findings, at most
`azure_openai_correction_rounds` times; if it is still not accepted, a second, stronger deployment is asked, where one
is configured.
"""

from __future__ import annotations

import hashlib
import time

from cira_pipeline.costs.prices import PriceList
from cira_pipeline.custom.declaration import NO_DECLARATIONS, Declarations
from cira_pipeline.custom.declaration_file import declarations
from cira_pipeline.errors import CircuitOpen, ExtractionError
from cira_pipeline.extraction.answers import AnswerStore
from cira_pipeline.extraction.azure_openai.answer import SCHEMA_VERSION
from cira_pipeline.extraction.azure_openai.answer_cache import AnswerCache, Batching
from cira_pipeline.extraction.azure_openai.attempts import Attempts
from cira_pipeline.extraction.azure_openai.chat import Chat, Deployment, escalation_deployment, first_deployment
from cira_pipeline.extraction.azure_openai.conversation import Model
from cira_pipeline.extraction.azure_openai.derived import completed
from cira_pipeline.extraction.azure_openai.limits import ESCALATION, FIRST, model_breaker, model_limiter
from cira_pipeline.extraction.azure_openai.question import CORRECTION_VERSION, PROMPT_VERSION
from cira_pipeline.extraction.azure_openai.vocabulary import STANDARD, Vocabulary
from cira_pipeline.extraction.azure_openai.windows import Window, windows
from cira_pipeline.extraction.engine import Judge
from cira_pipeline.extraction.grounding import VERSION as GROUNDING_VERSION
from cira_pipeline.models import Document, EngineName, Extraction, Reading
from cira_pipeline.resilience.breaker import Breaker
from cira_pipeline.resilience.limiter import RateLimiter
from cira_pipeline.settings import Settings


class AzureOpenAIEngine:
    """Implements `cira_pipeline.extraction.engine.CorrectableEngine`. Thread-safe.

    `breaker` and `limiter` guard the first deployment, `escalation_breaker` and `escalation_limiter` the second: each
    can fail on its own and has its own quota.

    `own_fields` are asked for beside the fields of the invoice.

    Raises: ConfigurationError when there are no credentials for the model, or its price is unknown, so that its cost
    could not be billed to a job.
    """

    name = EngineName.AZURE_OPENAI

    def __init__(
        self,
        settings: Settings,
        answers: AnswerStore,
        breaker: Breaker | None = None,
        *,
        prices: PriceList | None = None,
        escalation_breaker: Breaker | None = None,
        limiter: RateLimiter | None = None,
        escalation_limiter: RateLimiter | None = None,
        own_fields: Declarations = NO_DECLARATIONS,
    ) -> None:
        self._vocabulary = Vocabulary(own_fields) if own_fields.fields else STANDARD
        self._settings = settings
        self._prices = prices or PriceList.load(settings.price_list)
        self._answers = answers
        chat, self._first = self._open(
            first_deployment(settings), breaker, limiter, settings.azure_openai_batch_deployment
        )
        self._chats = [chat]
        self._stronger: Model | None = None
        stronger = escalation_deployment(settings)
        if stronger is not None:
            chat, self._stronger = self._open(
                stronger, escalation_breaker, escalation_limiter, settings.azure_openai_escalation_batch_deployment
            )
            self._chats.append(chat)
        self._rounds = settings.azure_openai_correction_rounds

    @property
    def version(self) -> str:
        """Versions of prompt, schema and grounding, the models, and a digest of all parameters."""
        models = [chat.parameters for chat in self._chats]
        digested = f"{models!r} {CORRECTION_VERSION} {self._rounds}{self._vocabulary.declared.version}"
        digest = hashlib.sha256(digested.encode()).hexdigest()[:8]
        names = "+".join(model.model for model in models)
        return f"{PROMPT_VERSION}/{SCHEMA_VERSION}/{GROUNDING_VERSION}/{names}/{digest}"

    def extract(self, document: Document, reading: Reading) -> Extraction | None:
        """Fields of `reading` with page and box, by one question; `None` when it has no lines.

        Raises: `Model...` leaves, CircuitOpen, AnswerInBatch; the error's detail `usage` has everything paid before.
        """
        return self._extraction(reading, None)

    def extract_judged(self, document: Document, reading: Reading, judge: Judge) -> Extraction | None:
        """Like `extract`, with correction rounds and the stronger deployment as long as `judge` does not accept.

        Raises: as `extract`, for the first question only: when a later one fails, the extraction so far is returned
        with a finding.
        """
        return self._extraction(reading, judge)

    def close(self) -> None:
        for chat in self._chats:
            chat.close()

    def _extraction(self, reading: Reading, judge: Judge | None) -> Extraction | None:
        if not reading.lines:
            return None
        started = time.perf_counter()
        attempts = Attempts(reading, self._windows(reading), self.version, self._vocabulary)
        try:
            extraction = completed(self._best(attempts, judge))
        except (ExtractionError, CircuitOpen) as error:
            error.detail["usage"] = tuple(attempts.usage)
            raise
        seconds = time.perf_counter() - started
        return extraction.model_copy(update={"usage": tuple(attempts.usage), "seconds": seconds})

    def _best(self, attempts: Attempts, judge: Judge | None) -> Extraction:
        extraction, parts = attempts.first(self._first)
        if judge is None:
            return extraction
        extraction = attempts.corrected(self._first, extraction, parts, judge, rounds=self._rounds)
        return attempts.escalated(self._stronger, extraction, judge) if self._stronger else extraction

    def _windows(self, reading: Reading) -> tuple[Window, ...]:
        return windows(
            reading.lines,
            max_question_tokens=self._settings.azure_openai_max_input_tokens,
            max_answer_tokens=self._settings.azure_openai_max_output_tokens,
        )

    def _open(
        self,
        deployment: Deployment,
        breaker: Breaker | None,
        limiter: RateLimiter | None,
        for_batches: str | None,
    ) -> tuple[Chat, Model]:
        settings = self._settings
        chat = Chat(settings, deployment)
        self._prices.require(chat.parameters.provider, chat.parameters.model)
        asking = AnswerCache(
            chat,
            self._answers,
            breaker,
            attempts=settings.azure_openai_attempts,
            deadline_s=settings.azure_openai_deadline_s,
            limiter=limiter,
            batching=Batching(for_batches, settings.model_batch_fallback == "live") if for_batches else None,
        )
        return chat, Model(chat.parameters, asking, self._prices, self._vocabulary)


def engine_from_settings(settings: Settings, answers: AnswerStore) -> AzureOpenAIEngine:
    """The engine with the breakers and limiters that all processes of the same settings share.

    Raises: ConfigurationError as the engine does; CustomFieldsInvalid.
    """
    return AzureOpenAIEngine(
        settings,
        answers,
        breaker=model_breaker(settings, FIRST),
        escalation_breaker=model_breaker(settings, ESCALATION),
        limiter=model_limiter(
            settings,
            FIRST,
            requests=settings.azure_openai_requests_per_minute,
            tokens=settings.azure_openai_tokens_per_minute,
        ),
        escalation_limiter=model_limiter(
            settings,
            ESCALATION,
            requests=settings.azure_openai_escalation_requests_per_minute,
            tokens=settings.azure_openai_escalation_tokens_per_minute,
        ),
        own_fields=declarations(settings.custom_fields),
    )
