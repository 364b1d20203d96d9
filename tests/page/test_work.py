"""A clerk's work on the page, in a real browser: mouse where a mouse is used, keys alone where keys are."""

from __future__ import annotations

import base64
import re
from decimal import Decimal

import pytest
from playwright.sync_api import Page, expect

from cira_pipeline.db.access.api_keys import Scope
from cira_pipeline.errors import SourceNotFound
from cira_pipeline.jobs import JobId, Stage
from cira_pipeline.models import Box, EngineName, Evidence, Finding, Reading, Severity, Verdict
from cira_pipeline.models import Page as ReadPage
from tests.api.stored import ended_job
from tests.orchestration.invoice_pdf import invoice_pdf
from tests.page.conftest import NARROW, PATIENCE_MS

pytestmark = pytest.mark.slow
expect.set_options(timeout=PATIENCE_MS)


def _newest(api) -> JobId:
    return api.services.jobs.list(limit=1)[0].job_id


def _places(api, job_id: JobId, boxes: dict[str, tuple[int, Box]], pages: int = 1) -> None:
    """Gives the record's values places of their own, on as many pages."""
    stored = api.services.records.get(job_id)
    evidence = tuple(
        Evidence(field=name, engine=EngineName.OFFLINE, text="as printed", page=page, box=box, line=1, confidence=0.97)
        for name, (page, box) in boxes.items()
    )
    api.services.readings.put(
        stored.document_sha256,
        Reading(
            reader="local",
            reader_version="2",
            pages=tuple(ReadPage(number=n, width=595, height=842, source="native") for n in range(1, pages + 1)),
            lines=(),
            seconds=0.1,
        ),
        b"{}",
    )
    record = stored.record.model_copy(update={"evidence": evidence})
    api.services.records.put(job_id, stored.document_sha256, record)


def test_a_url_is_submitted_and_followed_to_its_end_by_keys_alone_without_loading_the_page_again(api, visit):
    page = visit()
    page.evaluate("window.neverLoadedAgain = true")
    page.keyboard.press("u")
    page.keyboard.type("https://supplier.example/invoices/4711.pdf")
    page.keyboard.press("Enter")
    row = page.locator("#rows tr")
    expect(row.locator(".chip")).to_have_text("In the queue")
    expect(page.locator("#url")).to_be_focused()
    expect(page.locator("#url")).to_have_value("")
    job_id = _newest(api)
    for stage, words in ((Stage.RAW_DOCUMENT, "Fetching"), (Stage.OCR_TEXT, "Reading")):
        api.services.jobs.start(job_id, stage, "run-1")
        expect(row.locator(".chip")).to_have_text(words)
    expect(row.locator(".steps")).to_have_attribute("aria-label", "step 2 of 4")
    api.services.jobs.fail(job_id, Stage.OCR_TEXT, SourceNotFound("supplier.example answers 404"))
    expect(row.locator(".chip")).to_have_text("Failed")
    expect(row).to_contain_text("supplier.example answers 404")
    expect(page.locator("#said")).to_have_text("4711.pdf: Failed")
    assert page.evaluate("window.neverLoadedAgain")


def test_a_record_that_is_made_meanwhile_appears_with_its_figures(api, visit):
    page = visit()
    expect(page.locator(".empty")).to_be_visible()
    ended_job(api.services, number="RE-LIVE")
    row = page.locator("#rows tr")
    expect(row).to_contain_text("RE-LIVE")
    expect(row.locator("td.amount")).to_have_text("119.00 EUR")
    expect(row.locator(".chip")).to_have_text("Needs review")
    expect(page.locator(".empty")).to_have_count(0)


