"""Circuit breakers and rate limiters of the model's deployments and of its batch API, shared through Redis."""

from __future__ import annotations

from cira_pipeline.errors import ModelRateLimited
from cira_pipeline.resilience.breaker import Breaker, dependency_failed
from cira_pipeline.resilience.limiter import RateLimiter
from cira_pipeline.settings import Settings

FIRST, ESCALATION = "azure_openai", "azure_openai_escalation"


def model_breaker(settings: Settings, name: str) -> Breaker:
    """The circuit breaker of a deployment, the same in every process that has the same settings."""
    return Breaker(
        _shared_name(settings, name),
        settings.redis_address,
        settings.breaker_failures,
        settings.breaker_reset_s,
        counts=_model_failed,
    )


def batch_breaker(settings: Settings) -> Breaker:
    """The circuit breaker of the provider's batch API: deployments may fail while it works, and the other way round."""
    return Breaker(
        f"model_batches:{settings.azure_openai_endpoint or settings.openai_base_url}",
        settings.redis_address,
        settings.breaker_failures,
        settings.breaker_reset_s,
        counts=_model_failed,
    )


def _model_failed(error: BaseException) -> bool:
    """A deployment whose quota is used up is well: the limiter and its own `Retry-After` keep calls away from it."""
    return dependency_failed(error) and not isinstance(error, ModelRateLimited)


def model_limiter(settings: Settings, name: str, *, requests: int | None, tokens: int | None) -> RateLimiter:
    """The rate limiter of a deployment, from its requests and tokens a minute; `None` is no limit."""
    return RateLimiter(_shared_name(settings, name), settings.redis_address, requests=requests, tokens=tokens)


def _shared_name(settings: Settings, name: str) -> str:
    deployment = settings.azure_openai_deployment
    if name == ESCALATION:
        deployment = settings.azure_openai_escalation_deployment
    return f"{name}:{deployment or settings.azure_openai_model}"
