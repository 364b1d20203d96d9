"""Processes a month of invoices with everything `cira up` starts: sensor, daemon, runs, tables, Dagster's events.

    python -m benchmarks.ten_thousand --count 10000

Generated text PDFs and e-invoices, half and half, are submitted in portions as files; the clock runs from the first
submission to the end of the last job. Prints the rate, the most memory that all of CIRA's processes held together
(proportional set size, so that shared pages count once), the processor time they took, and what was lost or done twice;
exit status 1 when anything was, or when ten thousand would take more than an hour at this rate. A job counts as done
when it has ended, has its record, and Dagster shows its four assets materialised once each.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
from rich.console import Console
from rich.table import Table
from sqlalchemy import text

from benchmarks.bench_house import TEXT_AND_XML, machine
from benchmarks.process_watch import Watched, processes_watched
from cira_pipeline.db.database import Database
from cira_pipeline.db.jobs.repository import JobRepository, Submission
from cira_pipeline.jobs import JobId, Policy
from cira_pipeline.local_stack.processes import CHILD_MARK, marked_processes
from cira_pipeline.local_stack.supervisor import Supervisor
from cira_pipeline.samples.generator import Order, labelled_document
from cira_pipeline.settings import Settings

A_MONTH, BAR_S = 10_000, 3_600.0
_PORTION = 1_000
_LOOK_S = 1.0
_PATIENCE_S = 900.0

# Each counts what must be none.
_LOST = {
    "jobs that have not ended": "SELECT count(*) FROM cira.jobs WHERE finished_at IS NULL",
    "jobs that failed": "SELECT count(*) FROM cira.jobs WHERE status = 'failed'",
    "ended jobs without a record": "SELECT count(*) FROM cira.jobs LEFT JOIN cira.records USING (job_id) "
    "WHERE records.job_id IS NULL AND finished_at IS NOT NULL",
    "jobs whose assets Dagster does not show": "SELECT count(*) FROM cira.jobs LEFT JOIN (SELECT partition, "
    "count(DISTINCT asset_key) AS assets FROM public.event_logs WHERE dagster_event_type = 'ASSET_MATERIALIZATION' "
    "GROUP BY partition) shown ON shown.partition = job_id WHERE coalesce(assets, 0) < 4",
}
_TWICE = {
    "jobs that ran twice": "SELECT count(*) FROM cira.jobs WHERE attempts > 1",
    "assets materialised twice": "SELECT count(*) FROM (SELECT 1 FROM public.event_logs WHERE dagster_event_type = "
    "'ASSET_MATERIALIZATION' AND partition IS NOT NULL GROUP BY asset_key, partition HAVING count(*) > 1) twice",
    "documents read twice": "SELECT count(*) FROM (SELECT 1 FROM cira.readings GROUP BY document_sha256 "
    "HAVING count(*) > 1) twice",
}


@dataclass(frozen=True)
class Outcome:
    count: int
    seconds: float
    watched: Watched
    runs: int
    lost: dict[str, int]
    twice: dict[str, int]
    why: dict[str, int]
    """Failed jobs, and those that waited and went on in a later run, by what stopped them."""

    @property
    def per_hour(self) -> float:
        return 3_600 * self.count / self.seconds

    @property
    def complete(self) -> bool:
        return not any(self.lost.values()) and not any(self.twice.values())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=A_MONTH)
    arguments = parser.parse_args()
    messages = Console(stderr=True)
    with tempfile.TemporaryDirectory(prefix="cira-month-", dir="/tmp") as folder:
        outcome = processed(Path(folder), arguments.count, messages)
    console = Console()
    console.print(machine())
    console.print(_table(outcome))
    in_time = outcome.per_hour >= A_MONTH / (BAR_S / 3_600)
    sys.exit(0 if outcome.complete and in_time else 1)


def processed(folder: Path, count: int, messages: Console, **given: object) -> Outcome:
    """Processes `count` invoices with all services in `folder`, which are stopped afterwards."""
    documents = folder / "documents"
    messages.print(f"Making {count} documents")
    paths = list(_made(documents, count))
    settings = Settings(
        _env_file=None,
        home=folder / "home",
        file_roots=(documents,),
        policy=Policy.OFFLINE_ONLY,
        sensor_interval_s=2,
        **given,
    )
    with Supervisor(settings, say=messages.print).running() as services:
        database = Database(services.postgres_url)
        try:
            with processes_watched(lambda: _all_processes(settings.home), 2 * _LOOK_S, _role) as watched:
                seconds = _time_to_end(database, paths, messages)
            _wait_for_runs(database)
            runs = _number(database, "SELECT count(*) FROM public.runs")
            lost = {what: _number(database, sql) for what, sql in _LOST.items()}
            lost["invoices without a job"] = count - _number(database, "SELECT count(*) FROM cira.jobs")
            twice = {what: _number(database, sql) for what, sql in _TWICE.items()}
            why = _failures(database)
        finally:
            database.dispose()
    return Outcome(count, seconds, watched, runs, lost, twice, why)


def _all_processes(home: Path) -> list[psutil.Process]:
    """With PostgreSQL's own, whose environment, and the mark in it, its titles have taken the place of."""
    marked = marked_processes(home)
    servers = [process for process in marked if process.name() == "postgres"]
    backends = (child for server in servers for child in server.children(recursive=True))
    return list(dict.fromkeys([*marked, *backends]))


