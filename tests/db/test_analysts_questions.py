"""The questions of docs/questions.md, each asked as an analyst over invoices whose answers are known."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.rows import namedtuple_row
from sqlalchemy import text

from benchmarks.analyst_views import questions
from cira_pipeline.db.documents.repository import DocumentRepository
from cira_pipeline.db.jobs.repository import JobRepository, Submission
from cira_pipeline.db.records.labels import LabelRepository
from cira_pipeline.db.records.repository import RecordRepository
from cira_pipeline.errors import SourceNotFound
from cira_pipeline.invoice import AllowanceCharge, LineItem, PaymentAccount, PaymentDiscount, TaxId, TaxLine
from cira_pipeline.jobs import JobId, Stage
from cira_pipeline.models import EngineName, Finding, Severity, Verdict
from tests.db.invoices import document, invoice, record

PAGE = Path(__file__).parents[2] / "docs" / "tables.md"
OLD_IBAN, NEW_IBAN = "DE89370400440532013000", "DE02120300000000202051"

_TIMES = text("""
    UPDATE cira.jobs SET queued_at = at - interval '3 s', started_at = at,
                         finished_at = at + make_interval(secs => :seconds)
    FROM (SELECT now() AS at) n
    WHERE job_id = :job
""")
_COST = text("""
    INSERT INTO cira.cost_entries
        (job_id, stage, provider, model, unit, quantity, unit_price, amount_usd, price_list, dedupe_key)
    VALUES (:job, 'extracted_fields', 'azure', 'gpt-4.1-mini', 'input_token', 1000, 0.000002, :cost, 'test', :job)
