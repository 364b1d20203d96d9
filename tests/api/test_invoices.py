"""Records, documents, pages and files over HTTP."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pyarrow.parquet as pq
import pytest
from PIL import Image
from sqlalchemy import text

from cira_pipeline.invoice import (
    AllowanceCharge,
    Attachment,
    LineItem,
    PaymentAccount,
    PaymentDiscount,
    TaxId,
    TaxLine,
    Withholding,
)
from cira_pipeline.models import EngineName, Evidence, Finding, MediaType, Severity, Verdict
from tests.api.stored import ended_job, kept_document
from tests.orchestration.invoice_pdf import invoice_pdf


def test_a_record_comes_with_evidence_findings_and_its_pages(api):
    job_id = ended_job(api.services)
    answer = api.client().get(f"/v1/invoices/{job_id}").json()
    assert answer["invoice"]["gross_total"] == "119.00", "amounts are strings: floats lose cents"
    assert answer["invoice"]["line_items"][0]["unit_price"] == "0.0750"
    assert {each["field"] for each in answer["evidence"]} > {"gross_total", "invoice_number"}
    assert answer["findings"][0]["rule"] == "CIRA-GROUND-02"
    [page] = answer["pages"]
    assert (page["width"], page["height"]) == (595, 842)
    assert api.client().get(page["picture"]).status_code == 200


def test_a_document_comes_back_byte_for_byte_and_no_browser_runs_it(api):
    content = invoice_pdf("DOC-1")
    job_id = ended_job(api.services, content=content)
    answer = api.client().get(f"/v1/invoices/{job_id}/document")
    assert answer.content == content
    assert answer.headers["Content-Type"] == "application/pdf"
    assert answer.headers["Content-Disposition"] == f'attachment; filename="{job_id}.pdf"'
    assert "sandbox" in answer.headers["Content-Security-Policy"]


def _picture(api, job_id: str, query: str = "") -> Image.Image:
    answer = api.client().get(f"/v1/invoices/{job_id}/pages/1.png{query}")
    assert answer.headers["Content-Type"] == "image/png"
    return Image.open(io.BytesIO(answer.content)).convert("RGB")


def _marked(picture: Image.Image, x_pt: float, y_pt: float) -> bool:
    """Whether the point, in points of the page, is in the colour of a box."""
    point: Any = picture.getpixel((int(x_pt * picture.width / 595), int(y_pt * picture.height / 842)))
    red, green, blue = point
    return red > blue + 30 and red >= green


def test_a_page_shows_boxes_where_values_stand_and_nowhere_else(api):
    job_id = ended_job(api.services)
    picture = _picture(api, job_id)
    assert abs(picture.width / picture.height - 595 / 842) < 0.01
    assert _marked(picture, 475, 354)
    assert not _marked(picture, 100, 700)
    assert not _marked(_picture(api, job_id, "?boxes=false"), 475, 354)
    assert _marked(_picture(api, job_id, "?field=gross_total"), 475, 354)
    assert not _marked(_picture(api, job_id, "?field=customer_address"), 475, 354)


@pytest.mark.parametrize("number", [0, 2, 10_000, 10_001])
def test_a_page_that_is_not_there_is_said_to_be_missing(api, number):
    job_id = ended_job(api.services)
    assert api.client().get(f"/v1/invoices/{job_id}/pages/{number}.png").status_code in (404, 422)


def test_a_scan_is_shown_upright_and_level_as_it_was_read(api):
    from cira_pipeline.api.page_picture import page_png
    from cira_pipeline.intake.isolated import view_page
    from cira_pipeline.models import Box, EngineName, Evidence, Page

    # Lies on its side: what was at its top left stands at the top right once it is turned by a quarter.
    scan = Image.new("RGB", (800, 600), "white")
    scan.paste((0, 0, 0), (0, 0, 40, 40))
    buffer = io.BytesIO()
    scan.save(buffer, "PNG")
    sha256 = kept_document(api.services, buffer.getvalue(), MediaType.PNG)
    shown = view_page(api.services.documents.load(sha256), 1, api.services.settings)
    evidence = [
        Evidence(
            field="gross_total",
            engine=EngineName.OFFLINE,
            text="x",
            page=1,
            box=Box(left=300, top=400, right=400, bottom=440),
            confidence=1,
        )
    ]
    page = Page(number=1, width=600, height=800, source="ocr", rotation=90)
    picture = Image.open(io.BytesIO(page_png(shown, page, evidence))).convert("RGB")
    assert picture.size == (600, 800)
    assert picture.getpixel((590, 10)) == (0, 0, 0)
    assert picture.getpixel((350, 420))[2] < 220
    level = page.model_copy(update={"rotation": 0, "width": 800, "height": 600, "skew_deg": 5.0})
    levelled = Image.open(io.BytesIO(page_png(shown, level, []))).convert("RGB")
    # Turned back counter-clockwise about the middle, the corner sinks.
    assert levelled.getpixel((8, 50)) == (0, 0, 0)
    assert levelled.getpixel((35, 10)) == (255, 255, 255)


def test_invoices_are_found_by_what_stands_in_them(api):
    first = ended_job(api.services, number="A-1", supplier_name="Müller GmbH", verdict=Verdict.ACCEPTED, findings=())
    second = ended_job(api.services, number="B-1", supplier_name="Bellweather Tools", currency="GBP")
    client = api.client()

    def found(**query: Any) -> list[str]:
        answer = client.get("/v1/invoices", params=query)
        assert answer.status_code == 200, answer.text
        return [each["job_id"] for each in answer.json()["invoices"]]

    assert found() == [second, first]
    assert found(verdict="accepted") == [first]
    assert found(supplier="bellW") == [second]
    assert found(supplier="%") == []
    assert found(invoice_number="A-1") == [first]
    assert found(currency="GBP") == [second]
    assert found(issued_from="2024-05-02", issued_until="2024-05-02") == [second, first]
    assert found(issued_from="2024-05-03") == []
    assert found(recorded_since=(datetime.now(UTC) + timedelta(hours=1)).isoformat()) == []
    page = client.get("/v1/invoices", params={"limit": 1}).json()
    assert found(cursor=page["next_cursor"]) == [first]


def test_csv_and_parquet_hold_what_the_list_holds(api):
    terms = {"BT-33": ["Geschäftsführerin: A. Berg"], "=1+1": ["x"]}
    job_id = ended_job(api.services, number="A-1", other_terms=terms, payment_account="=1+1")
    ended_job(api.services, number="B-1", currency="GBP")
    client = api.client()
    answer = client.get("/v1/invoices", params={"format": "csv", "currency": "EUR"})
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    [row] = csv.DictReader(io.StringIO(answer.text))
    assert (row["job_id"], row["gross_total"], row["custom"]) == (job_id, "119.00", "")
    assert (json.loads(row["other_terms"]), row["payment_account"]) == (terms, "'=1+1")
    answer = client.get("/v1/invoices", params={"format": "parquet", "currency": "EUR"})
    table = pq.read_table(io.BytesIO(answer.content))
    assert table.column("job_id").to_pylist() == [job_id]
    assert [json.loads(text) for text in table.column("other_terms").to_pylist()] == [terms]
    assert answer.headers["Content-Length"] == str(len(answer.content))


OWN_FIELDS = """
[[field]]
name = "cost_centre"
type = "code"
pattern = "[0-9]{4}"
labels = { all = ["Cost centre"] }

