"""Strangers write invoices, names of files and addresses: none of it becomes a part of the page."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest
from playwright.sync_api import Page, expect

from cira_pipeline.db.jobs.repository import Submission
from cira_pipeline.errors import SourceNotFound
from cira_pipeline.invoice import LineItem, TaxLine
from cira_pipeline.jobs import JobId, Stage
from cira_pipeline.models import EngineName, Evidence, Finding, Severity
from tests.api.stored import ended_job
from tests.orchestration.invoice_pdf import invoice_pdf
from tests.page.conftest import PATIENCE_MS

pytestmark = pytest.mark.slow
expect.set_options(timeout=PATIENCE_MS)

ATTACKS = (
    "<script>window.hit=1</script>",
    '"><img src=x onerror="window.hit=1">',
    "'><svg onload=window.hit=1>",
    "</textarea></title><script>window.hit=1</script>",
    "{{ 7*7 }}{% raw %}",
    "javascript:window.hit=1",
)
ALL = " ".join(ATTACKS)


def _unharmed(page: Page) -> None:
    page.wait_for_load_state("networkidle") if "/events" in page.content() else None
    assert page.evaluate("window.hit") is None
    assert page.locator("img[src=x], svg[onload], [onerror], a[href^='javascript:']").count() == 0
    scripts = page.locator("script")
    assert all((scripts.nth(at).get_attribute("src") or "").startswith("/static/") for at in range(scripts.count()))


def _hostile_record(api) -> JobId:
    names = ("invoice_number", "supplier_name", "supplier_address", "customer_name", "payment_terms", "purchase_order")
    attacked: dict[str, Any] = {name: ALL for name in names if name != "invoice_number"}
    job_id = ended_job(
        api.services,
        findings=(
            Finding(rule="<b>RULE</b>", severity=Severity.ERROR, message=ALL, fields=("gross_total", "<i>x</i>")),
        ),
        content=invoice_pdf("HOSTILE"),
        currency="EUR",
        number=ATTACKS[0],
        **attacked,
        invoice_type="380",
        tax_breakdown=(TaxLine(),),
        line_items=(LineItem(description=ALL, unit=ATTACKS[1]),),
    )
    stored = api.services.records.get(job_id)
    evidence = tuple(
        Evidence(field=name, engine=EngineName.OFFLINE, text=ALL, page=1, line=1, confidence=0.5) for name in names
    )
    record = stored.record.model_copy(update={"evidence": evidence})
    api.services.records.put(job_id, stored.document_sha256, record)
    return job_id


def test_markup_in_an_invoice_is_text_in_the_list_and_on_its_page(api, visit):
    page = visit()
    job_id = _hostile_record(api)
    expect(page.locator("#rows tr")).to_have_count(1)
    expect(page.locator("#rows tr")).to_contain_text(ATTACKS[0])
    _unharmed(page)
    page.reload()
    _unharmed(page)
    page.goto(f"{api.url}/invoices/{job_id}")
    expect(page.locator("#f-supplier_name")).to_have_value(ALL)
    expect(page.locator("#f-payment_terms")).to_have_value(ALL)
    expect(page.locator("#f-line_items\\.0\\.description")).to_have_value(ALL)
    expect(page.locator(".findings").first).to_contain_text(ATTACKS[1])
    _unharmed(page)
    page.get_by_label("Net total").fill(ATTACKS[1])
    page.keyboard.press("Control+Enter")
    expect(page.get_by_label("Net total")).to_have_value(ATTACKS[1])
    _unharmed(page)


@pytest.mark.parametrize("attack", ATTACKS)
def test_markup_in_the_name_of_a_file_is_text(api, visit, attack):
    page = visit()
    name = attack.replace("/", "∕") + ".pdf"
    page.locator("#files").set_input_files(
        {"name": name, "mimeType": "application/pdf", "buffer": invoice_pdf(str(hash(attack)))}
    )
    expect(page.locator("#rows tr")).to_have_count(1)
    _unharmed(page)
    page.locator("#files").set_input_files({"name": name, "mimeType": "application/pdf", "buffer": b"none"})
    expect(page.locator("#files-error")).not_to_be_empty()
    _unharmed(page)
    page.locator("#rows a").first.click()
    expect(page.locator("h1")).to_be_visible()
    _unharmed(page)


def test_markup_in_an_address_a_message_a_clients_name_and_a_person_is_text(api, visit):
    client = "acme <script>window.hit=1</script>"
    url = f"https://supplier.example/{quote(ALL)}?x={quote(ALL)}"
    [submitted] = api.services.jobs.submit([Submission(url, client=client, client_reference=ALL)])
    job_id = submitted.job.job_id
    api.services.jobs.start(job_id, Stage.RAW_DOCUMENT, "run-1")
    api.services.jobs.fail(job_id, Stage.RAW_DOCUMENT, SourceNotFound(ALL))
    page = visit(client, person=ATTACKS[1])
    expect(page.locator("#rows tr")).to_contain_text(ATTACKS[0])
    _unharmed(page)
    page.goto(f"{api.url}/invoices/{job_id}")
    expect(page.locator(".finding")).to_contain_text(ATTACKS[0])
    _unharmed(page)
    page.goto(f"{api.url}/signin?next={quote(ALL)}")
    _unharmed(page)
    page.goto(f"{api.url}/{quote(ALL)}")
    assert page.evaluate("window.hit") is None


def test_even_a_script_that_got_into_the_page_would_not_run(api, visit):
    page = visit(refused_on_purpose=True)
    page.evaluate("document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=\"window.hit=1\">')")
    page.evaluate(
        "document.body.append(Object.assign(document.createElement('script'), {textContent: 'window.hit=1'}))"
    )
    page.wait_for_timeout(300)
    assert page.evaluate("window.hit") is None
