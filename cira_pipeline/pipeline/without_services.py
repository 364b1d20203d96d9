"""Extracts files in this process alone, without database, Redis or Dagster, for `cira extract`."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from cira_pipeline.costs.prices import PriceList
from cira_pipeline.custom.declaration_file import own_rules
from cira_pipeline.errors import (
    CiraError,
    DocumentError,
    DocumentTooLarge,
    FileNotAllowed,
    InternalError,
    SourceNotFound,
)
from cira_pipeline.extraction.answers import AnswersInMemory
from cira_pipeline.extraction.cascade import run_cascade
from cira_pipeline.extraction.engine import Engine
from cira_pipeline.intake.isolated import Recogniser, recogniser_from_settings
from cira_pipeline.models import EngineName, Evidence, Finding, Verdict
from cira_pipeline.ocr.open_reader import reader_from_settings
from cira_pipeline.ocr.reader import Reader
from cira_pipeline.pipeline.engines import engines_from_settings
from cira_pipeline.settings import Settings
from cira_pipeline.validation.severities import severities_of
from cira_pipeline.validation.validate import ValidationContext, validate


class FileError(BaseModel):
    """Public view of an error: stable code, what happened, what to do."""

    model_config = ConfigDict(frozen=True)

    code: str
    message: str
    hint: str
    retryable: bool


class FileResult(BaseModel):
    """Result of one file, one JSON line of `cira extract --jsonl`. Amounts in `fields` are decimal strings."""

    model_config = ConfigDict(frozen=True)

    file: str
    status: str
    fields: dict[str, Any]
    evidence: tuple[Evidence, ...] = ()
    engine: EngineName | None = None
    engines: tuple[EngineName, ...] = ()
    verdict: Verdict | None = None
    findings: tuple[Finding, ...] = ()
    stopped_because: str | None = None
    pages: int = 0
    cost_usd: Decimal = Decimal(0)
    seconds: float
    error: FileError | None = None


class Extractor:
    """Reads, extracts and validates files. The first file loads the reader, which is kept.

    `reader`: overrides the configured one. `only`: the one engine that may run.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        today: Callable[[], date] = date.today,
        reader: Reader | None = None,
        only: EngineName | None = None,
    ) -> None:
        self._settings = settings
        self._today = today
        self._given_reader = reader
        self._only = only
        self._severities = severities_of(settings.rule_severity)
        self._own_rules = own_rules(settings.custom_fields)

    @cached_property
    def _reader(self) -> Reader:
        return self._given_reader or reader_from_settings(self._settings)

    @cached_property
    def _recognise(self) -> Recogniser:
        return recogniser_from_settings(self._settings)

    @cached_property
    def _engines(self) -> Mapping[EngineName, Engine]:
        engines = engines_from_settings(self._settings, AnswersInMemory())
        return {name: engine for name, engine in engines.items() if self._only in (None, name)}

    @cached_property
    def _prices(self) -> PriceList:
        return PriceList.load(self._settings.price_list)

    def extract(self, path: Path) -> FileResult:
        """The result of one file; an error of this file is part of the result, never raised."""
        started = time.monotonic()
        try:
            return self._extract(path, started)
        except CiraError as error:
            return _failed(path, error, started)
        except Exception as error:  # noqa: BLE001 - one file must not end the others
            return _failed(path, InternalError(f"{type(error).__name__}: {error}"), started)

    def _extract(self, path: Path, started: float) -> FileResult:
        settings = self._settings
        document = self._recognise(_content(path, settings.fetch_max_bytes))
        reading = self._reader.read(document).reading
        context = ValidationContext(
            today=self._today(),
            reading=reading,
            accept_confidence=settings.accept_confidence,
            severities=self._severities,
        )
        outcome = run_cascade(
            document,
            reading,
            self._engines,
            settings.effective_policy,
            lambda extraction: validate(extraction, context),
        )
        # Own rules judge the invoice; the engines are chosen by how it was read.
        record = validate(outcome.steps[outcome.chosen].extraction, replace(context, own_rules=self._own_rules))
        cost_usd = sum(
            (entry.amount_usd for usage in outcome.usage for entry in self._prices.price_usage(usage)),
            Decimal(0),
        )
        cost_usd += sum(
            (entry.amount_usd for entry in self._prices.price_reading(reading, document.sha256)), Decimal(0)
        )
        return FileResult(
            file=str(path),
            status="rejected" if record.verdict is Verdict.REJECTED else "succeeded",
            fields=record.invoice.model_dump(mode="json", exclude_none=True),
            evidence=record.evidence,
            engine=record.engine,
            engines=tuple(step.extraction.engine for step in outcome.steps),
            verdict=record.verdict,
            findings=record.findings,
            stopped_because=outcome.stopped_because,
            pages=len(reading.pages),
            cost_usd=cost_usd,
            seconds=round(time.monotonic() - started, 3),
        )


def _content(path: Path, max_bytes: int) -> bytes:
    """The file's bytes. The person at the command line chose the file, so no folder is forbidden here."""
    try:
        size_bytes = path.stat().st_size
        if size_bytes > max_bytes:
            raise DocumentTooLarge(
                f"{path} has {size_bytes} bytes; at most {max_bytes} are accepted", size_bytes=size_bytes
            )
        return path.read_bytes()
    except FileNotFoundError as error:
        raise SourceNotFound(f"there is no file {path}") from error
    except OSError as error:
        raise FileNotAllowed(f"{path} cannot be read: {error.strerror}") from error


def _failed(path: Path, error: CiraError, started: float) -> FileResult:
    return FileResult(
        file=str(path),
        status="rejected" if isinstance(error, DocumentError) else "failed",
        fields={},
        seconds=round(time.monotonic() - started, 3),
        error=FileError(code=error.code, message=error.message, hint=error.hint, retryable=error.retryable),
    )
