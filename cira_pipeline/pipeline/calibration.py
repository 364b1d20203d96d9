"""Derives calibration observations from labelled documents: extracted values, confidence features, correctness."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from cira_pipeline.errors import CiraError
from cira_pipeline.evaluation.labels import Label
from cira_pipeline.evaluation.score import Score, score
from cira_pipeline.extraction.agreement import compared
from cira_pipeline.extraction.engine import Engine
from cira_pipeline.intake.recognise import recognise
from cira_pipeline.invoice import PAYMENT_FIELDS, HeaderField
from cira_pipeline.models import Document, EngineName, Extraction, Reading, Verdict
from cira_pipeline.ocr.reader import Reader
from cira_pipeline.pipeline.lossy_reading import with_lost_words
from cira_pipeline.settings import Settings
from cira_pipeline.validation.confidence.calibration import Calibration
from cira_pipeline.validation.confidence.features import ConfidenceFeatures, confidence_features
from cira_pipeline.validation.confidence.fitting import Observation, Source
from cira_pipeline.validation.validate import findings_of, validate, validation_input_of
from cira_pipeline.validation.validation_input import ValidationContext, ValidationInput
from cira_pipeline.validation.verdict import verdict_of


@dataclass(frozen=True)
class Case:
    """One document as read by one engine, alone or compared with a second engine.

    `features`: confidence features of all values. `acceptable`: only a low confidence could prevent acceptance.
    `score`: which labelled fields are right, wrong or missing.
    """

    document: str
    supplier: str
    kind: str
    engine: EngineName
    second_opinion: bool
    source: Source
    features: Mapping[HeaderField, ConfidenceFeatures]
    acceptable: bool
    score: Score

    @property
    def observations(self) -> Iterator[Observation]:
        """Observations of the labelled values."""
        for name, features in self.features.items():
            if name in self.score.right or name in self.score.wrong:
                yield Observation(name, features, name in self.score.right, self.supplier, self.document, self.source)

    def least_confidence(self, calibration: Calibration) -> float:
        """Lowest calibrated confidence among the payment-critical values, which decide on acceptance."""
        return min(
            (calibration.confidence(name, self.features[name]) for name in PAYMENT_FIELDS if name in self.features),
            default=1,
        )


@dataclass(frozen=True)
class Observer:
    """Reads labelled documents with every engine. E-invoices in XML are excluded: they are parsed, not read.

    `losses`: how many times the free engines also read each document with words removed.
    """

    settings: Settings
    reader: Reader
    engines: Mapping[EngineName, Engine]
    today: date
    losses: int = 0

    def cases(self, label: Label, supplier: str) -> Iterator[Case]:
        """The cases of one label; none where it names no file, or where no engine extracts anything."""
        if label.file is None:
            return
        settings = self.settings
        document = recognise(label.file.read_bytes(), max_pages=settings.max_pages, max_pixels=settings.max_pixels)
        if any(self._parsed(name, document) for name in _PARSING):
            return
        reading = self.reader.read(document).reading
        source: Source = "generated" if "layout" in label.about else "real"
        yield from self._cases_in(document, reading, label, supplier, source, _READING)
        known = [str(value) for name, value in label.fields.items() if name not in ("line_items", "tax_breakdown")]
        for number in range(self.losses):
            lossy = with_lost_words(reading, _LOST, f"{document.sha256}/{number}", known)
            yield from self._cases_in(document, lossy, label, supplier, "lossy", _FREE)

    def _cases_in(
        self,
        document: Document,
        reading: Reading,
        label: Label,
        supplier: str,
        source: Source,
        engines: Sequence[EngineName],
    ) -> Iterator[Case]:
        context = ValidationContext(today=self.today, reading=reading)
        found = (self._extracted(name, document, reading) for name in engines)
        alone = [extraction for extraction in found if extraction is not None]
        for extraction in alone:
            yield _case(label, supplier, source, validation_input_of(extraction, context), second_opinion=False)
            for other in alone:
                if other is not extraction:
                    both = compared(extraction, other, validate(other, context))
                    yield _case(label, supplier, source, validation_input_of(both, context), second_opinion=True)

    def _parsed(self, name: EngineName, document: Document) -> bool:
        try:
            return self._extracted(name, document, _NOTHING_READ) is not None
        except CiraError:
            return False

    def _extracted(self, name: EngineName, document: Document, reading: Reading) -> Extraction | None:
        engine = self.engines.get(name)
        return engine.extract(document, reading) if engine is not None else None


_LOST: Final = 0.2
_PARSING: Final = tuple(name for name in EngineName if not name.reads_page)
_READING: Final = tuple(name for name in EngineName if name.reads_page)
_FREE: Final = tuple(name for name in _READING if not name.is_paid)
_NOTHING_READ = Reading(reader="none", reader_version="", pages=(), lines=(), seconds=0)


def _case(label: Label, supplier: str, source: Source, subject: ValidationInput, *, second_opinion: bool) -> Case:
    findings = findings_of(subject)
    return Case(
        document=label.sha256,
        supplier=supplier,
        kind=str(label.about.get("kind", "all")),
        engine=subject.extraction.engine,
        second_opinion=second_opinion,
        source=source,
        features=confidence_features(subject, findings),
        acceptable=verdict_of(findings, read_from_page=subject.read_from_page) is Verdict.ACCEPTED,
        score=score(subject.invoice, label.fields),
    )
