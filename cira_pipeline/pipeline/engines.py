"""Builds the extraction engines and circuit breakers that the settings configure."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module

from cira_pipeline.extraction.answers import AnswerStore
from cira_pipeline.extraction.azure_openai.limits import FIRST, model_breaker
from cira_pipeline.extraction.engine import Engine
from cira_pipeline.jobs import Stage
from cira_pipeline.models import EngineName
from cira_pipeline.ocr.open_reader import docling_serve_breaker
from cira_pipeline.resilience.breaker import Breaker
from cira_pipeline.settings import Settings


def engines_from_settings(settings: Settings, answers: AnswerStore) -> Mapping[EngineName, Engine]:
    """Builds the free engines always, the paid ones only where a model is configured.

    Each is built by `engine_from_settings` of `cira_pipeline/extraction/NAME/engine.py`, which is not imported for an
    engine that does not run: the openai package alone takes a second.
    """
    names = [name for name in EngineName if settings.model_configured or not name.is_paid]
    modules = {name: import_module(f"cira_pipeline.extraction.{name}.engine") for name in names}
    return {name: module.engine_from_settings(settings, answers) for name, module in modules.items()}


def breakers_from_settings(settings: Settings) -> Mapping[Stage, Breaker]:
    """The circuit breakers of the services that stages depend on, by stage."""
    breakers: dict[Stage, Breaker] = {}
    if settings.reader == "docling_serve":
        breakers[Stage.OCR_TEXT] = docling_serve_breaker(settings)
    if settings.model_configured:
        breakers[Stage.EXTRACTED_FIELDS] = model_breaker(settings, FIRST)
    return breakers
