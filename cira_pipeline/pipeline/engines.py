"""Which engines this installation has, by its settings."""

from __future__ import annotations

from collections.abc import Mapping

from cira_pipeline.errors import ModelRateLimited
from cira_pipeline.extraction.answers import AnswerStore
from cira_pipeline.extraction.einvoice.engine import EInvoiceEngine
from cira_pipeline.extraction.einvoice.isolated import IsolatedAttachments
from cira_pipeline.extraction.engine import Engine
from cira_pipeline.extraction.offline.engine import OfflineEngine
from cira_pipeline.jobs import Stage
from cira_pipeline.models import EngineName
from cira_pipeline.ocr.open_reader import docling_serve_breaker
from cira_pipeline.resilience.breaker import Breaker, dependency_failed
from cira_pipeline.resilience.limiter import RateLimiter
from cira_pipeline.sandbox.pool import worker_pool
from cira_pipeline.settings import Settings

FIRST, ESCALATION = "azure_openai", "azure_openai_escalation"


def engines_from_settings(settings: Settings, answers: AnswerStore) -> Mapping[EngineName, Engine]:
    """`einvoice` and `offline` always; `azure_openai` only where a model is configured."""
    engines: dict[EngineName, Engine] = {
        EngineName.EINVOICE: EInvoiceEngine(
            IsolatedAttachments(worker_pool(settings), timeout_s=settings.recognition_timeout_s)
        ),
        EngineName.OFFLINE: OfflineEngine(),
    }
    if settings.model_configured:
        # Imported here, for the openai package takes a second that most installations would wait for in vain.
        from cira_pipeline.extraction.azure_openai.engine import AzureOpenAIEngine

        engines[EngineName.AZURE_OPENAI] = AzureOpenAIEngine(
            settings,
            answers,
            breaker=model_breaker(settings, FIRST),
            escalation_breaker=model_breaker(settings, ESCALATION),
            limiter=_limiter(
                settings,
                FIRST,
                requests=settings.azure_openai_requests_per_minute,
                tokens=settings.azure_openai_tokens_per_minute,
            ),
            escalation_limiter=_limiter(
                settings,
                ESCALATION,
                requests=settings.azure_openai_escalation_requests_per_minute,
                tokens=settings.azure_openai_escalation_tokens_per_minute,
            ),
        )
    return engines


def breakers_from_settings(settings: Settings) -> Mapping[Stage, Breaker]:
    """The circuit breaker of what a stage cannot do without, where it asks anybody."""
    breakers: dict[Stage, Breaker] = {}
    if settings.reader == "docling_serve":
        breakers[Stage.OCR_TEXT] = docling_serve_breaker(settings)
    if settings.model_configured:
        breakers[Stage.EXTRACTED_FIELDS] = model_breaker(settings, FIRST)
    return breakers


def model_breaker(settings: Settings, name: str) -> Breaker:
    """The circuit breaker of a deployment, the same in every process that has the same settings."""
    return Breaker(
        _shared_name(settings, name),
        _redis_url(settings),
        settings.breaker_failures,
        settings.breaker_reset_s,
        counts=_model_failed,
    )


def batch_breaker(settings: Settings) -> Breaker:
    """The circuit breaker of the provider's batch API: deployments may fail while it works, and the other way round."""
    return Breaker(
        f"model_batches:{settings.azure_openai_endpoint or settings.openai_base_url}",
        _redis_url(settings),
        settings.breaker_failures,
        settings.breaker_reset_s,
        counts=_model_failed,
    )


def _model_failed(error: BaseException) -> bool:
    """A deployment whose quota is used up is well: the limiter and its own `Retry-After` keep calls away from it."""
    return dependency_failed(error) and not isinstance(error, ModelRateLimited)


def _limiter(settings: Settings, name: str, *, requests: int | None, tokens: int | None) -> RateLimiter:
    return RateLimiter(_shared_name(settings, name), _redis_url(settings), requests=requests, tokens=tokens)


def _shared_name(settings: Settings, name: str) -> str:
    deployment = settings.azure_openai_deployment
    if name == ESCALATION:
        deployment = settings.azure_openai_escalation_deployment
    return f"{name}:{deployment or settings.azure_openai_model}"


def _redis_url(settings: Settings) -> str | None:
    return settings.redis_url.get_secret_value() if settings.redis_url else None
