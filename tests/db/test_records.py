from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pytest

from cira_pipeline.db.records.repository import RecordRepository
from cira_pipeline.errors import DocumentDamaged, ValueNotStorable
from cira_pipeline.invoice import Invoice, LineItem
from cira_pipeline.jobs import Stage
from cira_pipeline.models import EngineName, Evidence, Finding, Severity, Verdict
from tests.db.invoices import invoice, record


def test_a_record_comes_back_as_it_was_to_the_last_digit(records, running_job):
    job_id, sha256 = running_job()
    assert records.get(job_id) is None
    records.put(job_id, sha256, record())
    kept = records.get(job_id)
    assert (kept.record, kept.document_sha256, kept.duplicate_of) == (record(), sha256, ())
    assert str(kept.record.invoice.gross_total) == "119.00"
    assert str(kept.record.invoice.line_items[0].unit_price) == "0.0750"


def test_a_record_of_an_empty_invoice_is_kept_for_review(records, running_job):
    job_id, sha256 = running_job()
    empty = record(Invoice(), Verdict.NEEDS_REVIEW, findings=(), evidence=())
    records.put(job_id, sha256, empty)
    assert records.get(job_id).record == empty


def test_a_second_record_leaves_nothing_of_the_first(records, running_job):
    job_id, sha256 = running_job()
    records.put(job_id, sha256, record())
    second = record(
        invoice(line_items=(), tax_breakdown=(), supplier_vat_id=None), Verdict.NEEDS_REVIEW, findings=(), evidence=()
    )
    records.put(job_id, sha256, second)
    assert records.get(job_id).record == second


def test_a_record_that_cannot_be_kept_whole_leaves_the_old_one(records, running_job):
    job_id, sha256 = running_job()
    records.put(job_id, sha256, record())
    too_much = invoice(line_items=(LineItem(quantity=Decimal("1e30")),))
    with pytest.raises(ValueNotStorable, match=r"line_items\[0\]\.quantity"):
        records.put(job_id, sha256, record(too_much, Verdict.NEEDS_REVIEW))
    assert records.get(job_id).record == record()


@pytest.mark.parametrize("value", ["1e26", "-1e26", "9e999999"])
def test_an_amount_beyond_all_reason_is_named(records, running_job, value):
    job_id, sha256 = running_job()
    with pytest.raises(ValueNotStorable, match="gross_total"):
        records.put(job_id, sha256, record(invoice(gross_total=Decimal(value)), Verdict.NEEDS_REVIEW))


@pytest.mark.parametrize(
    ("printed", "kept"),
    [
        ("19.990000000000002", "19.990000000000"),
        ("99999999999999999999999999.0000000000005", "99999999999999999999999999.000000000000"),
        ("-0.10", "-0.10"),
        ("0.123456789012", "0.123456789012"),
        ("1E+3", "1000"),
    ],
)
def test_odd_amounts_keep_their_value(records, running_job, printed, kept):
    job_id, sha256 = running_job()
    records.put(job_id, sha256, record(invoice(net_total=Decimal(printed)), Verdict.NEEDS_REVIEW))
    assert str(records.get(job_id).record.invoice.net_total) == kept


def test_hostile_text_is_kept_as_text(records, running_job):
    job_id, sha256 = running_job()
    name = "A\x00'); DROP TABLE cira.jobs; --"
    hostile = record(
        invoice(supplier_name=name, invoice_number="9" * 20_000),
        evidence=(Evidence(field="supplier_name", engine=EngineName.OFFLINE, text=name, confidence=0),),
        findings=(Finding(rule="x", severity=Severity.INFO, message=name, fields=("a\x00",)),),
    )
    records.put(job_id, sha256, hostile)
    kept = records.get(job_id).record
    shown = name.replace("\x00", "\ufffd")
    assert (kept.invoice.supplier_name, kept.evidence[0].text, kept.findings[0].message) == (shown, shown, shown)
    assert kept.findings[0].fields == ("a\ufffd",)


def test_a_currency_that_is_none_is_left_out_of_a_record_under_review(records, running_job):
    job_id, sha256 = running_job()
    records.put(job_id, sha256, record(invoice(currency="€"), Verdict.NEEDS_REVIEW))
    assert records.get(job_id).record.invoice.currency is None
    with pytest.raises(ValueNotStorable, match="currency"):
        records.put(job_id, sha256, record(invoice(currency="€")))


def _accepted(records: RecordRepository, running_job, content: bytes, **fields):
    job_id, sha256 = running_job(content)
    records.put(job_id, sha256, record(invoice(**fields)))
    return job_id


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"invoice_number": "re 2024-001"},
        {"invoice_number": "ＲＥ２０２４００１"},
        {"supplier_vat_id": None, "supplier_name": "MÜLLER & SÖHNE  GMBH"},
        {"supplier_vat_id": "DE 136 695 976", "supplier_name": "Mueller"},
    ],
)
def test_an_invoice_that_came_before_is_recognised_however_it_is_printed(records, running_job, fields):
    first = _accepted(records, running_job, b"one")
    job_id, sha256 = running_job(b"two")
    assert records.duplicates_of(job_id, invoice(**fields), sha256) == (first,)


