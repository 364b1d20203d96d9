"""What a person finds in the Dagster UI, in a real browser, and what its buttons do."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, sync_playwright

from assets.specs import STAGES
from cira_pipeline.jobs import JobId, JobStatus
from tests.orchestration.invoice_pdf import invoice_pdf
from tests.running.conftest import RunningCira
from tests.running.graphql import wait_until

pytestmark = pytest.mark.slow

ASSETS = [stage.value for stage in STAGES]
CHROMIUM_FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--no-first-run",
]  # fmt: skip


@pytest.fixture(scope="module")
def done_and_failed(cira: RunningCira) -> tuple[JobId, JobId]:
    """One job that ended well and one whose URL leads to nothing, both taken in by the sensor."""
    good, bad = cira.submit(
        cira.server.serve("/ui-good.pdf", invoice_pdf("UI-1001")), cira.server.url("/ui-not-there.pdf")
    )
    ended = cira.wait_for_end(good, bad)
    assert [job.status for job in ended] == [JobStatus.SUCCEEDED, JobStatus.FAILED], ended
    wait_until(lambda: good in cira.ui.partitions("validated_record")["materialized"], "Dagster has the last event")
    wait_until(lambda: bad in cira.ui.partitions("raw_document")["failed"], "Dagster has the run's failure")
    return good, bad


@pytest.fixture
def page(tmp_path: Path) -> Iterator[Page]:
    with sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            str(tmp_path / "profile"),
            executable_path="/usr/bin/chromium",
            args=CHROMIUM_FLAGS,
            viewport={"width": 1600, "height": 1000},
        )
        try:
            yield context.new_page()
        finally:
            context.close()


def test_the_asset_graph_shows_all_four_assets(
    cira: RunningCira, done_and_failed: tuple[JobId, JobId], page: Page, home: Path
) -> None:
    page.goto(f"{cira.services.ui_url}/asset-groups?asset-group=invoices")
    page.goto(f"{cira.services.ui_url}/locations/cira/asset-groups/invoices/lineage")
    for asset in ASSETS:
        page.get_by_text(asset, exact=True).first.wait_for(timeout=60_000)
    page.screenshot(path=str(home / "lineage.png"))


def test_the_partitions_page_shows_what_is_materialised_and_what_failed(
    cira: RunningCira, done_and_failed: tuple[JobId, JobId], page: Page, home: Path
) -> None:
    good, bad = done_and_failed
    page.goto(f"{cira.services.ui_url}/assets/validated_record?view=partitions")
    for job_id in (good, bad):
        page.get_by_text(job_id).first.wait_for(timeout=60_000)
    page.screenshot(path=str(home / "partitions.png"))
    states = cira.ui.partitions("validated_record")
    assert good in states["materialized"]
    assert bad in states["failed"]


def test_the_checks_page_shows_every_check_and_never_a_measured_accuracy_without_a_label(
    cira: RunningCira, done_and_failed: tuple[JobId, JobId], page: Page, home: Path
) -> None:
    page.goto(f"{cira.services.ui_url}/assets/validated_record?view=checks")
    for check in ("accuracy", "consistency", "cost"):
        page.get_by_text(check, exact=True).first.wait_for(timeout=60_000)
    page.screenshot(path=str(home / "checks.png"))
    assert set(cira.ui.checks("validated_record")) == {"accuracy", "consistency", "cost"}


def test_the_sensors_are_on(cira: RunningCira, page: Page, home: Path) -> None:
    page.goto(f"{cira.services.ui_url}/automation")
    for sensor in ("new_invoices", "inbox_files"):
        page.get_by_text(sensor, exact=True).first.wait_for(timeout=60_000)
    page.screenshot(path=str(home / "sensors.png"))
    assert cira.ui.sensors() == {"new_invoices": "RUNNING", "inbox_files": "RUNNING"}


def test_an_invoice_can_be_launched_from_the_ui(cira: RunningCira, done_and_failed: tuple[JobId, JobId]) -> None:
    good, _ = done_and_failed
    before = cira.server.requests["/ui-good.pdf"]
    run_id = cira.ui.launch(good, ASSETS)
    wait_until(lambda: cira.ui.run_status(run_id) == "SUCCESS", f"run {run_id} succeeded")
    assert cira.jobs.get(good).status is JobStatus.SUCCEEDED
    assert cira.server.requests["/ui-good.pdf"] == before, "what was fetched once is not fetched again"


def test_a_backfill_of_all_failed_partitions_clears_them(cira: RunningCira) -> None:
    paths = ["/ui-late-1.pdf", "/ui-late-2.pdf"]
    jobs = cira.submit(*(cira.server.url(path) for path in paths))
    cira.wait_for_end(*jobs)
    wait_until(
        lambda: set(jobs) <= set(cira.ui.partitions("validated_record")["failed"]), "Dagster shows both as failed"
    )
    for number, path in enumerate(paths):
        cira.server.serve(path, invoice_pdf(f"UI-200{number}"))

    failed = [key for key in cira.ui.partitions("validated_record")["failed"] if key in jobs]
    cira.ui.backfill(failed, ASSETS)

    wait_until(
        lambda: set(jobs) <= set(cira.ui.partitions("validated_record")["materialized"]), "the backfill went through"
    )
    assert not set(jobs) & set(cira.ui.partitions("raw_document")["failed"])
    assert {cira.jobs.get(job_id).status for job_id in jobs} == {JobStatus.SUCCEEDED}


def test_a_file_dropped_into_the_inbox_becomes_a_record(cira: RunningCira) -> None:
    inbox = cira.services.settings.inbox_path
    inbox.mkdir(parents=True, exist_ok=True)
    (inbox / "dropped.pdf").write_bytes(invoice_pdf("UI-3001"))

    def dropped() -> list[JobId]:
        return [job.job_id for job in cira.jobs.list(limit=500) if job.url.endswith("/dropped.pdf")]

    wait_until(dropped, "the inbox sensor submitted the file")
    (job,) = cira.wait_for_end(*dropped())
    assert job.status is JobStatus.SUCCEEDED
    assert job.source == "folder"
