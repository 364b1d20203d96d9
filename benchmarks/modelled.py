"""Runs labelled documents through reading, cascade and validation, with a stand-in for the model."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from cira_pipeline.costs.prices import PriceList
from cira_pipeline.evaluation.labels import read_labels
from cira_pipeline.evaluation.score import Score, score
from cira_pipeline.extraction.answers import AnswersInMemory
from cira_pipeline.extraction.cascade import CascadeOutcome, run_cascade
from cira_pipeline.extraction.explain import ROUND
from cira_pipeline.intake.recognise import recognise
from cira_pipeline.invoice import HEADER_FIELDS, Invoice
from cira_pipeline.jobs import Policy
from cira_pipeline.models import Document, EngineName, Evidence, Extraction, Reading, Record
from cira_pipeline.ocr.local import LocalReader
from cira_pipeline.pipeline.engines import engines_from_settings
from cira_pipeline.pipeline.reading_cache import KeptReadings
from cira_pipeline.settings import Settings
from cira_pipeline.validation.validate import ValidationContext, validate
from tests.azure_standin import AzureStandin, LabelAnswers, Mistakes

_AFTER_ISSUE = timedelta(days=14)


@dataclass(frozen=True)
class Labelled:
    name: str
    kind: str
    document: Document
    reading: Reading
    fields: Mapping[str, Any]

    @property
    def judged_on(self) -> date:
        """Date on which the record is validated: shortly after the issue date, because these documents are old."""
        issued = self.fields.get("issue_date")
        return date.fromisoformat(issued) + _AFTER_ISSUE if issued else date.today()  # noqa: DTZ011


@dataclass(frozen=True)
class Result:
    """`mistakes`: (kind, field) of every value that was spoilt in an answer about this document."""

    outcome: CascadeOutcome
    record: Record
    score: Score
    mistakes: tuple[tuple[str, str], ...]
    paid_answers: int

    def right(self, name: str) -> bool:
        """Whether the record has what the label has; tables as a whole."""
        if name in ("line_items", "tax_breakdown"):
            matches = self.score.lines if name == "line_items" else self.score.tax_breakdown
            return matches is not None and matches.exact
        return name in self.score.right


def labelled_documents(folder: Path, labels: Path, readings: Path, kinds: Iterable[str]) -> list[Labelled]:
    """Documents of these kinds with their readings, in the order of the labels."""
    settings = Settings(_env_file=None)
    reader = KeptReadings(LocalReader(settings), readings)
    wanted, found = set(kinds), []
    for label in read_labels(labels):
        if label.file is None or str(label.about.get("kind")) not in wanted:
            continue
        path = folder / label.file.relative_to(labels.parent)
        document = recognise(path.read_bytes(), max_pages=settings.max_pages, max_pixels=settings.max_pixels)
        reading = reader.read(document).reading
        found.append(Labelled(path.name, str(label.about["kind"]), document, reading, label.fields))
    return found


class ModelRun:
    """Extracts documents with a model that knows their labels and spoils a share `mistakes` of its fields.

    `without_xml`: e-invoices are read from their pages like any other document.
    """

    def __init__(
        self,
        documents: Sequence[Labelled],
        policy: Policy,
        mistakes: float,
        seed: int,
        *,
        without_xml: bool = False,
    ) -> None:
        self._policy = policy
        self._without_xml = without_xml
        self._mistakes = Mistakes(mistakes, seed=seed)
        self._standin = AzureStandin(LabelAnswers([each.fields for each in documents], self._mistakes))
        self._prices = PriceList.load()
        self.rounds = 0

    def __enter__(self) -> Self:
        standin = self._standin.__enter__()
        settings = Settings(
            _env_file=None,
            azure_openai_endpoint=standin.endpoint,
            azure_openai_deployment="invoices",
            azure_openai_api_key=standin.api_key,
        )
        engines = engines_from_settings(settings, AnswersInMemory())
        left_out = {EngineName.EINVOICE} if self._without_xml else set()
        self._engines = {name: engine for name, engine in engines.items() if name not in left_out}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._standin.__exit__(kind, error, traceback)

    def extract(self, labelled: Labelled) -> Result:
        context = ValidationContext(today=labelled.judged_on, reading=labelled.reading)
        spoilt_before, billed_before = len(self._mistakes.made), len(self._standin.bill)
        outcome = run_cascade(
            labelled.document,
            labelled.reading,
            self._engines,
            self._policy,
            lambda extraction: validate(extraction, context),
        )
        record = outcome.steps[outcome.chosen].record
        self.rounds += sum(finding.rule == ROUND for step in outcome.steps for finding in step.extraction.findings)
        return Result(
            outcome=outcome,
            record=record,
            score=score(record.invoice, labelled.fields),
            mistakes=tuple(self._mistakes.made[spoilt_before:]),
            paid_answers=len(self._standin.bill) - billed_before,
        )

    @property
    def billed_usd(self) -> Decimal:
        """The stand-in's bill at the list prices of its model."""
        units = ("input_token", "cached_input_token", "output_token")
        price = {unit: self._prices.token_price("azure", "gpt-4.1-mini", unit).usd for unit in units}
        return sum((billed.usd(price) for billed in self._standin.bill), Decimal(0))


def true_record(labelled: Labelled) -> Record:
    """The record of the labelled values; where validation does not accept it, the document itself is faulty."""
    invoice = Invoice.model_validate({name: value for name, value in labelled.fields.items() if value is not None})
    # As from XML: what the label says was not read from a page, and cannot be misread.
    evidence = tuple(
        Evidence(field=name, engine=EngineName.EINVOICE, text="label", confidence=1.0)
        for name in (
            *HEADER_FIELDS,
            *(f"{table}[{row}]" for table in ("line_items", "tax_breakdown") for row in range(500)),
        )
    )
    extraction = Extraction(engine=EngineName.EINVOICE, engine_version="label", invoice=invoice, evidence=evidence)
    return validate(extraction, ValidationContext(today=labelled.judged_on, reading=labelled.reading))


def share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0


def documents_parser(description: str | None, *, kinds: Iterable[str], mistakes: float) -> argparse.ArgumentParser:
    """The options that say which documents are measured and how many of the stand-in's answers are spoilt."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--documents", type=Path, required=True, help="folder that the labels' files are relative to")
    parser.add_argument("--labels", type=Path, required=True)
    parser.add_argument("--readings", type=Path, required=True, help="folder where readings are kept")
    parser.add_argument("--kind", action="append", default=[], help=f"repeatable; if not given {', '.join(kinds)}")
    parser.add_argument("--mistakes", type=float, default=mistakes, help="share of fields answered wrongly")
    return parser