@pytest.mark.parametrize(
    "fields",
    [
        {"invoice_number": "RE-2024/002"},
        {"invoice_number": None},
        {"invoice_number": "-"},
        {"supplier_vat_id": "FR40303265045", "supplier_name": "Another"},
        {"supplier_vat_id": None, "supplier_name": None},
    ],
)
def test_another_invoice_is_no_duplicate(records, running_job, fields):
    _accepted(records, running_job, b"one")
    job_id, sha256 = running_job(b"two")
    assert records.duplicates_of(job_id, invoice(**fields), sha256) == ()


def test_the_same_document_is_a_duplicate_even_when_no_number_was_found(records, running_job):
    first = _accepted(records, running_job, b"one")
    job_id, sha256 = running_job(b"one")
    assert records.duplicates_of(job_id, Invoice(), sha256) == (first,)


def test_an_earlier_job_on_the_same_document_comes_first_although_it_is_slower(records, running_job, jobs):
    first, sha256 = running_job(b"one")
    second, _ = running_job(b"one")
    assert records.duplicates_of(second, invoice(), sha256) == (first,)
    records.put(second, sha256, record(verdict=Verdict.NEEDS_REVIEW))
    assert records.duplicates_of(first, invoice(), sha256) == ()
    records.put(first, sha256, record())
    assert records.get(second).duplicate_of == (first,)
    assert records.get(first).duplicate_of == ()


def test_a_job_that_failed_comes_second_when_it_is_retried_after_another_was_accepted(records, running_job, jobs):
    first, sha256 = running_job(b"one")
    jobs.fail(first, Stage.OCR_TEXT, DocumentDamaged("cut off"))
    second, _ = running_job(b"one")
    assert records.duplicates_of(second, invoice(), sha256) == ()
    records.put(second, sha256, record())
    jobs.retry(first)
    assert records.duplicates_of(first, invoice(), sha256) == (second,)


def test_running_a_job_again_does_not_make_it_a_duplicate_of_its_duplicate(records, running_job):
    first = _accepted(records, running_job, b"one")
    second, sha256 = running_job(b"two")
    records.put(second, sha256, record(verdict=Verdict.NEEDS_REVIEW))
    assert records.duplicates_of(first, invoice(), records.get(first).document_sha256) == ()
    assert records.duplicates_of(second, invoice(), sha256) == (first,)


def test_a_rejected_invoice_does_not_stand_in_the_way_of_its_correction(records, running_job):
    first, sha256 = running_job(b"one")
    records.put(first, sha256, record(verdict=Verdict.REJECTED))
    second, other = running_job(b"two")
    assert records.duplicates_of(second, invoice(), other) == ()
    records.put(second, other, record())
    # Should the first be let through later after all, it comes second.
    assert records.duplicates_of(first, invoice(), sha256) == (second,)
    records.put(first, sha256, record(verdict=Verdict.NEEDS_REVIEW))
    assert records.duplicates_of(second, invoice(), other) == ()


def test_of_equal_invoices_validated_at_the_same_moment_one_is_paid(records, running_job):
    made = [running_job(f"copy {number}".encode()) for number in range(6)]

    def validate(job: tuple) -> Verdict:
        job_id, sha256 = job
        with records.one_at_a_time(invoice()):
            found = records.duplicates_of(job_id, invoice(), sha256)
            verdict = Verdict.NEEDS_REVIEW if found else Verdict.ACCEPTED
            records.put(job_id, sha256, record(verdict=verdict))
        return verdict

    with ThreadPoolExecutor(6) as pool:
        verdicts = list(pool.map(validate, made))
    assert verdicts.count(Verdict.ACCEPTED) == 1


def test_a_validation_that_breaks_off_keeps_nothing_and_blocks_nobody(records, running_job):
    job_id, sha256 = running_job()

    def break_off() -> None:
        with records.one_at_a_time(invoice()):
            records.put(job_id, sha256, record())
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        break_off()
    assert records.get(job_id) is None
    with records.one_at_a_time(invoice()):
        records.put(job_id, sha256, record())
    assert records.get(job_id) is not None


def test_a_suppliers_known_bank_accounts_come_from_accepted_records_only(records, running_job):
    _accepted(records, running_job, b"one")
    _accepted(records, running_job, b"two", invoice_number="2", payment_iban="DE02120300000000202051")
    _accepted(records, running_job, b"other", supplier_vat_id="FR40303265045", supplier_name="X", payment_iban="FR1")
    doubtful, sha256 = running_job(b"three")
    records.put(doubtful, sha256, record(invoice(invoice_number="3", payment_iban="DE66"), Verdict.NEEDS_REVIEW))
    asking, _ = running_job(b"four")
    known = frozenset({"DE89370400440532013000", "DE02120300000000202051"})
    assert records.ibans_of(asking, invoice()) == known
    assert records.ibans_of(asking, invoice(supplier_vat_id=None)) == known
    assert records.ibans_of(asking, Invoice()) == frozenset()


def test_a_job_is_no_witness_for_its_own_bank_account(records, running_job):
    job_id = _accepted(records, running_job, b"one")
    assert records.ibans_of(job_id, invoice()) == frozenset()
