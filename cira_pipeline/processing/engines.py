"""Which engines this installation has, by its settings."""

from __future__ import annotations

from collections.abc import Mapping

from cira_pipeline.extraction.answers import AnswerStore
from cira_pipeline.extraction.einvoice.engine import EInvoiceEngine
from cira_pipeline.extraction.engine import Engine
from cira_pipeline.extraction.offline.engine import OfflineEngine
from cira_pipeline.resilience.breaker import Breaker
from cira_pipeline.settings import Settings
from cira_pipeline.values import EngineName


def engines_from_settings(settings: Settings, answers: AnswerStore) -> Mapping[EngineName, Engine]:
    """`einvoice` and `offline` always; `azure_openai` only where a model is configured."""
    engines: dict[EngineName, Engine] = {
        EngineName.EINVOICE: EInvoiceEngine(),
        EngineName.OFFLINE: OfflineEngine(),
    }
    if settings.model_configured:
        # Imported here, for the openai package takes a second that most installations would wait for in vain.
        from cira_pipeline.extraction.azure_openai.engine import AzureOpenAIEngine

        redis_url = settings.redis_url.get_secret_value() if settings.redis_url else None
        breaker = Breaker("azure_openai", redis_url)
        engines[EngineName.AZURE_OPENAI] = AzureOpenAIEngine(settings, answers, breaker=breaker)
    return engines
