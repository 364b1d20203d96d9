"""Measures scaling: the same documents with 1, 2 and 4 reading processes, and with as many Celery workers.

    python -m benchmarks.scaling --texts 60 --scans 12 2>/dev/null

- pipeline: one Dagster run with so many reading processes, of one ONNX thread each
- bare Docling: so many processes that do nothing but convert. What they gain is what this machine has to give, and the
  yardstick of the other two; more processes than processors gain nothing anywhere
- Celery: so many workers as on so many machines (deploy/celery), each with one reading process; Dagster's daemon plans
  and hands out the runs, one for each worker: the seconds until a worker is given its next one are few beside runs of
  hundreds of invoices, and would be most of small ones. Timed from the first job's start to the last job's end

Every number of workers has services and a database of its own, and the same documents.
"""

from __future__ import annotations

import argparse
import math
import os
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table
from sqlalchemy import text

from benchmarks.bench_house import BenchHouse, bench_house, machine
from benchmarks.throughput import measure
from cira_pipeline.local_stack.processes import FOLDER_MARK, stop_process
from cira_pipeline.samples.generator import LabelledKind

ROOT = Path(__file__).parents[1]
_PATIENCE_S = 3_600.0
_STOP_PATIENCE_S = 20.0
_SECONDS = (
    "SELECT extract(epoch FROM max(finished_at) - min(started_at)) FROM cira.jobs WHERE job_id BETWEEN :first AND :last"
)


@dataclass(frozen=True)
class Scaled:
    """Documents a minute by number of workers."""

    kind: LabelledKind
    way: str
    per_minute: Mapping[int, float]

    def speed_up(self, workers: int) -> float:
        return self.per_minute[workers] / self.per_minute[min(self.per_minute)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--texts", type=int, default=60, help="text PDFs in each repetition")
    parser.add_argument("--scans", type=int, default=12, help="scans in each repetition")
    parser.add_argument("--workers", default="1,2,4")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--without-celery", action="store_true")
    arguments = parser.parse_args()
    numbers = sorted(int(number) for number in arguments.workers.split(","))
    scaled: list[Scaled] = []
    console = Console()

    def found(more: Sequence[Scaled]) -> None:
        """Prints results immediately, so that they are not lost when a later part fails."""
        for each in more:
            figures = ", ".join(f"{per_minute:.1f} with {number}" for number, per_minute in each.per_minute.items())
            console.print(f"{each.kind}, {each.way}, documents a minute: {figures}")
        scaled.extend(more)

    for kind, count in (("pdf-text", arguments.texts), ("pdf-scan", arguments.scans)):
        if count:
            found(_by_processes(kind, count, arguments.repeat, numbers))
            if not arguments.without_celery:
                celery = {number: _by_celery(kind, count, arguments.repeat, number) for number in numbers}
                found([Scaled(kind, "Celery", celery)])
    console.print(machine())
    console.print(_table(scaled, numbers))


def _by_processes(kind: LabelledKind, count: int, repeat: int, numbers: Sequence[int]) -> list[Scaled]:
    measured = {number: measure(kind, count, repeat, number, threads=1) for number in numbers}
    return [
        Scaled(kind, "bare Docling", {number: each.bare_per_minute for number, each in measured.items()}),
        Scaled(kind, "pipeline", {number: statistics.median(each.pipeline) for number, each in measured.items()}),
    ]


def _by_celery(kind: LabelledKind, count: int, repeat: int, workers: int) -> float:
    """Documents a minute by workers that have each done a run before."""
    with bench_house((kind,), reading_processes=1, ocr_threads=1) as house, _cluster(house, workers, count):
        _seconds(house, count)
        return 60 * count / statistics.median(_seconds(house, count) for _ in range(repeat))


def _seconds(house: BenchHouse, count: int) -> float:
    jobs, ends_at = house.submit(count), time.monotonic() + _PATIENCE_S
    while not all(house.jobs.get(job).status.final for job in jobs):
        assert time.monotonic() < ends_at, "the workers do not come to an end"
        time.sleep(1)
    house.require_done(jobs)
    with house.database.begin() as connection:
        return float(connection.execute(text(_SECONDS), {"first": jobs[0], "last": jobs[-1]}).scalar_one())


@contextmanager
def _cluster(house: BenchHouse, workers: int, count: int) -> Iterator[None]:
    """Dagster's daemon and Celery workers, which have nothing in common but the services and the documents."""
    home = house.folder / "celery"
    home.mkdir()
    instance = (ROOT / "deploy" / "celery" / "dagster.yaml").read_text(encoding="utf-8")
    own = instance.replace("max_concurrent_runs: 8", f"max_concurrent_runs: {workers}")
    (home / "dagster.yaml").write_text(own, encoding="utf-8")
    environment = os.environ | {
        "DAGSTER_HOME": str(home),
        "CIRA_SENSOR_INTERVAL_S": "1",
        "CIRA_BATCH_MAX_JOBS": str(math.ceil(count / workers)),
        "OMP_NUM_THREADS": "1",
        # What is left when the benchmark itself is killed ends with its services.
        FOLDER_MARK: str(house.folder),
    }
    worker = ("celery", "--app", "resources.celery_workers", "worker", "--concurrency", "1", "--queues", "dagster")
    commands = [("dagster._daemon", "run", "--workspace", str(ROOT / "workspace.yaml"))]
    commands += [(*worker, "--hostname", f"{number}@bench") for number in range(workers)]
    started = [
        subprocess.Popen(
            [sys.executable, "-m", *command],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        for command in commands
    ]
    try:
        yield
    finally:
        for process in started:
            stop_process(process, by=signal.SIGTERM, patience_s=_STOP_PATIENCE_S)


def _table(scaled: Sequence[Scaled], numbers: Sequence[int]) -> Table:
    table = Table(title="documents a minute (median), and how many times those of the fewest workers")
    table.add_column("kind")
    table.add_column("way")
    for number in numbers:
        table.add_column(f"{number}", justify="right")
    table.add_column(f"speed-up with {numbers[-1]} against bare Docling's", justify="right")
    bare = {each.kind: each for each in scaled if each.way == "bare Docling"}
    for each in scaled:
        share = each.speed_up(numbers[-1]) / bare[each.kind].speed_up(numbers[-1])
        figures = (f"{each.per_minute[number]:.1f} (x{each.speed_up(number):.2f})" for number in numbers)
        table.add_row(each.kind, each.way, *figures, f"{share:.2f}")
    return table


if __name__ == "__main__":
    os.environ.setdefault("DAGSTER_EVENT_BATCH_SIZE", "500")
    assert Path("dagster.yaml").is_file(), "run it from the checkout"
    main()