def _role(process: psutil.Process) -> str:
    arguments = " ".join(process.cmdline())
    if process.name() == "postgres":
        return "PostgreSQL"
    if "cira_pipeline.sandbox." in arguments:
        return "reading"
    child = process.environ().get(CHILD_MARK, "others")
    return "runs" if child == "code-server" and "forkserver" in arguments else child


def _made(folder: Path, count: int) -> Iterator[Path]:
    folder.mkdir(parents=True)
    order = Order(seed=11, kinds=TEXT_AND_XML)
    for number in range(count):
        document = labelled_document(order, number)
        path = folder / Path(document.name).name
        path.write_bytes(document.content)
        yield path


def _time_to_end(database: Database, paths: Iterable[Path], messages: Console) -> float:
    jobs, started = JobRepository(database), time.monotonic()
    urls, ids = [path.as_uri() for path in paths], list[JobId]()
    for start in range(0, len(urls), _PORTION):
        ids += [each.job.job_id for each in jobs.submit(Submission(url) for url in urls[start : start + _PORTION])]
    ended, last_end = -1, time.monotonic()
    while ended < len(ids) and time.monotonic() - last_end < _PATIENCE_S:
        time.sleep(_LOOK_S)
        now_ended = sum(count for status, count in jobs.counts().items() if status.final)
        if now_ended != ended:
            portions, ended, last_end = ended // _PORTION, now_ended, time.monotonic()
            if ended // _PORTION > portions:
                messages.print(f"{ended} of {len(ids)} after {last_end - started:.0f} s")
    return time.monotonic() - started


def _wait_for_runs(database: Database) -> None:
    """A run's last events follow its last job."""
    ends_at = time.monotonic() + _PATIENCE_S
    at_work = "SELECT count(*) FROM public.runs WHERE status NOT IN ('SUCCESS', 'FAILURE', 'CANCELED')"
    while _number(database, at_work) and time.monotonic() < ends_at:
        time.sleep(_LOOK_S)


def _number(database: Database, sql: str) -> int:
    with database.begin() as connection:
        # Whole tables of events take longer than a service may.
        connection.execute(text("SET LOCAL statement_timeout = 0"))
        return int(connection.execute(text(sql)).scalar_one())


def _failures(database: Database) -> dict[str, int]:
    by_reason = """
        SELECT concat_ws(' in ', error_code, stage) || ': ' || left(error_message, 200), count(*)
        FROM cira.jobs WHERE status = 'failed' GROUP BY 1
        UNION ALL
        SELECT left(regexp_replace(event::json ->> 'user_message', '^inv_[^ ]* ', ''), 300), count(*)
        FROM public.event_logs WHERE dagster_event_type IS NULL AND event LIKE '%goes on by itself%' GROUP BY 1
    """
    with database.begin() as connection:
        connection.execute(text("SET LOCAL statement_timeout = 0"))
        return {str(reason): int(count) for reason, count in connection.execute(text(by_reason))}


def _table(outcome: Outcome) -> Table:
    table = Table(title=f"{outcome.count:,} invoices, text PDFs and e-invoices 50/50")
    table.add_column("what")
    table.add_column("figure", justify="right")
    table.add_row("seconds", f"{outcome.seconds:,.0f}")
    table.add_row("invoices an hour", f"{outcome.per_hour:,.0f}")
    table.add_row("runs", f"{outcome.runs:,}")
    table.add_row("most memory of all processes, MB", f"{outcome.watched.all_bytes / 1e6:,.0f}")
    table.add_row("most memory of one process, MB", f"{outcome.watched.largest_bytes / 1e6:,.0f}")
    for role, cpu_s in outcome.watched.cpu_s.items():
        table.add_row(f"processor time an invoice, ms: {role}", f"{1_000 * cpu_s / outcome.count:,.0f}")
    for what, number in (outcome.lost | outcome.twice | outcome.why).items():
        table.add_row(what, f"{number:,}", style=None if number == 0 else "bold red")
    return table


if __name__ == "__main__":
    main()
