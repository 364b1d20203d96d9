"""`cira demo`, as a newcomer runs it."""

from __future__ import annotations

import os
import subprocess
from decimal import Decimal
from io import StringIO
from pathlib import Path

import psutil
import pytest
from rich.console import Console

from cira_pipeline.cli.demo import next_demo, results_table
from cira_pipeline.db.jobs.repository import JobRepository, Submission
from cira_pipeline.invoice import Invoice
from cira_pipeline.jobs import JobStatus
from cira_pipeline.local_stack.running import RunningServices
from cira_pipeline.models import Verdict
from cira_pipeline.samples.sample import ACCEPTED, DAMAGED
from tests.cli.conftest import CIRA
from tests.samples.test_outcome import job_of, outcome_of

# A machine that is busy with other tests takes many times longer than the half minute of an idle one.
PATIENCE_S = 1_200


def _demo(folder: Path, *options: str, **environment: str) -> subprocess.CompletedProcess[str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("CIRA_", "DAGSTER_"))}
    return subprocess.run(
        [CIRA, "demo", *options],
        cwd=folder,
        env={**inherited, "COLUMNS": "160", "NO_COLOR": "1", **environment},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )


@pytest.mark.slow
@pytest.mark.timeout(2 * PATIENCE_S)
def test_the_demo_shows_what_came_out_of_every_sample_and_leaves_nothing_running(services_folder: Path) -> None:
    folder = services_folder / "demo"
    folder.mkdir()
    ended = _demo(folder, "--once")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "All 24 jobs ended as expected." in ended.stdout
    names = [path.name for path in (folder / ".cira" / "demo" / "1").iterdir()]
    assert len(names) == 24
    for name in names:
        assert name in ended.stdout, f"{name} is not among the results"
    assert "document_damaged" in ended.stdout
    assert not _processes_of(folder)


def test_a_demo_beside_a_running_one_says_what_to_do(services_folder: Path) -> None:
    folder = services_folder / "occupied"
    (folder / ".cira").mkdir(parents=True)
    me = psutil.Process()
    nowhere = "http://127.0.0.1:1"
    RunningServices(
        supervisor_pid=me.pid,
        supervisor_started=me.create_time(),
        postgres_url=nowhere,
        redis_url=nowhere,
        object_store=nowhere,
        ui_url=nowhere,
        api_url=nowhere,
        pids={},
    ).write(folder / ".cira")
    ended = _demo(folder, "--once")
    assert ended.returncode == 1
    assert "already_running" in ended.stderr
    assert str(me.pid) in ended.stderr
    assert "CIRA_FETCH_ALLOWED_HOSTS" in ended.stderr


def _processes_of(folder: Path) -> list[str]:
    found = []
    for process in psutil.process_iter(["cmdline"]):
        command = " ".join(process.info["cmdline"] or ())
        if str(folder) in command:
            found.append(command)
    return found


def test_a_second_demo_takes_the_next_number_whatever_else_was_submitted(jobs: JobRepository) -> None:
    assert next_demo(jobs) == 1
    jobs.submit(
        [
            Submission("http://127.0.0.1/a.pdf", client="demo", idempotency_key="1", source="demo"),
            Submission("http://127.0.0.1/b.pdf", client="demo", idempotency_key="mine", source="cli"),
        ]
    )
    assert next_demo(jobs) == 2


def test_amounts_verdicts_and_costs_are_whole_on_a_narrow_terminal() -> None:
    truth = Invoice(supplier_name="Förde Elektrotechnik GmbH & Co. KG", gross_total=Decimal("28481.84"), currency="EUR")
    accepted = outcome_of(ACCEPTED, job_of(JobStatus.SUCCEEDED, Verdict.ACCEPTED), truth)
    refused = outcome_of(DAMAGED, job_of(JobStatus.REJECTED, None, "document_damaged"), None)
    for width in (90, 100, 160):
        console = Console(width=width, record=True, file=StringIO())
        console.print(results_table([accepted, refused], width))
        shown = console.export_text()
        for whole in ("28,481.84 EUR", "document_damaged", "$0.0000", "seconds", "accepted"):
            assert whole in shown, f"{whole} is cut at {width} columns"