def test_files_are_taken_by_choosing_and_by_dropping_and_what_is_wrong_stands_beside_the_field(api, visit):
    page = visit()
    chosen = {"name": "März.pdf", "mimeType": "application/pdf", "buffer": invoice_pdf("CHOSEN")}
    page.locator("#files").set_input_files(chosen)
    expect(page.locator("#rows tr")).to_have_count(1)
    expect(page.locator("#rows tr")).to_contain_text("März.pdf")
    dropped = base64.b64encode(invoice_pdf("DROPPED")).decode()
    page.evaluate(
        """content => {
            const bytes = Uint8Array.from(atob(content), each => each.charCodeAt(0));
            const transfer = new DataTransfer();
            transfer.items.add(new File([bytes], "dropped.pdf", {type: "application/pdf"}));
            const drop = new DragEvent("drop", {dataTransfer: transfer, bubbles: true, cancelable: true});
            document.body.dispatchEvent(drop);
        }""",
        dropped,
    )
    expect(page.locator("#rows tr")).to_have_count(2)
    page.locator("#files").set_input_files({"name": "no.pdf", "mimeType": "application/pdf", "buffer": b"no invoice"})
    expect(page.locator("#files-error")).to_contain_text("no.pdf: ")
    expect(page.locator("#files")).to_have_attribute("aria-invalid", "true")
    expect(page.locator("#files")).to_be_focused()
    page.locator("#url").fill("ftp://supplier.example/1.pdf")
    page.get_by_role("button", name="Submit").click()
    expect(page.locator("#url-error")).to_contain_text("ftp")
    expect(page.locator("#url")).to_be_focused()
    assert len(api.services.jobs.list(limit=10)) == 2


def test_a_field_shows_its_place_and_a_place_its_field_on_every_page(api, visit):
    job_id = ended_job(api.services)
    low = Box(left=470, top=340, right=540, bottom=356)
    places = {
        "gross_total": (2, Box(left=400, top=700, right=500, bottom=715)),
        "invoice_number": (1, low),
        "line_items[1].net_amount": (2, Box(left=400, top=300, right=500, bottom=315)),
    }
    _places(api, job_id, places, pages=2)
    page = visit()
    page.goto(f"{api.url}/invoices/{job_id}")
    box = page.locator('[data-box="gross_total"]')
    expect(box).not_to_have_class("chosen")
    page.get_by_label("Gross total").focus()
    expect(box).to_have_class("chosen")
    expect(box.locator("rect")).to_be_in_viewport()
    page.locator("#f-line_items\\.1\\.quantity").focus()
    expect(page.locator('[data-box="line_items[1].net_amount"]')).to_have_class("chosen")
    expect(box).not_to_have_class("chosen")
    page.locator('[data-box="invoice_number"] rect').click()
    expect(page.get_by_label("Invoice number")).to_be_focused()
    page.locator('[data-box="line_items[1].net_amount"] rect').click()
    expect(page.locator("#f-line_items\\.1\\.net_amount")).to_be_focused()


def _review_of_three(api) -> list[JobId]:
    return [
        ended_job(
            api.services,
            number=number,
            content=invoice_pdf(number),
            findings=(
                Finding(
                    rule="low_confidence",
                    severity=Severity.WARNING,
                    message="less likely to be correct than the required 90.0%: gross_total 50.0%",
                    fields=("gross_total",),
                ),
            ),
        )
        for number in ("RE-1", "RE-2", "RE-3")
    ]


def test_three_invoices_are_cleared_without_touching_the_mouse(api, visit):
    jobs = _review_of_three(api)
    page = visit()
    page.keyboard.press("n")
    came_from = ("", f"?confirmed={jobs[0]}", f"?confirmed={jobs[1]}")
    for number, job_id, query in zip(("RE-1", "RE-2", "RE-3"), jobs, came_from, strict=True):
        expect(page).to_have_url(f"{api.url}/invoices/{job_id}{query}")
        expect(page.get_by_label("Invoice number")).to_have_value(number)
        expect(page.get_by_label("Gross total")).to_be_focused()
        finding = "Less likely to be correct than the required 90.0%: the gross total 50.0%"
        expect(page.locator(".findings")).to_contain_text(finding)
        page.keyboard.press("Control+Enter")
        expect(page.locator(".told")).to_contain_text(f"Confirmed: {number} is accepted.")
    expect(page).to_have_url(f"{api.url}/invoices/{jobs[2]}?confirmed={jobs[2]}")
    assert {api.services.jobs.get(job_id).verdict for job_id in jobs} == {Verdict.ACCEPTED}
    assert api.services.confirmations.latest(jobs[0]).confirmed_by == "Anna Berg"
    page.goto(f"{api.url}/review")
    expect(page.locator(".empty")).to_have_text("No invoices need a review.")


