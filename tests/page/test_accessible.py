"""Every page for everybody: axe finds nothing, in light and dark, wide and on a phone, and nothing runs off a phone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from cira_pipeline.db.jobs.repository import Submission
from cira_pipeline.errors import SourceNotFound
from cira_pipeline.jobs import JobId, Stage
from cira_pipeline.models import Finding, Severity
from tests.api.stored import ended_job, kept_document
from tests.orchestration.invoice_pdf import invoice_pdf
from tests.page.conftest import NARROW, PATIENCE_MS, WIDE

pytestmark = pytest.mark.slow
expect.set_options(timeout=PATIENCE_MS)

FINDINGS = tuple(
    Finding(
        rule=f"RULE-{severity}", severity=severity, message=f"a {severity} about gross_total", fields=("gross_total",)
    )
    for severity in Severity
)


def _jobs(api) -> dict[str, JobId]:
    services = api.services
    names = ("queued", "running", "failed")
    submitted = services.jobs.submit(
        [Submission(f"https://supplier.example/{name}.pdf", client="acme") for name in names]
    )
    jobs = dict(zip(names, (each.job.job_id for each in submitted), strict=True))
    services.jobs.start(jobs["running"], Stage.EXTRACTED_FIELDS, "run-1")
    services.jobs.start(jobs["failed"], Stage.RAW_DOCUMENT, "run-1")
    services.jobs.fail(jobs["failed"], Stage.RAW_DOCUMENT, SourceNotFound("supplier.example answers 404"))
    jobs["first"] = ended_job(services, number="RE-1", content=invoice_pdf("A"), findings=FINDINGS)
    jobs["review"] = ended_job(services, number="RE-1", content=invoice_pdf("B"), findings=FINDINGS)
    kept_document(services, b"other")
    return jobs


def _states(api, page: Page, jobs: dict[str, JobId]) -> Iterator[str]:
    """Brings the page into every state a person can meet."""
    page.goto(f"{api.url}/")
    yield "overview"
    page.locator("#url").fill("ftp://supplier.example")
    page.get_by_role("button", name="Submit").click()
    expect(page.locator("#url-error")).not_to_be_empty()
    yield "overview with an error"
    page.goto(f"{api.url}/?show=accepted")
    yield "empty list"
    page.goto(f"{api.url}/invoices/{jobs['review']}")
    yield "record"
    page.locator('[data-add="line_items"]').click()
    page.get_by_label("Net total").fill("1,000")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#net_total-error")).to_be_visible()
    yield "record with an error"
    page.goto(f"{api.url}/invoices/{jobs['review']}")
    page.locator('[name="seen"]').evaluate("each => each.value = 'before'")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_role("alert").first).to_contain_text("changed while")
    yield "record with a conflict"
    for name in ("queued", "running", "failed"):
        page.goto(f"{api.url}/invoices/{jobs[name]}")
        yield name
    page.goto(f"{api.url}/invoices/inv_00000000000000000000000000")
    yield "no such page"
    page.goto(f"{api.url}/signin")
    yield "sign in"
    page.get_by_label("Key", exact=True).fill("wrong")
    page.get_by_role("button", name="Sign in").click()
    expect(page.locator("#key-error")).to_be_visible()
    yield "sign in with an error"


# Of the rules of axe, the schemes differ in this one alone.
ALL_RULES = {"resultTypes": ["violations"]}
IN_EACH_SCHEME = {"light": ALL_RULES, "dark": {**ALL_RULES, "runOnly": ["color-contrast"]}}


@pytest.mark.parametrize("viewport", [WIDE, NARROW], ids=["wide", "narrow"])
def test_axe_finds_nothing_and_nothing_runs_off_the_side(api, visit, viewport):
    jobs = _jobs(api)
    page = visit(viewport=viewport, reduced_motion="reduce")
    # Its own script is put into the page past the page's policy, which forbids that to everybody else.
    looked_at = []
    for name in _states(api, page, jobs):
        looked_at.append(name)
        for scheme, options in IN_EACH_SCHEME.items():
            page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            found = Axe().run(page, options=options)
            assert found.violations_count == 0, f"{name}, {scheme}: {found.generate_report()}"
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), name
    assert len(looked_at) == 12


def test_everything_on_a_record_is_reached_with_the_tab_key_and_nothing_twice(api, visit):
    jobs = _jobs(api)
    page = visit()
    page.goto(f"{api.url}/invoices/{jobs['review']}")
    page.locator("body").evaluate("() => { document.activeElement.blur(); window.getSelection().removeAllRanges(); }")
    wanted = page.evaluate(
        "[...document.querySelectorAll('#record :is(input:not([type=hidden]), textarea, select, button, summary)')]"
        ".filter(each => each.matches('summary') || !each.closest('details:not([open])'))"
        ".map(each => each.id || each.textContent.trim())"
    )
    met: list[str] = []
    page.locator(".brand").focus()
    for _ in range(len(wanted) + 60):
        page.keyboard.press("Tab")
        at = page.evaluate("document.activeElement.id || document.activeElement.textContent.trim()")
        met.append(at)
        if at.startswith("Next"):
            break
    assert [each for each in met if each in wanted] == wanted
