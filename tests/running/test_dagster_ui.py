"""What a person finds in the Dagster UI, in a real browser, and what its buttons do."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Page

from assets.specs import STAGES
from benchmarks.ui_pictures import sign_in
from cira_pipeline.jobs import JobId, JobStatus
from tests.orchestration.invoice_pdf import invoice_pdf
from tests.running.browser import browser_page
from tests.running.conftest import RunningCira

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

ASSETS = [stage.value for stage in STAGES]
GOOD, LATE = "/ui-good.pdf", ("/ui-late-1.pdf", "/ui-late-2.pdf")


@dataclass(frozen=True)
class Shown:
    """Jobs of one run: one that ended well, and two whose URLs lead to nothing yet."""

    good: JobId
    late: tuple[JobId, JobId]


@pytest.fixture(scope="module")
def shown(cira: RunningCira) -> Shown:
    url = cira.server.serve(GOOD, invoice_pdf("UI-1001"))
    good, *late = cira.submit(url, *(cira.server.url(path) for path in LATE))
    ended = cira.wait_for_end(good, *late)
    assert [job.status for job in ended] == [JobStatus.SUCCEEDED, JobStatus.FAILED, JobStatus.FAILED], ended
    for asset in ASSETS:
        cira.wait_until(lambda: good in cira.ui.partitions(asset)["materialized"], f"{asset} is shown")  # noqa: B023
        cira.wait_until(lambda: set(late) <= set(cira.ui.partitions(asset)["failed"]), f"{asset} is failed")  # noqa: B023
    return Shown(good, (late[0], late[1]))


@pytest.fixture(scope="module")
def page(cira: RunningCira, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with browser_page(tmp_path_factory.mktemp("profile")) as page:
        sign_in(page, cira.services.settings)
        yield page


def test_the_asset_graph_shows_all_four_assets_and_that_some_failed(
    cira: RunningCira, shown: Shown, page: Page, tmp_path: Path
) -> None:
    page.goto(f"{cira.services.ui_url}/locations/cira/asset-groups/invoices/lineage")
    for asset in ASSETS:
        page.get_by_text(asset, exact=True).first.wait_for()
    page.get_by_text("2 failed").first.wait_for()
    picture = tmp_path / "lineage.png"
    page.screenshot(path=picture)
    assert picture.stat().st_size > 20_000, "a page that was never drawn is one flat colour"


def test_the_page_of_an_invoice_shows_what_a_person_would_pay(cira: RunningCira, shown: Shown, page: Page) -> None:
    page.goto(f"{cira.services.ui_url}/assets/validated_record?view=partitions&partition={shown.good}")
    for text in ("verdict", "Bellweather Tools Ltd", "120.00 GBP", "cost_usd", "seconds", "UI-1001"):
        page.get_by_text(text, exact=True).first.wait_for()
    assert page.get_by_role("link", name=cira.server.url(GOOD)).count() == 1
    assert cira.scalar("SELECT verdict FROM cira.invoices WHERE job_id = %s", shown.good) in page.inner_text("body")


def test_the_partitions_page_shows_what_is_materialised_and_what_failed(
    cira: RunningCira, shown: Shown, page: Page
) -> None:
    page.goto(f"{cira.services.ui_url}/assets/raw_document?view=partitions&partition={shown.late[0]}")
    for job_id in (shown.good, *shown.late):
        page.get_by_text(job_id).first.wait_for()
    page.get_by_text("failed, and did not materialize this asset").wait_for()
    page.get_by_text("View all historical events (1)").click()
    page.get_by_text("Observation", exact=True).wait_for()
    page.locator("table").get_by_text(shown.late[0]).last.click()
    page.get_by_text("source_not_found").first.wait_for()


def test_the_checks_page_shows_every_check_and_never_a_measured_accuracy_without_a_label(
    cira: RunningCira, shown: Shown, page: Page
) -> None:
    said = {"accuracy": "unlabelled: the document has", "consistency": "0 errors", "cost": "USD budgeted"}
    for check, words in said.items():
        page.goto(f"{cira.services.ui_url}/assets/validated_record?view=checks&checkDetail={check}")
        # The overview shows the run's last invoice, and that one failed before it could be checked.
        page.get_by_text("Execution history", exact=True).click()
        page.get_by_text(shown.good).first.wait_for()
        page.get_by_text(words).first.wait_for()
    passed = {check: cira.ui.check("validated_record", check)[shown.good] for check in said}
    assert passed == {"accuracy": False, "consistency": True, "cost": True}


def test_the_sensors_are_on(cira: RunningCira, page: Page) -> None:
    page.goto(f"{cira.services.ui_url}/automation")
    for sensor in ("new_invoices", "inbox_files"):
        page.get_by_text(sensor, exact=True).first.wait_for()
    assert {name: cira.ui.sensors()[name] for name in ("new_invoices", "inbox_files")} == {
        "new_invoices": "RUNNING",
        "inbox_files": "RUNNING",
    }


def test_a_backfill_of_all_failed_partitions_clears_them_and_an_invoice_can_be_launched_meanwhile(
    cira: RunningCira, shown: Shown
) -> None:
    for number, path in enumerate(LATE):
        cira.server.serve(path, invoice_pdf(f"UI-200{number}"))
    failed = cira.ui.partitions("validated_record")["failed"]
    assert set(shown.late) <= set(failed)
    fetched = cira.server.requests[GOOD]

    backfill = cira.ui.backfill(failed, ASSETS)
    run_id = cira.ui.launch(shown.good, ASSETS)

    cira.wait_until(lambda: cira.ui.run_status(run_id) == "SUCCESS", f"run {run_id} succeeded")
    assert cira.jobs.get(shown.good).status is JobStatus.SUCCEEDED
    assert cira.server.requests[GOOD] == fetched, "what was fetched once is not fetched again"
    cira.wait_until(
        lambda: set(shown.late) <= set(cira.ui.partitions("validated_record")["materialized"]), "the backfill is done"
    )
    for asset in ASSETS:
        assert not set(shown.late) & set(cira.ui.partitions(asset)["failed"]), asset
    assert {cira.jobs.get(job_id).status for job_id in shown.late} == {JobStatus.SUCCEEDED}
    cira.wait_until(lambda: cira.ui.backfill_status(backfill) == "COMPLETED_SUCCESS", "Dagster says so too")