def test_one_can_be_passed_over_and_comes_again(api, visit):
    first, second, third = _review_of_three(api)
    page = visit()
    page.goto(f"{api.url}/invoices/{second}")
    page.keyboard.press("Alt+n")
    expect(page).to_have_url(f"{api.url}/invoices/{third}")
    page.keyboard.press("Alt+n")
    expect(page).to_have_url(f"{api.url}/invoices/{first}")


def test_corrections_are_kept_with_who_made_them_and_become_the_label(api, visit):
    job_id = ended_job(api.services, number="RE-1")
    page = visit()
    page.goto(f"{api.url}/invoices/{job_id}")
    page.get_by_label("Invoice number").fill("RE-2024/007")
    page.locator("#f-due_date").fill("15.6.2024")
    page.locator("#f-line_items\\.0\\.description").fill("Schrauben M8")
    expect(page.locator('[data-of="invoice_number"]')).to_have_class(re.compile(r"\bchanged\b"))
    page.get_by_role("button", name="Confirm", exact=False).first.click()
    expect(page.locator(".told")).to_contain_text("RE-2024/007 is accepted")
    expect(page.locator("#record")).to_contain_text("Confirmed by Anna Berg")
    expect(page.locator("#f-due_date")).to_have_value("2024-06-15")
    changes = api.services.confirmations.latest(job_id).changes
    assert set(changes) == {"invoice_number", "due_date", "line_items"}
    stored = api.services.records.get(job_id).record.invoice
    assert stored.line_items[0].description == "Schrauben M8"
    assert stored.line_items[0].unit_price == Decimal("0.0750")


def test_a_sum_that_does_not_add_up_is_confirmed_and_still_said_to_be_wrong(api, visit):
    job_id = ended_job(api.services, number="RE-1")
    page = visit()
    page.goto(f"{api.url}/invoices/{job_id}")
    page.get_by_label("Gross total").fill("120.00")
    page.get_by_role("button", name="Confirm").first.click()
    expect(page.locator(".told")).to_contain_text("still needs review")
    expect(page.locator(".finding.error").first).to_contain_text("Gross total")
    expect(page.locator(".field.wrong :focus")).to_have_count(1)


def test_what_cannot_be_understood_is_said_at_the_field_and_nothing_typed_is_lost(api, visit):
    job_id = ended_job(api.services, number="RE-1")
    page = visit()
    page.goto(f"{api.url}/invoices/{job_id}")
    page.get_by_label("Net total").fill("1,000")
    page.locator("#f-supplier_name").fill("Another GmbH")
    page.locator("#f-line_items\\.1\\.net_amount").fill("many")
    page.keyboard.press("Control+Enter")
    summary = page.get_by_role("alert").filter(has_text="Not confirmed yet.")
    expect(summary).to_be_focused()
    expect(page.get_by_label("Net total")).to_have_value("1,000")
    expect(page.get_by_label("Net total")).to_have_attribute("aria-invalid", "true")
    expect(page.locator("#net_total-error")).to_contain_text("1000 or 1.0000")
    expect(page.locator("#f-supplier_name")).to_have_value("Another GmbH")
    summary.get_by_role("link", name="Line items").click()
    expect(page.locator("#f-line_items\\.1\\.net_amount")).to_be_focused()
    assert api.services.confirmations.latest(job_id) is None
    page.get_by_label("Net total").fill("100.00")
    page.locator("#f-line_items\\.1\\.net_amount").fill("25.00")
    page.keyboard.press("Control+Enter")
    expect(page.locator(".told")).to_contain_text("is accepted")


