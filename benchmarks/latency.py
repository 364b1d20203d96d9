"""Measures the latency of one invoice from submission to record, and its parts.

    python -m benchmarks.latency --count 10 2>/dev/null

Real: everything `cira up` starts, with its usual settings. One invoice after the other is submitted over REST and
followed by the client until it has ended; the next one comes when the run of the last one is over, and at a random
moment, so that the sensor's interval is met anywhere. The parts come from timestamps in PostgreSQL: when the
job was submitted, started and finished, and when Dagster wrote the events of its run.

The yardstick, in the same run of this benchmark: the plain loop over the same four stages, in this process, warm, on
other documents of the same kind, without Dagster, sensor and REST. What a run needs beside it is no work on an invoice.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

import psycopg
from rich.console import Console
from rich.table import Table

from benchmarks.bench_house import bench_house, machine, plain_loop
from benchmarks.keys import new_key
from benchmarks.served_folder import served_folder
from cira_pipeline.client import Client
from cira_pipeline.db.jobs.repository import Submission
from cira_pipeline.jobs import Policy
from cira_pipeline.local_stack.ports import LOOPBACK
from cira_pipeline.local_stack.supervisor import Supervisor
from cira_pipeline.samples.generator import LabelledKind, Order, labelled_document
from cira_pipeline.settings import Settings

KINDS: tuple[LabelledKind, ...] = ("xml", "pdf-text", "pdf-scan")
SHARES = ("sensor", "queue of runs", "start of the run", "stages", "telling the client")
_LONGEST_PAUSE_S = 5.0
_TIMEOUT_S = 900.0

_EVENT_AT = "(SELECT min(timestamp) FROM public.event_logs WHERE run_id = jobs.run_id AND dagster_event_type = '{}')"
_MOMENTS = (
    f"SELECT {_EVENT_AT.format('PIPELINE_ENQUEUED')}, {_EVENT_AT.format('PIPELINE_STARTING')}, "
    "started_at, finished_at FROM cira.jobs WHERE job_id = %s"
)
_AT_WORK = "SELECT count(*) FROM public.runs WHERE status NOT IN ('SUCCESS', 'FAILURE', 'CANCELED')"


@dataclass
class Latencies:
    """Seconds, one figure for each invoice."""

    total: list[float] = field(default_factory=list)
    shares: dict[str, list[float]] = field(default_factory=lambda: {share: [] for share in SHARES})
    loop: list[float] = field(default_factory=list)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=10, help="invoices of each kind")
    parser.add_argument("--kinds", default=",".join(KINDS))
    arguments = parser.parse_args()
    kinds: Sequence[LabelledKind] = arguments.kinds.split(",")
    measured = {kind: Latencies() for kind in kinds}
    with tempfile.TemporaryDirectory(prefix="cira-latency-", dir="/tmp") as folder:
        _through_everything(Path(folder), arguments.count, measured)
    _through_the_plain_loop(arguments.count, measured)
    console = Console()
    console.print(machine())
    console.print(_table(measured))


def _through_everything(folder: Path, count: int, measured: Mapping[LabelledKind, Latencies]) -> None:
    documents, random = folder / "documents", Random(3)
    settings = Settings(
        _env_file=None, home=folder / "home", fetch_allowed_hosts=(LOOPBACK,), policy=Policy.OFFLINE_ONLY
    )
    with (
        served_folder(documents) as address,
        Supervisor(settings).running() as services,
        Client(services.api_url, new_key(services.settings, services.postgres_url, "latency")) as client,
        psycopg.connect(services.postgres_url, autocommit=True) as connection,
    ):
        # The first run of all also waits for what the machine loads from its disk.
        _ended(client, connection, f"{address}/{_made(documents, 'xml', count)}")
        for number in range(count):
            for kind, latencies in measured.items():
                name = _made(documents, kind, number)
                time.sleep(random.uniform(0, _LONGEST_PAUSE_S))
                _note(latencies, *_ended(client, connection, f"{address}/{name}"))


def _ended(client: Client, connection: psycopg.Connection[Any], url: str) -> tuple[float, list[float]]:
    """The moments of one invoice: submitted by the client, all that PostgreSQL notes, known to the client as ended."""
    submitting = time.time()
    job_id = client.submit(url).job_id
    ended = client.wait(job_id, timeout_s=_TIMEOUT_S)
    known = time.time()
    assert ended.verdict is not None, ended
    while connection.execute(_AT_WORK).fetchone() != (0,):
        time.sleep(0.2)
    return submitting, [*moments(connection, job_id), known]


def moments(connection: psycopg.Connection[Any], job_id: str) -> list[float]:
    """When its run was enqueued and started, and the job begun and finished: seconds since 1970."""
    row = connection.execute(_MOMENTS, (job_id,)).fetchone()
    assert row is not None
    return [*map(_seconds, row)]


def _seconds(moment: datetime) -> float:
    """Dagster's columns are in UTC and do not say so."""
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _note(latencies: Latencies, submitting: float, moments: Sequence[float]) -> None:
    latencies.total.append(moments[-1] - submitting)
    for share, start, end in zip(SHARES, (submitting, *moments), moments, strict=False):
        latencies.shares[share].append(end - start)


def _through_the_plain_loop(count: int, measured: Mapping[LabelledKind, Latencies]) -> None:
    with bench_house(tuple(measured), policy="offline_only") as house, house.opened() as processor:
        documents = house.folder / "documents"
        house.warm(processor)
        for number in range(count):
            for kind, latencies in measured.items():
                path = documents / _made(documents, kind, 2 * count + number)
                (submitted,) = house.jobs.submit([Submission(path.as_uri())])
                started = time.monotonic()
                plain_loop(processor, [submitted.job.job_id])
                latencies.loop.append(time.monotonic() - started)


def _made(folder: Path, kind: LabelledKind, number: int) -> str:
    """The name of a new document in `folder`."""
    document = labelled_document(Order(seed=8_000, kinds=(kind,)), number)
    name = f"{kind}-{Path(document.name).name}"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(document.content)
    return name


def _table(measured: Mapping[str, Latencies]) -> Table:
    table = Table(title="one invoice, seconds (median; longest of all in brackets)")
    table.add_column("what")
    for kind in measured:
        table.add_column(kind, justify="right")
    for share in SHARES:
        table.add_row(share, *(_median(each.shares[share]) for each in measured.values()))
    table.add_section()
    table.add_row("submitted to known as ended", *(_median(each.total) for each in measured.values()))
    table.add_row("plain loop over the stages", *(_median(each.loop) for each in measured.values()))
    table.add_row(
        "ratio",
        *(f"{statistics.median(each.total) / statistics.median(each.loop):.1f}" for each in measured.values()),
    )
    waits = ("sensor", "queue of runs", "start of the run")
    shares = (
        sum(statistics.median(each.shares[share]) for share in waits) / statistics.median(each.total)
        for each in measured.values()
    )
    table.add_row("share of waiting and starting", *(f"{share:.0%}" for share in shares))
    return table


def _median(seconds: Sequence[float]) -> str:
    return f"{statistics.median(seconds):.2f} ({max(seconds):.2f})"


if __name__ == "__main__":
    assert Path("dagster.yaml").is_file(), "run it from the checkout"
    main()