[[field]]
name = "retention"
type = "amount"

[[field]]
name = "accepted_on"
type = "date"

[[field]]
name = "batch"
type = "identifier"
place = "line"

[[field]]
name = "weight"
type = "number"
place = "line"
"""


@pytest.fixture
def own_api(start_api, api_settings, database, tmp_path):
    """A service with declared fields."""
    path = tmp_path / "fields.toml"
    path.write_text(OWN_FIELDS, "utf-8")
    return start_api(api_settings.model_copy(update={"custom_fields": path}))


def test_declared_fields_are_typed_columns_of_csv_and_parquet(own_api):
    lines = (LineItem(description="Paper", custom={"batch": "=B-7", "weight": "2.50"}), LineItem(description="Ink"))
    own = {"cost_centre": "0711", "retention": "12.50", "accepted_on": "2026-01-31", "site": "Kiel"}
    job_id = ended_job(own_api.services, number="A-1", custom=own, line_items=lines)
    # Kept when the field had another type.
    ended_job(own_api.services, number="A-2", custom={"retention": "none", "accepted_on": "soon"})
    client = own_api.client()
    first, second = csv.DictReader(io.StringIO(client.get("/v1/invoices?format=csv").text))
    typed = ("custom_cost_centre", "custom_retention", "custom_accepted_on")
    assert [first[name] for name in typed] == ["0711", "12.50", "2026-01-31"]
    assert [second[name] for name in typed] == ["", "", ""]
    assert json.loads(first["custom"]) == own
    table = pq.read_table(io.BytesIO(client.get("/v1/invoices?format=parquet").content))
    assert [str(table.schema.field(name).type) for name in typed] == ["string", "decimal128(38, 12)", "date32[day]"]
    assert table["custom_retention"].to_pylist() == [Decimal("12.50"), None]
    assert table["custom_accepted_on"].to_pylist() == [date(2026, 1, 31), None]
    answer = client.get("/v1/invoices?format=csv&view=invoice_lines&custom.cost_centre=0711")
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert {row["job_id"] for row in rows} == {job_id}
    assert [(row["custom_batch"], row["custom_weight"]) for row in rows] == [("'=B-7", "2.50"), ("", "")]


def test_taxes_and_the_other_tables_of_the_invoices_asked_for_are_exported(api):
    taxes = (
        TaxLine(name="CGST", rate=Decimal(9), net=Decimal("100.00"), tax=Decimal("9.00")),
        TaxLine(name="SGST", rate=Decimal(9), net=Decimal("100.00"), tax=Decimal("9.00")),
    )
    parts: dict[str, Any] = {
        "tax_breakdown": taxes,
        "allowances_charges": (AllowanceCharge(kind="charge", amount=Decimal("8.00"), reason="Freight"),),
        "supplier_tax_ids": (TaxId(scheme="GSTIN", value="27AAPFU0939F1ZV"),),
        "customer_tax_ids": (TaxId(scheme="VAT", value="FR23334175221"),),
        "payment_accounts": (PaymentAccount(account="123456789", routing="021000021", scheme="ABA"),),
        "payment_discounts": (PaymentDiscount(percent=Decimal(2), days=Decimal(10)),),
        "withholdings": (Withholding(name="TDS", amount=Decimal("1.00")),),
        "attachments": (Attachment(reference="T-1", filename="hours.csv", size_bytes=Decimal(10)),),
    }
    job_id = ended_job(api.services, number="A-1", currency="INR", **parts)
    ended_job(api.services, number="B-1", currency="EUR", **parts)
    ended_job(api.services, "globex", number="C-1", currency="INR", **parts)
    client = api.client()
    expected = {
        "invoice_taxes": [{"name": "CGST", "tax": "9.00"}, {"name": "SGST", "tax": "9.00"}],
        "invoice_allowances_charges": [{"kind": "charge", "amount": "8.00", "reason": "Freight"}],
        "invoice_tax_ids": [
            {"party": "supplier", "scheme": "GSTIN", "value": "27AAPFU0939F1ZV"},
            {"party": "customer", "scheme": "VAT", "value": "FR23334175221"},
        ],
        "invoice_payment_accounts": [{"account": "123456789", "routing": "021000021", "scheme": "ABA"}],
        "invoice_payment_discounts": [{"percent": "2", "days": "10"}],
        "invoice_withholdings": [{"name": "TDS", "amount": "1.00"}],
        "invoice_attachments": [{"reference": "T-1", "filename": "hours.csv", "size_bytes": "10"}],
    }
    for view, rows in expected.items():
        answer = client.get("/v1/invoices", params={"format": "csv", "view": view, "currency": "INR"})
        assert answer.headers["Content-Disposition"] == f'attachment; filename="{view}.csv"'
        found = list(csv.DictReader(io.StringIO(answer.text)))
        assert [row["job_id"] for row in found] == [job_id] * len(rows), view
        assert [{name: row[name] for name in each} for row, each in zip(found, rows, strict=True)] == rows
        parquet = client.get("/v1/invoices", params={"format": "parquet", "view": view, "currency": "INR"})
        assert pq.read_table(io.BytesIO(parquet.content)).num_rows == len(rows)
    refused = client.get("/v1/invoices?view=invoice_taxes")
    assert (refused.status_code, refused.json()["code"]) == (422, "request_invalid")
    assert client.get("/v1/invoices?format=csv&view=invoice_costs").status_code == 422


def _confirm(api, job_id: str, **body: Any):
    return api.client().put(f"/v1/invoices/{job_id}/confirmation", json=body)


def test_a_confirmed_record_is_accepted_labelled_and_signed(api):
    job_id = ended_job(api.services)
    ended = api.client().get(f"/v1/jobs/{job_id}").json()
    answer = _confirm(api, job_id, confirmed_by="Anna Berg")
    assert answer.status_code == 200, answer.text
    view = answer.json()
    assert (view["verdict"], view["status"]) == ("accepted", "succeeded")
    assert view["confirmation"]["confirmed_by"] == "Anna Berg"
    assert view["confirmation"]["changes"] == {}
    assert (view["confirmation"]["verdict_before"], view["confirmation"]["verdict_after"]) == (
        "needs_review",
        "accepted",
    )
    label = api.services.labels.get(view["document_sha256"])
    assert (label["gross_total"], label["issue_date"], label["payment_terms"]) == ("119.00", "2024-05-02", None)
    confirmed = api.client().get(f"/v1/jobs/{job_id}").json()
    assert confirmed["verdict"] == "accepted"
    # What a person takes is no processing time; it has its own place.
    assert (confirmed["finished_at"], confirmed["processing_s"]) == (ended["finished_at"], ended["processing_s"])
    with api.services.database.begin() as connection:
        row = connection.execute(text("SELECT finished_at, confirmed_at, seconds FROM cira.invoices")).one()
    assert row.finished_at < row.confirmed_at == datetime.fromisoformat(view["confirmation"]["confirmed_at"])
    assert row.seconds == pytest.approx(ended["processing_s"], abs=0.01)


def test_a_correction_replaces_the_value_and_its_evidence_and_is_remembered(api):
    job_id = ended_job(api.services)
    view = _confirm(api, job_id, fields={"invoice_number": "RE-2024/007", "purchase_order": None}).json()
    assert view["invoice"]["invoice_number"] == "RE-2024/007"
    assert view["confirmation"]["changes"] == {
        "invoice_number": {"before": "RE-2024/001", "after": "RE-2024/007"},
    }
    assert view["confirmation"]["confirmed_by"] == "acme"
    [evidence] = [each for each in view["evidence"] if each["field"] == "invoice_number"]
    assert (evidence["text"], evidence["page"]) == ("confirmed by acme", None)
    assert next(each for each in view["evidence"] if each["field"] == "gross_total")["page"] == 1
    again = _confirm(api, job_id, fields={"invoice_number": "RE-2024/007"}).json()
    assert again["confirmation"]["changes"] == {}


def test_a_confirmed_value_of_an_own_field_is_of_its_type(own_api):
    lines = (LineItem(description="Paper", net_amount=Decimal("100.00"), custom={"weight": "1"}),)
    job_id = ended_job(own_api.services, custom={"retired": "kept"}, line_items=lines)
    own = {"cost_centre": "47112", "retention": "a lot", "accepted_on": "31.1.2026", "cost_center": "4711"}
    body = {"custom": {**own, "retired": "kept"}, "line_items": [{"custom": {"weight": "heavy", "batch": "B-7"}}]}
    answer = _confirm(own_api, job_id, fields=body)
    assert (answer.status_code, answer.json()["code"]) == (422, "request_invalid")
    assert {each["pointer"]: each["detail"] for each in answer.json()["errors"]} == {
        "/fields/custom/cost_centre": "a value of the form [0-9]{4} was expected",
        "/fields/custom/retention": "a number such as 1234.50 was expected",
        "/fields/custom/accepted_on": "a date such as 2026-01-31 was expected",
        "/fields/custom/cost_center": "no such field is declared; declared are cost_centre, retention, accepted_on",
        "/fields/line_items/0/custom/weight": "a number such as 1234.50 was expected",
    }
    assert own_api.services.records.get(job_id).record.invoice.custom == {"retired": "kept"}
    right = {"cost_centre": "4711", "retention": "12.50", "accepted_on": "2026-01-31", "retired": "kept"}
    assert _confirm(own_api, job_id, fields={"custom": right}).json()["invoice"]["custom"] == right


@pytest.mark.parametrize("line", [0, -1, 3, 10**12])
def test_a_confirmed_row_has_values_that_there_are(api, line: int):
    job_id = ended_job(api.services)
    rows = [{"kind": "discount", "amount": "5.00", "line": line}]
    answer = _confirm(api, job_id, fields={"allowances_charges": rows})
    assert (answer.status_code, answer.json()["code"]) == (422, "request_invalid")
    assert {each["pointer"]: each["detail"] for each in answer.json()["errors"]} == {
        "/fields/allowances_charges/0/kind": "one of allowance, charge was expected",
        "/fields/allowances_charges/0/line": "the number of a line was expected, of which there are 2",
    }


def test_a_confirmation_does_not_make_wrong_sums_right(api):
    job_id = ended_job(api.services)
    view = _confirm(api, job_id, fields={"gross_total": "120.00", "amount_due": "120.00"}).json()
    assert view["verdict"] == "needs_review"
    assert "CIRA-ARITH-01" in {each["rule"] for each in view["findings"]}
    assert (
        _confirm(api, job_id, fields={"gross_total": "119.00", "amount_due": "119.00"}).json()["verdict"] == "accepted"
    )


def test_line_items_can_be_corrected_as_a_whole(api):
    job_id = ended_job(api.services)
    lines = [{"description": "Schrauben", "quantity": "2", "unit_price": "50.00", "net_amount": "100.00"}]
    view = _confirm(api, job_id, fields={"line_items": lines}).json()
    assert [each["net_amount"] for each in view["invoice"]["line_items"]] == ["100.00"]
    assert view["verdict"] == "accepted", view["findings"]


def test_an_invoice_that_came_before_still_needs_review_when_confirmed(api):
    ended_job(api.services, number="SAME-1", verdict=Verdict.ACCEPTED, findings=())
    second = ended_job(api.services, number="SAME-1", content=invoice_pdf("another scan of it"))
    view = _confirm(api, second).json()
    assert view["verdict"] == "needs_review"
    assert "CIRA-DUP-01" in {each["rule"] for each in view["findings"]}


def test_a_rejected_record_can_be_put_right_by_a_person(api):
    finding = Finding(rule="CIRA-DOC-01", severity=Severity.ERROR, message="no invoice")
    job_id = ended_job(api.services, verdict=Verdict.REJECTED, findings=(finding,))
    assert api.client().get(f"/v1/jobs/{job_id}").json()["error"]["code"] == "verdict_rejected"
    _confirm(api, job_id)
    job = api.client().get(f"/v1/jobs/{job_id}").json()
    assert (job["status"], job["verdict"], job["error"]) == ("succeeded", "accepted", None)


@pytest.mark.parametrize(
    "fields",
    [
        {"gross_total": "1e999999999"},
        {"gross_total": "NaN"},
        {"gross_total": "much"},
        {"issue_date": "31.12.2024"},
        {"no_such_field": "x"},
        {"supplier_name": "x" * 2_001},
        {"line_items": [{"net_amount": "1e30"}]},
        {"line_items": [{}] * 10_001},
    ],
)
def test_what_no_invoice_can_hold_is_refused_and_changes_nothing(api, fields):
    job_id = ended_job(api.services)
    answer = _confirm(api, job_id, fields=fields)
    assert answer.status_code == 422, answer.text
    assert api.services.records.get(job_id).record.verdict is Verdict.NEEDS_REVIEW
    assert api.client().get(f"/v1/invoices/{job_id}").json()["confirmation"] is None
    assert len(answer.content) < 2_000


def test_a_job_that_is_still_under_way_cannot_be_confirmed(api):
    client = api.client()
    [job] = client.post("/v1/jobs", json={"jobs": [{"url": "https://a.example/1.pdf"}]}).json()["jobs"]
    assert _confirm(api, job["job_id"]).json()["code"] == "job_not_finished"
    assert client.get(f"/v1/invoices/{job['job_id']}").json()["code"] == "record_not_found"
    assert client.get(f"/v1/invoices/{job['job_id']}/document").json()["code"] == "document_not_found"


def test_records_are_found_by_a_declared_field_through_an_index(api):
    first = ended_job(api.services, number="C-1", custom={"cost_centre": "4711", "site": "Kiel & Co"})
    ended_job(api.services, number="C-2", custom={"cost_centre": "4712"})
    ended_job(api.services, "globex", number="C-3", custom={"cost_centre": "4711"})
    client = api.client()

    def found(**wanted: str) -> list[str]:
        answer = client.get("/v1/invoices", params={f"custom.{name}": value for name, value in wanted.items()})
        return [each["job_id"] for each in answer.json()["invoices"]]

    assert found(cost_centre="4711") == [first]
    assert found(cost_centre="4711", site="Kiel & Co") == [first]
    assert found(cost_centre="4711", site="Lübeck") == []
    assert found(cost_centre="%") == []
    with api.services.database.begin() as connection:
        connection.execute(text("SET LOCAL enable_seqscan = off"))
        plan = connection.scalars(
            text("""EXPLAIN SELECT * FROM cira.invoices WHERE custom @> CAST('{"cost_centre": "4711"}' AS jsonb)""")
        )
        assert "records_custom_idx" in "\n".join(plan)


@pytest.mark.parametrize(
    "query",
    ["custom.=1", "custom.Cost=1", "custom=1", "custom.a=", "custom.a=1&custom.a=2", "custom.a=%00", "custom.a.b=1"],
)
def test_a_filter_by_a_declared_field_that_cannot_be_is_refused(api, query):
    answer = api.client().get(f"/v1/invoices?{query}")
    assert (answer.status_code, answer.json()["code"]) == (422, "request_invalid")
    assert api.client().get("/v1/jobs?custom.a=1").status_code == 422


def test_a_corrected_own_value_has_the_reviewer_as_evidence_and_others_keep_theirs(api):
    proof = [
        Evidence(field=f"custom.{name}", engine=EngineName.OFFLINE, text=value, confidence=0.7)
        for name, value in (("cost_centre", "4711"), ("site", "Kiel"))
    ]
    job_id = ended_job(api.services, custom={"cost_centre": "4711", "site": "Kiel"})
    stored = api.services.records.get(job_id)
    record = stored.record.model_copy(update={"evidence": (*stored.record.evidence, *proof)})
    api.services.records.put(job_id, stored.document_sha256, record)
    body = {"fields": {"custom": {"cost_centre": "4712", "site": "Kiel", "batch": "7"}}}
    answer = api.client().put(f"/v1/invoices/{job_id}/confirmation", json=body).json()
    assert answer["invoice"]["custom"] == {"cost_centre": "4712", "site": "Kiel", "batch": "7"}
    evidence = {each["field"]: (each["text"].partition(" by ")[0], each["confidence"]) for each in answer["evidence"]}
    assert evidence["custom.cost_centre"] == evidence["custom.batch"] == ("confirmed", 1)
    assert evidence["custom.site"] == ("Kiel", 1)
