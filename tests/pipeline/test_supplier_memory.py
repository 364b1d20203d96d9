"""Suppliers' memory in the database: who is taught by whom, what is forgotten, and that it can be learned again."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from benchmarks.supplier_memory import SHARES, series
from cira_pipeline.db.database import Database
from cira_pipeline.db.documents.objects import ObjectStore
from cira_pipeline.db.documents.readings import ReadingRepository
from cira_pipeline.db.documents.repository import DocumentRepository
from cira_pipeline.db.jobs.erasure import Erasure
from cira_pipeline.db.jobs.repository import JobRepository, Submission
from cira_pipeline.db.jobs.status_cache import StatusCache
from cira_pipeline.db.records.confirmations import ConfirmationRepository
from cira_pipeline.db.records.labels import LabelRepository
from cira_pipeline.db.records.lessons import LESSONS_OF_A_LAYOUT, LessonRepository
from cira_pipeline.db.records.repository import RecordRepository
from cira_pipeline.extraction.offline.engine import OfflineEngine
from cira_pipeline.invoice import Invoice
from cira_pipeline.jobs import JobId, Stage
from cira_pipeline.models import Document, EngineName, Extraction, MediaType, Record, Verdict
from cira_pipeline.pipeline.supplier_memory import SupplierMemory
from tests.extraction.offline.test_suppliers_memory import page, truth


@dataclass
class Office:
    """Documents of one supplier come in, are confirmed, and are read."""

    database: Database
    objects: ObjectStore

    def __post_init__(self) -> None:
        self.jobs = JobRepository(self.database, StatusCache(None, 30))
        self.documents = DocumentRepository(self.database, self.objects)
        self.readings = ReadingRepository(self.database, self.objects)
        self.records = RecordRepository(self.database)
        self.labels = LabelRepository(self.database)
        self.confirmations = ConfirmationRepository(self.database)
        self.lessons = LessonRepository(self.database)
        self.memory = self.with_scope("client")

    def with_scope(self, scope: str) -> SupplierMemory:
        return SupplierMemory(scope, self.lessons, self.readings, self.records)

    def arrived(self, index: int, client: str = "acme", invoice: Invoice | None = None) -> JobId:
        """A job with document, reading and record."""
        sha256 = self.document(index)
        self.readings.put(sha256, page(index), b"{}")
        [submitted] = self.jobs.submit([Submission(f"https://{client}.example/{index}.pdf", client=client)])
        job_id = submitted.job.job_id
        self.jobs.start(job_id, Stage.RAW_DOCUMENT, "run-1")
        self.jobs.document_found(job_id, sha256)
        self._keep(job_id, sha256, invoice or truth(index))
        self.jobs.succeed(job_id, Verdict.NEEDS_REVIEW)
        return job_id

    def document(self, index: int) -> str:
        content = f"page {index}".encode()
        sha256 = hashlib.sha256(content).hexdigest()
        self.documents.put(
            Document(sha256=sha256, media_type=MediaType.PDF, size_bytes=6, page_count=1, content=content)
        )
        return sha256

    def confirmed(self, index: int, client: str = "acme", **changes: Any) -> JobId:
        """A job that a person of `client` has confirmed."""
        job_id = self.arrived(index, client)
        self.confirm_again(job_id, index, client, **changes)
        return job_id

    def confirm_again(self, job_id: JobId, index: int, client: str = "acme", **changes: Any) -> None:
        sha256, invoice = self.document(index), truth(index, **changes)
        self._keep(job_id, sha256, invoice)
        self.labels.put(sha256, invoice.model_dump(mode="json"), source="review")
        made = self.confirmations.put(
            job_id,
            sha256,
            confirmed_by="anna",
            key_id=None,
            changes={},
            verdict_before=Verdict.NEEDS_REVIEW,
            verdict_after=Verdict.NEEDS_REVIEW,
        )
        self.memory.confirmed(client, job_id, sha256, invoice, made.confirmed_at)

    def _keep(self, job_id: JobId, sha256: str, invoice: Invoice) -> None:
        record = Record(
            invoice=invoice,
            verdict=Verdict.NEEDS_REVIEW,
            findings=(),
            evidence=(),
            engine=EngineName.OFFLINE,
            engines=(EngineName.OFFLINE,),
        )
        self.records.put(job_id, sha256, record)

    def read(self, index: int, client: str = "acme", scope: str = "client") -> Extraction:
        """Document `index` as it is read for `client`."""
        engines = self.with_scope(scope).engines_for(client, {EngineName.OFFLINE: OfflineEngine()})
        sha256 = self.document(index)
        document = Document(sha256=sha256, media_type=MediaType.PDF, size_bytes=6, page_count=1, content=b"x")
        extraction = engines[EngineName.OFFLINE].extract(document, page(index))
        assert extraction is not None
        return extraction

    def number(self, index: int, client: str = "acme", scope: str = "client") -> str | None:
        return self.read(index, client, scope).invoice.invoice_number

    def rows(self) -> list[tuple[object, ...]]:
        with self.database.begin() as connection:
            found = connection.execute(
                text("""SELECT client, document_sha256, job_id, source, supplier_keys, layout, lesson, taught_at
                        FROM cira.supplier_lessons ORDER BY client, document_sha256""")
            )
            return [tuple(row) for row in found]


@pytest.fixture
def office(database: Database, tmp_path: Path) -> Office:
    return Office(database, ObjectStore(tmp_path.as_uri()))


def test_what_a_client_confirmed_helps_to_read_its_suppliers_next_invoice(office):
    assert office.number(5) is None
    office.confirmed(0)
    office.confirmed(1)
    assert office.number(5) == "RE-2024-122"


def test_clients_do_not_learn_from_each_other_unless_that_is_wanted(office):
    office.confirmed(0)
    office.confirmed(1)
    assert office.number(5, client="other") is None
    assert office.read(5, client="other").memory == ""
    assert office.number(5, client="other", scope="all") == "RE-2024-122"
    assert office.number(5, scope="off") is None


def test_a_document_of_two_clients_teaches_only_the_one_that_confirmed_it(office):
    office.arrived(0, client="other")
    office.arrived(1, client="other")
    office.confirmed(0)
    office.confirmed(1)
    assert office.number(5, client="other") is None
    office.memory.rebuild()
    assert office.number(5, client="other") is None


def test_a_page_is_not_read_with_what_it_taught_itself(office):
    """Or every labelled document would look as if the engine could read it."""
    office.confirmed(0)
    assert office.read(0).memory == ""


def test_erasing_a_job_forgets_what_it_taught(office):
    first, second = office.confirmed(0), office.confirmed(1)
    erasure = Erasure(office.database, office.objects, office.jobs, stopping_s=0)
    erasure.erase(first)
    erasure.erase(second)
    assert office.rows() == []
    assert office.number(5) is None
    office.memory.rebuild()
    assert office.rows() == []


def test_a_correction_replaces_what_the_same_invoice_taught(office):
    job_id = office.confirmed(0, invoice_number="K-2040")
    office.confirm_again(job_id, 0)
    [row] = office.rows()
    assert "brafen" in str(row[6]["sightings"]["invoice_number"])
    assert "telnox" not in str(row[6]["sightings"]["invoice_number"])


def test_a_correction_that_takes_the_supplier_away_forgets_the_lesson(office):
    job_id = office.confirmed(0)
    office.confirm_again(job_id, 0, supplier_name=None, supplier_vat_id=None, payment_iban=None)
    assert office.rows() == []


def test_memory_is_bounded_and_keeps_the_newest(office):
    for index in range(LESSONS_OF_A_LAYOUT + 3):
        office.confirmed(index)
    kept = {row[1] for row in office.rows()}
    assert kept == {office.document(index) for index in range(3, LESSONS_OF_A_LAYOUT + 3)}


def test_rebuilding_learns_the_same_again_and_forgets_what_nobody_stands_by(office):
    office.confirmed(0)
    office.confirmed(1)
    office.arrived(2)
    learned = office.rows()
    assert office.memory.rebuild() == 2
    assert office.rows() == learned
    office.lessons.forget("acme")
    assert office.rows() == []
    office.memory.rebuild()
    assert office.rows() == learned
    with office.database.begin() as connection:
        connection.execute(text("DELETE FROM cira.confirmations"))
    office.memory.rebuild()
    assert office.rows() == []


def test_a_label_from_a_file_teaches_the_clients_that_have_the_document(office):
    office.arrived(0)
    for index in (0, 1):
        fields = truth(index).model_dump(mode="json", exclude_none=True)
        office.labels.put(office.document(index), fields, source="labels.jsonl")
        office.memory.labelled(office.document(index))
    assert [(row[0], row[3]) for row in office.rows()] == [("acme", "label")], "the other has not come in yet"
    office.arrived(1)
    office.memory.rebuild()
    assert office.number(5) == "RE-2024-122"
    assert office.number(5, client="other") is None


def test_a_suppliers_lessons_can_be_forgotten_by_name_key_or_layout(office):
    office.confirmed(0)
    [known] = office.lessons.layouts("acme")
    assert (known.supplier, known.lessons) == ("Nordlicht Bürotechnik GmbH", 1)
    assert office.lessons.forget("acme", supplier="Somebody Else") == 0
    assert office.lessons.forget("other", supplier=known.supplier) == 0
    assert office.lessons.forget("acme", layout=known.layout) == 1
    office.confirmed(1)
    assert office.lessons.forget("acme", supplier=known.key) == 1


def test_an_extraction_made_with_memory_does_not_stand_in_for_one_without(office):
    from cira_pipeline.pipeline.processor import _input_hash

    office.confirmed(0)
    without, taught = office.read(5, scope="off"), office.read(5)
    same_words = taught.model_copy(
        update={name: getattr(without, name) for name in ("invoice", "evidence", "findings")}
    )
    assert _input_hash("0" * 64, page(5), without) != _input_hash("0" * 64, page(5), same_words)


def test_lessons_are_found_without_reading_those_of_other_suppliers(office, database):
    office.confirmed(0)
    with database.begin() as connection:
        connection.execute(
            text("ALTER TABLE cira.supplier_lessons DROP CONSTRAINT supplier_lessons_document_sha256_fkey")
        )
        connection.execute(
            text("""INSERT INTO cira.supplier_lessons
                    (client, document_sha256, job_id, source, supplier, supplier_keys, layout, lesson, taught_at)
                    SELECT client, md5(n::text), job_id, source, supplier, ARRAY['vat:DE' || n], layout, '{}', taught_at
                    FROM cira.supplier_lessons, generate_series(1, 20000) n""")
        )
        connection.execute(text("ANALYZE cira.supplier_lessons"))
        plan = connection.scalars(
            text("""EXPLAIN SELECT lesson FROM cira.supplier_lessons
                    WHERE supplier_keys && ARRAY['vat:DE136695976', 'name:nordlicht']
                    ORDER BY taught_at DESC LIMIT 9""")
        ).all()
    assert "supplier_lessons_supplier_keys_idx" in "\n".join(plan)


def test_a_run_reads_a_suppliers_third_invoice_with_what_two_taught(house):
    """PDFs, all four stages and the tables, as in operation."""
    made = series(1, SHARES.index(1.0), invoices=3)
    processor = house.processor(policy="offline_only")
    memory = processor.memory
    assert memory is not None
    numbers = []
    for index, each in enumerate(made.pages):
        path = house.folder / f"{index}.pdf"
        path.write_bytes(each.document.content)
        [submitted] = house.jobs.submit([Submission(path.as_uri())])
        job_id = submitted.job.job_id
        house.process(processor, job_id)
        stored = processor.records.get(job_id)
        assert stored is not None
        numbers.append(stored.record.invoice.invoice_number)
        memory.confirmed("default", job_id, stored.document_sha256, each.truth)
    assert numbers[0] is None, "then there would be nothing to teach"
    assert numbers[2] == made.pages[2].truth.invoice_number
    remembered = {each.field: each.remembered for each in stored.record.evidence}
    assert remembered["invoice_number"] == 2, "a person sees why"
    outcome = processor.extractions.outcome(job_id)
    assert outcome is not None
    assert len(outcome.extractions[0].memory) == 64