""")


class Ledger:
    """Invoices as the pipeline would have kept them."""

    def __init__(self, database: Any, jobs: JobRepository, documents: DocumentRepository) -> None:
        self.database, self.jobs, self.documents = database, jobs, documents
        self.records = RecordRepository(database)

    def job(self, name: str) -> JobId:
        [submitted] = self.jobs.submit([Submission(f"https://supplier.example/{name}.pdf")])
        self.jobs.start(submitted.job.job_id, Stage.RAW_DOCUMENT, "run-1")
        return submitted.job.job_id

    def invoice(
        self,
        name: str,
        net: str,
        *,
        verdict: Verdict = Verdict.ACCEPTED,
        engine: EngineName = EngineName.OFFLINE,
        findings: tuple[Finding, ...] = (),
        cost: str = "0",
        seconds: int = 1,
        **fields: Any,
    ) -> JobId:
        job_id, amount = self.job(name), Decimal(net)
        tax = (amount * Decimal("0.19")).quantize(Decimal("0.01"))
        kept = invoice(
            **{
                "invoice_number": name,
                "issue_date": date(2026, 1, 10),
                "net_total": amount,
                "tax_total": tax,
                "gross_total": amount + tax,
                "amount_due": amount + tax,
                "tax_breakdown": (TaxLine(rate=Decimal(19), net=amount, tax=tax),),
                "line_items": (
                    LineItem(description="Paper A4", quantity=Decimal(10), unit_price=amount / 10, net_amount=amount),
                ),
                "due_date": today() + timedelta(days=7),
                **fields,
            }
        )
        found = document(name.encode())
        self.documents.put(found)
        self.jobs.document_found(job_id, found.sha256)
        self.records.put(
            job_id, found.sha256, record(kept, verdict, engine=engine, engines=(engine,), findings=findings)
        )
        self.jobs.succeed(job_id, verdict)
        with self.database.begin() as connection:
            connection.execute(_TIMES, {"job": job_id, "seconds": seconds})
            if Decimal(cost):
                connection.execute(_COST, {"job": job_id, "cost": Decimal(cost)})
        return job_id


def today() -> date:
    """Asked anew by each test: a session of tests may begin before midnight and end after it."""
    return datetime.now(UTC).date()


@pytest.fixture
def ledger(database, jobs, documents) -> Ledger:
    ledger = Ledger(database, jobs, documents)
    ledger.invoice("A-1", "100.00", payment_iban=OLD_IBAN)
    ledger.invoice("A-2", "50.00", payment_iban=NEW_IBAN, issue_date=date(2026, 2, 3), cost="0.0020", seconds=30,
                   engine=EngineName.AZURE_OPENAI, due_date=today() - timedelta(days=40))  # fmt: skip
    ledger.invoice("A-3", "20.00", invoice_type="381", payment_iban=NEW_IBAN, issue_date=date(2026, 2, 20))
    other: dict[str, Any] = {"supplier_name": "Papier Kontor", "supplier_vat_id": None, "payment_iban": None}
    ledger.invoice("B-1", "200.00", **other, due_date=today() - timedelta(days=5))
    doubt = Finding(rule="duplicate", severity=Severity.ERROR, message="B-1 came before", fields=("invoice_number",))
    again = {**other, "invoice_number": "B 1"}
    ledger.invoice("B-1-again", "200.00", verdict=Verdict.NEEDS_REVIEW, findings=(doubt,), **again)
    ledger.jobs.fail(ledger.job("lost"), Stage.RAW_DOCUMENT, SourceNotFound("supplier.example answers 404"))
    labels = LabelRepository(database)
    truth = {"invoice_number": "A-1", "gross_total": "119.0", "purchase_order": None, "customer_name": "Example SARL"}
    labels.put(document(b"A-1").sha256, truth, source="test")
    labels.put(
        document(b"B-1").sha256, {"invoice_number": "B-1", "gross_total": "230.00", "supplier_vat_id": "X"}, "test"
    )
    return ledger


@pytest.fixture
def ask(ledger: Ledger, migrated_database_url: str) -> Iterator[Any]:
    """Asks a question as the role cira_analyst itself."""
    with psycopg.connect(migrated_database_url, autocommit=True, row_factory=namedtuple_row) as connection:
        connection.execute("SET timezone = 'UTC'")
        connection.execute("SET SESSION AUTHORIZATION cira_analyst")
        yield lambda question: connection.execute(questions()[question]).fetchall()


def test_spend_by_supplier_and_month_counts_credit_notes_against_it(ask) -> None:
    rows = ask("How much do we spend with each supplier, month by month")
    assert [(row.month, row.name, row.invoices, row.net) for row in rows] == [
        (date(2026, 2, 1), "Müller & Söhne GmbH", 2, Decimal("30.00")),
        (date(2026, 1, 1), "Papier Kontor", 1, Decimal("200.00")),
        (date(2026, 1, 1), "Müller & Söhne GmbH", 1, Decimal("100.00")),
    ]


def test_what_waits_for_review_says_why(ask) -> None:
    rows = ask("Which records need a person, longest waiting first, and why")
    assert {(row.reason, row.why) for row in rows} == {
        ("needs_review", "error duplicate: B-1 came before"),
        ("failed", "supplier.example answers 404"),
    }
    assert all(row.waiting_since for row in rows)


def test_payments_of_the_next_two_weeks(ask) -> None:
    [row] = ask("What is to be paid within two weeks, and how much is it in each currency")
    assert (row.currency, row.due_date, row.invoices) == ("EUR", today() + timedelta(days=7), 2)
    assert row.to_pay == Decimal("119.00") - Decimal("23.80")


def test_ageing_of_what_fell_due(ask) -> None:
    rows = ask("How much is due, by days overdue")
    assert [(row.age, row.invoices, row.amount) for row in rows] == [
        ("not due", 1, Decimal("119.00")),
        ("1 to 30 days", 1, Decimal("238.00")),
        ("31 to 60 days", 1, Decimal("59.50")),
    ]


def test_tax_by_rate_and_month(ask) -> None:
    rows = ask("How much input VAT was invoiced at each rate, month by month")
    assert [(row.month, row.rate, row.net, row.tax) for row in rows] == [
        (date(2026, 1, 1), 19, Decimal("300.00"), Decimal("57.00")),
        (date(2026, 2, 1), 19, Decimal("30.00"), Decimal("5.70")),
    ]


@pytest.fixture
def whole_invoices(ledger: Ledger) -> None:
    """An invoice with charges, several taxes and cash discounts, and one that is paid to an account without IBAN."""
    ledger.invoice(
        "C-1",
        "1000.00",
        supplier_name="Trinidad Traders",
        supplier_vat_id=None,
        supplier_tax_id="27AAPFU0939F1ZV",
        issue_date=today(),
        payment_iban=OLD_IBAN,
        payment_bic="COBADEFFXXX",
        payment_reference="RF18539007547034",
        payee_name="Factoring House",
        tax_breakdown=(
            TaxLine(name="CGST", category="S", rate=Decimal(9), net=Decimal(1000), tax=Decimal(90)),
            TaxLine(name="SGST", category="S", rate=Decimal(9), net=Decimal(1000), tax=Decimal(90)),
            TaxLine(category="AE", rate=Decimal(0), net=Decimal(50), tax=Decimal(0), exemption_reason="Reverse charge"),
        ),
        payment_discounts=(
            PaymentDiscount(percent=Decimal(2), days=Decimal(10)),
            PaymentDiscount(percent=Decimal(3), until=today() - timedelta(days=1)),
            PaymentDiscount(amount=Decimal("5.00"), until=today() + timedelta(days=3)),
        ),
        allowances_charges=(
            AllowanceCharge(kind="charge", amount=Decimal("8.00"), reason="Freight"),
            AllowanceCharge(kind="charge", amount=Decimal("2.00"), reason="FREIGHT"),
            AllowanceCharge(kind="allowance", amount=Decimal("5.00"), reason="Loyalty"),
        ),
    )
    ledger.invoice(
        "C-2",
        "10.00",
        supplier_name="Acme Inc",
        supplier_vat_id=None,
        payment_iban=None,
        payment_account="123456789",
        payment_routing="021000021",
        payment_account_scheme="ABA",
        payment_accounts=(
            PaymentAccount(account="123456789", routing="021000021", scheme="ABA", name="Acme Operating"),
        ),
        supplier_tax_ids=(TaxId(scheme="EIN", value="12-3456789"),),
        customer_tax_ids=(TaxId(scheme="VAT", value="FR23334175221"),),
    )


@pytest.mark.usefixtures("whole_invoices")
def test_tax_by_name_category_and_rate_with_the_reason_of_an_exemption(ask) -> None:
    rows = ask("How much input tax was invoiced by tax, category and rate, and what is exempt for which reason")
    found = {(row.tax_name, row.category, row.rate): (row.net, row.tax, row.exempt_because) for row in rows}
    assert found["CGST", "S", 9] == found["SGST", "S", 9] == (1000, 90, None)
    assert found["VAT", "AE", 0] == (50, 0, "Reverse charge")


@pytest.mark.usefixtures("whole_invoices")
def test_cash_discounts_that_can_still_be_taken(ask) -> None:
    rows = ask("Which cash discounts can we still take, and what are they worth")
    assert [(row.invoice_number, row.percent, row.days_left, row.discount) for row in rows] == [
        ("C-1", None, 3, Decimal("5.00")),
        ("C-1", 2, 10, Decimal("23.80")),
    ]


@pytest.mark.usefixtures("whole_invoices")
def test_payments_by_account_of_any_form(ask) -> None:
    rows = {(row.account): row for row in ask("How much goes to which account within two weeks")}
    assert rows["ABA 021000021 123456789"].to_pay == Decimal("11.90")
    to_iban = rows[OLD_IBAN]
    assert (to_iban.payee, to_iban.bic, to_iban.reference) == (
        "Müller & Söhne GmbH",
        "COBADEFFXXX",
        "A-1, RF18539007547034",
    )


@pytest.mark.usefixtures("whole_invoices")
def test_freight_and_other_charges_by_supplier(ask) -> None:
    [row] = ask("What do we pay for freight and other charges, by supplier")
    assert (row.supplier, row.charge, row.invoices, row.amount) == ("27AAPFU0939F1ZV", "freight", 1, Decimal("10.00"))


@pytest.mark.usefixtures("whole_invoices")
def test_discounts_by_supplier_and_reason(ask) -> None:
    [row] = ask("Which discounts did suppliers grant, and for which reason")
    assert (row.supplier, row.reason, row.invoices, row.amount) == ("Trinidad Traders", "loyalty", 1, Decimal("5.00"))


@pytest.mark.usefixtures("whole_invoices")
def test_accounts_that_a_supplier_offers(ask) -> None:
    rows = ask("Which accounts does a supplier offer for payment, and in how many invoices")
    assert [(row.supplier, row.scheme, row.account, row.account_name, row.invoices) for row in rows] == [
        ("Acme Inc", "ABA", "021000021 123456789", "Acme Operating", 1)
    ]


@pytest.mark.usefixtures("whole_invoices")
def test_tax_ids_of_both_parties(ask) -> None:
    rows = ask("Under which tax ids do our suppliers invoice, and to which of ours")
    assert [(row.party, row.scheme, row.value, row.invoices, row.suppliers) for row in rows] == [
        ("supplier", "EIN", "12-3456789", 1, "Acme Inc"),
        ("customer", "VAT", "FR23334175221", 1, "Acme Inc"),
    ]


def test_lines_by_description_with_the_prices_paid(ask) -> None:
    rows = ask("What do we buy, and between which prices")
    assert [(row.article, row.supplier, row.lines, row.lowest_price, row.highest_price) for row in rows] == [
        ("paper a4", "Papier Kontor", 1, 20, 20),
        ("paper a4", "DE136695976", 3, 2, 10),
    ]


def test_duplicates_with_both_places(ask) -> None:
    [row] = ask("Which invoices arrived twice, and what would paying them twice have cost")
    assert (row.invoice_number, row.gross_total) == ("B 1", Decimal("238.00"))
    assert (row.first_url, row.second_url) == (
        "https://supplier.example/B-1.pdf",
        "https://supplier.example/B-1-again.pdf",
    )


def test_changed_bank_accounts(ask) -> None:
    [row] = ask("Which suppliers changed their bank account, when, and from which to which")
    assert (row.supplier, row.invoice_number, row.iban_before, row.payment_iban) == (
        "DE136695976",
        "A-2",
        OLD_IBAN,
        NEW_IBAN,
    )


def test_rules_that_keep_invoices_from_being_accepted(ask) -> None:
    [row] = ask("Why are invoices not accepted")
    assert (row.rule, row.severity, row.invoices, row.for_example) == ("duplicate", "error", 1, "B-1 came before")


def test_accuracy_by_supplier_where_the_truth_is_known(ask) -> None:
    rows = ask("How accurate are the records of each supplier, where labels exist")
    assert [(row.supplier, row.invoices, row.fields, row.accuracy, row.not_found) for row in rows] == [
        ("Papier Kontor", 1, 3, Decimal("0.333"), "supplier_vat_id"),
        ("DE136695976", 1, 4, Decimal("1.000"), None),
    ]


def test_cost_of_an_invoice_by_engine(ask) -> None:
    rows = ask("What does an invoice cost, by engine")
    assert [(row.engine, row.invoices, row.usd_each, row.accepted_percent, row.seconds_p95) for row in rows] == [
        ("azure_openai", 1, Decimal("0.00200"), 100, 30),
        ("offline", 4, Decimal(0), 75, 1),
    ]


def test_cost_of_each_model_by_day(ask) -> None:
    [row] = ask("What did each model cost, day by day")
    assert (row.model, row.invoices, row.tokens, row.usd) == ("gpt-4.1-mini", 1, 1000, Decimal("0.0020"))


def test_slowest_jobs_first(ask) -> None:
    rows = ask("Which jobs took longest, and how long did they wait before that")
    assert (rows[0].url, rows[0].seconds, rows[0].waited) == ("https://supplier.example/A-2.pdf", 30, 3)
    assert len(rows) == 6


def test_where_an_amount_stands(ask) -> None:
    rows = ask("Where in its document is an amount printed")
    assert len(rows) == 5
    assert (rows[0].text, rows[0].page, rows[0].box_left) == ("119,00 €", 1, 10.5)


def test_every_question_of_the_page_is_asked_here() -> None:
    asked = set(re.findall(r'ask\("(.+?)"\)', Path(__file__).read_text("utf-8")))
    assert set(questions()) == asked
    assert len(asked) >= 10


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE cira.records SET verdict = 'accepted', payment_iban = 'DE00'",
        "INSERT INTO cira.labels (document_sha256, fields, source) VALUES (repeat('a', 64), '{}', 'me')",
        "DELETE FROM cira.record_findings",
        "TRUNCATE cira.cost_entries",
        "CREATE VIEW cira.mine AS SELECT 1",
        "ALTER VIEW cira.invoices RENAME TO bills",
    ],
)
def test_who_asks_cannot_change_what_others_pay_from(ask, migrated_database_url: str, statement: str) -> None:
    with psycopg.connect(migrated_database_url, autocommit=True) as connection:
        connection.execute("SET SESSION AUTHORIZATION cira_analyst")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(statement)


def test_the_reference_below_the_questions_is_the_databases_own(database) -> None:
    from cira_pipeline.db.describe import describe, replace_reference

    page = PAGE.read_text("utf-8")
    assert page == replace_reference(page, describe(database)), (
        "run `python -m cira_pipeline.db.describe docs/tables.md` with CIRA_POSTGRES_URL set"
    )
