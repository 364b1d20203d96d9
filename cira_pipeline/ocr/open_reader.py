"""Builds the reader that the settings choose."""

from __future__ import annotations

from cira_pipeline.ocr.docling_serve import DoclingServeReader
from cira_pipeline.ocr.isolated import IsolatedReader
from cira_pipeline.ocr.reader import Reader
from cira_pipeline.resilience.breaker import Breaker
from cira_pipeline.sandbox.pool import worker_pool
from cira_pipeline.settings import Settings


def reader_from_settings(settings: Settings) -> Reader:
    """Docling in this machine's own processes, or docling-serve. Starts and contacts nothing before the first document.

    Raises: ConfigurationError when docling-serve is chosen and its address is missing.
    """
    if settings.reader == "local":
        return IsolatedReader(settings, worker_pool(settings))
    return DoclingServeReader(settings, docling_serve_breaker(settings))


def docling_serve_breaker(settings: Settings) -> Breaker:
    """The circuit breaker of docling-serve, shared by all processes with the same settings."""
    return Breaker("docling_serve", settings.redis_address, settings.breaker_failures, settings.breaker_reset_s)
