"""Processes one job through the four stages; stored results are never fetched, read or paid again.

Every stage is idempotent and can be called on its own, also after a crash anywhere. The order of writes is always:
bytes to the object store, row to PostgreSQL, then the job's status.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from cira_pipeline.costs.attribution import CostAttribution, attributed_to
from cira_pipeline.costs.budgets import CostResult, check_cost
from cira_pipeline.costs.ledger import Ledger
from cira_pipeline.costs.prices import PriceList
from cira_pipeline.custom.declaration_file import own_rules
from cira_pipeline.db.documents.extractions import ExtractionRepository, StoredOutcome
from cira_pipeline.db.documents.readings import ReadingRepository
from cira_pipeline.db.documents.repository import DocumentRepository
from cira_pipeline.db.jobs.repository import Job, JobRepository
from cira_pipeline.db.jobs.stage_timings import StageTimings
from cira_pipeline.db.records.confirmations import ConfirmationRepository
from cira_pipeline.db.records.labels import LabelRepository
from cira_pipeline.db.records.repository import RecordRepository
from cira_pipeline.errors import CiraError, DocumentTooManyWords, UpstreamMissing
from cira_pipeline.evaluation.check import AccuracyResult, measure
from cira_pipeline.extraction.cascade import CascadeOutcome, run_cascade, usage_of_error
from cira_pipeline.extraction.engine import Engine
from cira_pipeline.intake.fetch import Fetcher
from cira_pipeline.jobs import JobStatus, Policy, Stage
from cira_pipeline.models import Document, EngineName, Extraction, Reading, Record, Usage
from cira_pipeline.ocr.reader import Reader
from cira_pipeline.pipeline.deferral import model_awaited
from cira_pipeline.pipeline.supplier_memory import SupplierMemory
from cira_pipeline.settings import Settings
from cira_pipeline.validation.severities import severities_of
from cira_pipeline.validation.validate import ValidationContext, validate


@dataclass(frozen=True)
class DocumentObtained:
    url: str
    document: Document
    object_url: str
    reused: bool
    seconds: float


@dataclass(frozen=True)
class DocumentRead:
    document_sha256: str
    reading: Reading
    reused: bool
    seconds: float


@dataclass(frozen=True)
class FieldsExtracted:
    extractions: tuple[Extraction, ...]
    chosen: int
    stopped_because: str
    policy: Policy
    cost_usd: Decimal
    seconds: float

    @property
    def extraction(self) -> Extraction:
        return self.extractions[self.chosen]

    @property
    def outcome(self) -> StoredOutcome:
        return StoredOutcome(self.extractions, self.chosen, self.stopped_because)


@dataclass(frozen=True)
class RecordValidated:
    record: Record
    accuracy: AccuracyResult
    cost: CostResult
    seconds: float


StageResult = DocumentObtained | DocumentRead | FieldsExtracted | RecordValidated


@dataclass
class JobContext:
    """A job in progress, and the results of its earlier stages in this process.

    Results of earlier runs are not included: a stage loads them from storage.
    """

    job: Job
    document: Document | None = None
    reading: Reading | None = None
    extracted: FieldsExtracted | None = None


@dataclass(frozen=True)
class Processor:
    """The four stages of a job, with their dependencies. Thread-safe: one instance serves all threads of a run.

    Every method raises the CiraError that stopped it, and leaves the job's status to its caller.
    """

    settings: Settings
    jobs: JobRepository
    documents: DocumentRepository
    readings: ReadingRepository
    extractions: ExtractionRepository
    records: RecordRepository
    confirmations: ConfirmationRepository
    labels: LabelRepository
    timings: StageTimings
    ledger: Ledger
    prices: PriceList
    fetcher: Fetcher
    recognise: Callable[[bytes], Document]
    reader: Reader
    engines: Mapping[EngineName, Engine]
    today: Callable[[], date] = field(default=date.today)
    memory: SupplierMemory | None = None

    def run(self, job_context: JobContext, stage: Stage) -> StageResult:
        stages: Mapping[Stage, Callable[[JobContext], StageResult]] = {
            Stage.RAW_DOCUMENT: self.obtain_document,
            Stage.OCR_TEXT: self.read_document,
            Stage.EXTRACTED_FIELDS: self.extract_fields,
            Stage.VALIDATED_RECORD: self.validate_record,
        }
        result = stages[stage](job_context)
        # A stored result says nothing about the duration of the work.
        if not getattr(result, "reused", False):
            self.timings.note(stage, result.seconds)
        return result

    def kept(self, job_context: JobContext, stage: Stage) -> StageResult:
        """The stored result of `stage` for a job that has ended, without any work or writes.

        Raises: UpstreamMissing when it is not stored any more.
        """
        started, job = time.monotonic(), job_context.job
        sha256 = _document_sha256(job)
        if stage is Stage.RAW_DOCUMENT:
            job_context.document = self._document(job_context)
            url = self.documents.url_of(sha256)
            return DocumentObtained(job.url, job_context.document, url, reused=True, seconds=time.monotonic() - started)
        if stage is Stage.OCR_TEXT:
            job_context.reading = self._required_reading(job_context)
            return DocumentRead(sha256, job_context.reading, reused=True, seconds=time.monotonic() - started)
        if stage is Stage.EXTRACTED_FIELDS:
            outcome = self._outcome(job_context)
            return FieldsExtracted(
                extractions=outcome.extractions,
                chosen=outcome.chosen,
                stopped_because=outcome.stopped_because,
                policy=self.settings.policy_for(job.client, job.policy),
                cost_usd=self.ledger.total(job.job_id),
                seconds=time.monotonic() - started,
            )
        stored = self.records.get(job.job_id)
        if stored is None:
            raise UpstreamMissing(f"job {job.job_id} has no record", job_id=job.job_id, stage=stage)
        return self._checked(job, stored.record, started)

    def obtain_document(self, job_context: JobContext) -> DocumentObtained:
        """Downloads the job's URL once; a job's document never changes afterwards."""
        started = time.monotonic()
        job = job_context.job
        known = job.document_sha256 is not None and self.documents.row(job.document_sha256) is not None
        if known:
            job_context.document = self._document(job_context)
        else:
            job_context.document = self.recognise(self.fetcher.fetch(job.url).content)
            self.documents.put(job_context.document)
            job_context.job = self.jobs.document_found(job.job_id, job_context.document.sha256)
        self.ledger.record(
            job.job_id, self.prices.price_storage(job_context.document.size_bytes, job_context.document.sha256)
        )
        return DocumentObtained(
            url=job.url,
            document=job_context.document,
            object_url=self.documents.url_of(job_context.document.sha256),
            reused=known,
            seconds=time.monotonic() - started,
        )

    def read_document(self, job_context: JobContext) -> DocumentRead:
        started = time.monotonic()
        sha256 = _document_sha256(job_context.job)
        kept = self.readings.get(sha256, self.reader.name, self.reader.version)
        if kept is None:
            result = self.reader.read(self._document(job_context))
            self.readings.put(sha256, result.reading, result.docling_json)
            job_context.reading = result.reading
        else:
            job_context.reading = kept
        self.ledger.record(job_context.job.job_id, self.prices.price_reading(job_context.reading, sha256))
        _require_bounded(job_context.reading, self.settings.max_words)
        return DocumentRead(sha256, job_context.reading, reused=kept is not None, seconds=time.monotonic() - started)

    def extract_fields(self, job_context: JobContext) -> FieldsExtracted:
        started = time.monotonic()
        job = job_context.job
        reading = self._required_reading(job_context)
        # Checked again: a person may materialise this stage alone, without the stage that checks first.
        _require_bounded(reading, self.settings.max_words)
        policy = self.settings.policy_for(job.client, job.policy)
        context = ValidationContext(
            today=self.today(),
            reading=reading,
            accept_confidence=self.settings.accept_confidence,
            severities=severities_of(self.settings.rule_severity),
        )
        try:
            with attributed_to(self._attribution(job)):
                outcome = run_cascade(
                    self._document(job_context),
                    reading,
                    self._engines_for(job.client),
                    policy,
                    lambda extraction: validate(extraction, context),
                )
        except CiraError as error:
            # An answer that was of no use has been paid for all the same.
            self._charge(job, usage_of_error(error))
            raise
        self._charge(job, outcome.usage)
        awaited = model_awaited(outcome, self.settings)
        if awaited is not None:
            raise awaited
        self._keep_outcome(job, reading, outcome)
        job_context.extracted = FieldsExtracted(
            extractions=tuple(step.extraction for step in outcome.steps),
            chosen=outcome.chosen,
            stopped_because=outcome.stopped_because,
            policy=policy,
            cost_usd=self.ledger.total(job.job_id),
            seconds=time.monotonic() - started,
        )
        return job_context.extracted

    def validate_record(self, job_context: JobContext) -> RecordValidated:
        """Validates the extraction. A record that a person has confirmed is unchanged."""
        started = time.monotonic()
        record = self._confirmed_record(job_context.job) or self._validated_record(job_context)
        return self._checked(job_context.job, record, started)

    def _checked(self, job: Job, record: Record, started: float) -> RecordValidated:
        labels = self.labels.get(_document_sha256(job))
        return RecordValidated(
            record=record,
            accuracy=measure(record.invoice, labels, self.settings.accuracy_threshold),
            cost=check_cost(
                self.ledger.total(job.job_id), self.settings.cost_budget_usd, self.ledger.budget_states(job.client)
            ),
            seconds=time.monotonic() - started,
        )

    def _engines_for(self, client: str) -> Mapping[EngineName, Engine]:
        return self.engines if self.memory is None else self.memory.engines_for(client, self.engines)

    def _document(self, job_context: JobContext) -> Document:
        return job_context.document or self.documents.load(_document_sha256(job_context.job))

    def _reading(self, job_context: JobContext) -> Reading | None:
        return job_context.reading or self.readings.get(
            _document_sha256(job_context.job), self.reader.name, self.reader.version
        )

    def _required_reading(self, job_context: JobContext) -> Reading:
        reading = self._reading(job_context)
        if reading is None:
            job_id = job_context.job.job_id
            raise UpstreamMissing(f"job {job_id} has no reading yet", job_id=job_id, stage=Stage.OCR_TEXT)
        return reading

    def _outcome(self, job_context: JobContext) -> StoredOutcome:
        if job_context.extracted is not None:
            return job_context.extracted.outcome
        outcome = self.extractions.outcome(job_context.job.job_id)
        if outcome is None:
            job_id = job_context.job.job_id
            raise UpstreamMissing(f"job {job_id} has no extraction yet", job_id=job_id, stage=Stage.EXTRACTED_FIELDS)
        return outcome

    def _confirmed_record(self, job: Job) -> Record | None:
        stored = self.records.get(job.job_id) if self.confirmations.latest(job.job_id) is not None else None
        return stored.record if stored is not None else None

    def _validated_record(self, job_context: JobContext) -> Record:
        job_id, sha256 = job_context.job.job_id, _document_sha256(job_context.job)
        outcome = self._outcome(job_context)
        extraction = outcome.extractions[outcome.chosen]
        engines = tuple(each.engine for each in outcome.extractions)
        reading = self._reading(job_context)

        with self.records.one_at_a_time(extraction.invoice):
            history = self.records.history(job_id, extraction.invoice, sha256)
            context = ValidationContext(
                today=self.today(),
                duplicate_job_ids=history.duplicates,
                duplicates_elsewhere=history.duplicates_elsewhere,
                known_ibans=history.ibans,
                ibans_elsewhere=history.ibans_elsewhere,
                reading=reading,
                accept_confidence=self.settings.accept_confidence,
                severities=severities_of(self.settings.rule_severity),
                own_rules=own_rules(self.settings.custom_fields),
            )
            record = validate(extraction, context).model_copy(update={"engines": engines})
            self.records.put(job_id, sha256, record, duplicate_of=history.all_duplicates)
        return record

    def _attribution(self, job: Job) -> CostAttribution:
        # Only a job of a run can be deferred and queued again; a person who materialises a finished one wants it now.
        may_wait = job.status is JobStatus.RUNNING and self.settings.may_wait_for_a_batch(job.client, job.model_batch)
        return CostAttribution(job.job_id, job.client, may_wait)

    def _charge(self, job: Job, usages: Iterable[Usage]) -> None:
        """Books paid answers, also reused ones, where an answer was not booked when it was stored."""
        for usage in usages:
            self.ledger.record(job.job_id, self.prices.price_answer(usage))

    def _keep_outcome(self, job: Job, reading: Reading, outcome: CascadeOutcome) -> None:
        sha256 = _document_sha256(job)
        self.documents.put_files(sha256, (file for step in outcome.steps for file in step.extraction.files))
        self.extractions.put_outcome(
            job.job_id,
            sha256,
            [(step.extraction, _input_hash(sha256, reading, step.extraction)) for step in outcome.steps],
            outcome.chosen,
            outcome.stopped_because,
        )


def _document_sha256(job: Job) -> str:
    if job.document_sha256 is None:
        raise UpstreamMissing(f"job {job.job_id} has no document yet", job_id=job.job_id, stage=Stage.RAW_DOCUMENT)
    return job.document_sha256


def _require_bounded(reading: Reading, max_words: int) -> None:
    """Time and cost of the next stages grow with the number of words."""
    words = sum([len(line.words) or len(line.text.split()) for line in reading.lines])
    if words > max_words:
        raise DocumentTooManyWords(f"the document has {words:,} words; at most {max_words:,} are accepted", words=words)


def _input_hash(sha256: str, reading: Reading, extraction: Extraction) -> str:
    """Hash that identifies an extraction besides document and engine: of the reading, the memory, and the result.

    The same engine may give other results for the same page beside other engines, or when a correction round failed;
    the first of these must not replace the second.
    """
    result = extraction.model_dump_json(include={"invoice", "evidence", "findings"})
    return hashlib.sha256(
        f"{sha256}:{reading.reader}:{reading.reader_version}:{extraction.memory}:{result}".encode()
    ).hexdigest()