def test_a_record_that_somebody_else_confirmed_meanwhile_is_not_overwritten_unseen(api, visit):
    job_id = ended_job(api.services, number="RE-1")
    anna, ben = visit(person="Anna Berg"), visit(person="Ben Ode")
    for page in (anna, ben):
        page.goto(f"{api.url}/invoices/{job_id}")
    ben.get_by_label("Invoice number").fill("BEN-1")
    ben.keyboard.press("Control+Enter")
    expect(ben.locator(".told")).to_contain_text("BEN-1")
    anna.get_by_label("Invoice number").fill("ANNA-1")
    anna.keyboard.press("Control+Enter")
    alert = anna.get_by_role("alert").filter(has_text="changed while you had it open")
    expect(alert).to_contain_text("Ben Ode confirmed it")
    assert api.services.records.get(job_id).record.invoice.invoice_number == "BEN-1"
    expect(anna.get_by_label("Invoice number")).to_have_value("ANNA-1")
    anna.keyboard.press("Control+Enter")
    expect(anna.locator(".told")).to_contain_text("ANNA-1")


def test_rows_are_added_and_removed_by_keys(api, visit):
    job_id = ended_job(api.services, number="RE-1")
    page = visit()
    page.goto(f"{api.url}/invoices/{job_id}")
    page.get_by_role("button", name="Remove row 2").last.press("Enter")
    expect(page.locator("#f-line_items\\.0\\.description")).to_be_focused()
    page.locator('[data-add="line_items"]').press("Enter")
    expect(page.locator("#f-line_items\\.2\\.description")).to_be_focused()
    page.keyboard.type("Fracht")
    page.locator("#f-line_items\\.2\\.net_amount").fill("25,00")
    page.keyboard.press("Control+Enter")
    expect(page.locator(".told")).to_be_visible()
    lines = api.services.records.get(job_id).record.invoice.line_items
    assert [(each.description, each.net_amount) for each in lines] == [
        ("Schrauben", Decimal("75.00")),
        ("Fracht", Decimal("25.00")),
    ]


def test_a_job_under_way_is_followed_on_its_own_page_and_a_failed_one_tried_again(api, visit):
    page = visit()
    page.locator("#url").fill("https://supplier.example/4711.pdf")
    page.keyboard.press("Enter")
    page.locator("#rows a").click()
    expect(page.locator(".chip")).to_have_text("In the queue")
    job_id = _newest(api)
    api.services.jobs.start(job_id, Stage.OCR_TEXT, "run-1")
    expect(page.locator('[aria-current="step"]')).to_have_text("Reading")
    api.services.jobs.fail(job_id, Stage.OCR_TEXT, SourceNotFound("supplier.example answers 404"))
    expect(page.locator(".finding")).to_contain_text("There is no file at this URL")
    page.get_by_role("button", name="Try again").click()
    expect(page.locator(".chip")).to_have_text("In the queue")
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator(".chip")).to_have_text("Cancelled")


def test_the_document_and_the_record_can_be_taken_away(api, visit):
    content = invoice_pdf("RE-DOWN")
    job_id = ended_job(api.services, content=content)
    page = visit()
    page.goto(f"{api.url}/invoices/{job_id}")
    for link, name in (("Download the document", f"{job_id}.pdf"), ("Download the record", f"{job_id}.json")):
        with page.expect_download() as download:
            page.get_by_role("link", name=link).click()
        assert download.value.suggested_filename == name
    assert download.value.path().read_text().startswith("{")


@pytest.mark.parametrize("viewport", [NARROW, {"width": 1280, "height": 860}])
def test_without_a_script_everything_can_still_be_done(api, visit, viewport):
    job_id = ended_job(api.services, number="RE-1")
    page = visit(java_script_enabled=False, viewport=viewport)
    page.locator("#url").fill("https://supplier.example/4711.pdf")
    page.get_by_role("button", name="Submit").click()
    expect(page.locator("#rows tr")).to_have_count(2)
    page.goto(f"{api.url}/invoices/{job_id}")
    page.get_by_label("Invoice number").fill("RE-9")
    page.get_by_role("button", name="Confirm").first.click()
    expect(page.locator(".told")).to_contain_text("RE-9 is accepted")


def test_who_may_only_read_can_look_and_point_and_change_nothing(api, visit):
    job_id = ended_job(api.services)
    page: Page = visit("acme", Scope.READ)
    page.goto(f"{api.url}/invoices/{job_id}")
    expect(page.get_by_label("Gross total")).to_be_disabled()
    expect(page.locator("#record")).to_contain_text("not confirm")
