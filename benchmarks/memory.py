"""Measures the memory of a run by its number of invoices; the promise is that it does not depend on it.

    python -m benchmarks.memory --sizes 100,500,2000

Real: everything `cira up` starts. Text PDFs and e-invoices, half and half, are submitted at once, so that they become
one run, whose process and reading processes are new for each size. Looked at twice a second is the proportional set
size of all of them together, with the process that runs are forked from. The yardstick is the smallest batch of the
same run of this benchmark; each size comes `--repeat` times, and of these the middle one counts. Sizes start where a
run has come to rest: processes are forked, and a few dozen invoices make their own of what they shared before.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil
from rich.console import Console
from rich.table import Table
from sqlalchemy import text

from benchmarks.bench_house import TEXT_AND_XML, machine
from benchmarks.process_watch import processes_watched
from cira_pipeline.db.database import Database
from cira_pipeline.db.jobs.repository import JobRepository, Submission
from cira_pipeline.jobs import Policy
from cira_pipeline.local_stack.supervisor import Services, Supervisor
from cira_pipeline.samples.generator import Order, labelled_document
from cira_pipeline.settings import Settings

MOST_RATIO = 1.25
_EVERY_S = 0.5
_PATIENCE_S = 7_200.0


@dataclass
class Peaks:
    """Bytes, one figure for each repetition."""

    together: list[int] = field(default_factory=list)
    largest: list[int] = field(default_factory=list)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default="100,500,2000")
    parser.add_argument("--repeat", type=int, default=3)
    arguments = parser.parse_args()
    sizes = sorted(int(size) for size in arguments.sizes.split(","))
    messages = Console(stderr=True)
    with tempfile.TemporaryDirectory(prefix="cira-memory-", dir="/tmp") as folder:
        measured = _measured(Path(folder), sizes, arguments.repeat, messages)
    console = Console()
    console.print(machine())
    console.print(_table(measured))


def _measured(folder: Path, sizes: Sequence[int], repeat: int, messages: Console) -> dict[int, Peaks]:
    documents, measured = folder / "documents", {size: Peaks() for size in sizes}
    urls = _made(documents)
    settings = Settings(
        _env_file=None,
        home=folder / "home",
        file_roots=(documents,),
        policy=Policy.OFFLINE_ONLY,
        sensor_interval_s=2,
        batch_max_jobs=sizes[-1],
    )
    with Supervisor(settings, say=messages.print).running() as services:
        database = Database(services.postgres_url)
        try:
            for repetition in range(repeat):
                for size, peaks in measured.items():
                    submissions = [Submission(next(urls)) for _ in range(size)]
                    with processes_watched(lambda: _run_and_readers(services), _EVERY_S) as peak:
                        _go_through_one_run(database, submissions)
                    peaks.together.append(peak.all_bytes)
                    peaks.largest.append(peak.largest_bytes)
                    messages.print(f"{size} invoices, {repetition + 1}: {peak.all_bytes / 1e6:,.0f} MB")
        finally:
            database.dispose()
    return measured


def _made(folder: Path) -> Iterator[str]:
    folder.mkdir(parents=True)
    order, number = Order(seed=13, kinds=TEXT_AND_XML), 0
    while True:
        document = labelled_document(order, number)
        path = folder / Path(document.name).name
        path.write_bytes(document.content)
        yield path.as_uri()
        number += 1


def _run_and_readers(services: Services) -> list[psutil.Process]:
    """The runs, which the code server has started, and the readers, which are forked from theirs."""
    pids = json.loads((services.settings.home / "services.json").read_text())["pids"]
    started_by = (psutil.Process(pids[name]) for name in ("code-server", "fork-server"))
    return [process for each in started_by for process in each.children(recursive=True)]


def _go_through_one_run(database: Database, submissions: Sequence[Submission]) -> None:
    ids = [each.job.job_id for each in JobRepository(database).submit(submissions)]
    ends_at = time.monotonic() + _PATIENCE_S
    unfinished = "SELECT count(*) FROM cira.jobs WHERE finished_at IS NULL"
    at_work = "SELECT count(*) FROM public.runs WHERE status NOT IN ('SUCCESS', 'FAILURE', 'CANCELED')"
    while any(_number(database, sql) for sql in (unfinished, at_work)):
        assert time.monotonic() < ends_at, "the run does not end"
        time.sleep(_EVERY_S)
    last = f"SELECT count(DISTINCT run_id) FROM cira.jobs WHERE job_id BETWEEN '{ids[0]}' AND '{ids[-1]}'"
    assert _number(database, last) == 1, "the batch became several runs"


def _number(database: Database, sql: str) -> int:
    with database.begin() as connection:
        return int(connection.execute(text(sql)).scalar_one())


def _table(measured: dict[int, Peaks]) -> Table:
    table = Table(title="one run of text PDFs and e-invoices 50/50: most memory of its processes (median)")
    for column in ("invoices", "together, MB", "of one process, MB", "against the smallest batch", "bar"):
        table.add_column(column, justify="right")
    smallest = statistics.median(next(iter(measured.values())).together)
    for size, peaks in measured.items():
        together = statistics.median(peaks.together)
        table.add_row(
            f"{size:,}",
            f"{together / 1e6:,.0f}",
            f"{statistics.median(peaks.largest) / 1e6:,.0f}",
            f"{together / smallest:.2f}",
            f"{MOST_RATIO:.2f}",
        )
    return table


if __name__ == "__main__":
    assert Path("dagster.yaml").is_file(), "run it from the checkout"
    main()
