"""A flood of jobs at a source that says nothing, through everything `cira up` starts."""

from __future__ import annotations

import shutil
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from benchmarks.fair_shares import silent_source
from cira_pipeline.db.database import Database
from cira_pipeline.db.jobs.repository import JobRepository, Submission
from cira_pipeline.jobs import JobStatus, Policy
from cira_pipeline.local_stack.supervisor import Services, Supervisor
from cira_pipeline.settings import Settings
from tests.orchestration.document_server import DocumentServer
from tests.orchestration.invoice_pdf import invoice_pdf
from tests.running.graphql import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1_800)]

FLOOD = 300
WAITING_FOR_SOURCE = {"source_paused", "source_busy", "source_unavailable", "download_timed_out"}
PATIENCE_S = 600


@pytest.fixture
def folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="cira-silent-", dir="/tmp"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def services(folder: Path) -> Iterator[Services]:
    """With pauses of seconds where there are minutes."""
    settings = Settings(
        home=folder / "home",
        fetch_allowed_hosts=("127.0.0.0/8",),
        fetch_stall_timeout_s=3,
        source_pause_s=5,
        source_longest_pause_s=10,
        sensor_interval_s=2,
        policy=Policy.OFFLINE_ONLY,
    )
    with Supervisor(settings).running() as services:
        yield services


def flood(services: Services) -> Counter[tuple[str, str | None]]:
    with psycopg.connect(services.postgres_url) as connection:
        rows = connection.execute("SELECT status, error_code FROM cira.jobs WHERE client = 'flood'").fetchall()
    return Counter((str(status), code) for status, code in rows)


def ended(services: Services) -> int:
    return sum(count for (status, _), count in flood(services).items() if JobStatus(status).final)


def waiting(services: Services) -> int:
    return sum(
        count for (status, code), count in flood(services).items() if status == "waiting" and code in WAITING_FOR_SOURCE
    )


def succeeded(services: Services) -> int:
    return sum(count for (status, _), count in flood(services).items() if status == "succeeded")


def test_a_silent_sources_flood_holds_up_no_other_client_loses_no_job_and_goes_on_when_it_answers(
    folder: Path, services: Services
) -> None:
    documents, awake, database = folder / "documents", threading.Event(), Database(services.postgres_url)
    documents.mkdir()
    (documents / "flood.pdf").write_bytes(invoice_pdf("SF-1"))
    jobs = JobRepository(database)
    try:
        with silent_source(documents, awake) as silent, DocumentServer().running() as server:
            jobs.submit(Submission(f"http://{silent}/flood.pdf?{n}", client="flood") for n in range(FLOOD))
            wait_until(lambda: flood(services)["queued", None] < FLOOD, "the flood was taken up", timeout_s=PATIENCE_S)
            url = server.serve("/single.pdf", invoice_pdf("SF-2"))
            (single,) = jobs.submit([Submission(url, client="single")])
            job_id = single.job.job_id
            wait_until(lambda: jobs.get(job_id).status.final, "the single job ended", timeout_s=PATIENCE_S)
            assert jobs.get(job_id).verdict is not None
            assert ended(services) == 0, "it did not have to wait for the flood"

            # One may be on its way to find out whether the source is back.
            wait_until(lambda: waiting(services) >= FLOOD - 1, "the flood waits", timeout_s=PATIENCE_S)
            assert ended(services) == 0

            awake.set()
            wait_until(lambda: succeeded(services) > FLOOD // 10, "the flood goes on", timeout_s=PATIENCE_S)
            after = flood(services)
            assert after.total() == FLOOD
            assert {status for status, _ in after} <= {"queued", "running", "waiting", "succeeded"}
    finally:
        database.dispose()
