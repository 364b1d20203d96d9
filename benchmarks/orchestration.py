"""Measures the overhead of Dagster: a run over a batch of jobs, compared with a plain loop over the same four stages.

    python -m benchmarks.orchestration --batch 100 --repeat 3 2>/dev/null

Everything is warm (this process has loaded Dagster, a reader is up) and real: an embedded PostgreSQL and Valkey,
Dagster's instance on it as `cira up` sets it, the run executed as a warm worker executes it. Each measurement has
documents of its own: text PDFs and e-invoices by turns. Four ways through the same stages:

- plain loop: one job after the other, stage after stage, no Dagster
- stream: the streaming executor of a run, no Dagster
- run, job keys: the same in a Dagster run over the range, with its events, checks and job statuses
- run, batch key: the same in a Dagster run of one key that stands for all of them (`CIRA_BATCH_KEY_MIN_JOBS`)

`--keys` leaves out one kind of run. Seconds are the clock's and mean something on an idle machine only; CPU is that of
this process with its threads, without the readers' and PostgreSQL's. The bar is run with job keys minus plain loop: at
most 40 ms an invoice in batches of 100, and 0.7 s for a single invoice.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.bench_house import BenchHouse, bench_house, machine, plain_loop
from cira_pipeline.jobs import JobId, Stage
from cira_pipeline.pipeline.processor import Processor
from cira_pipeline.pipeline.stream import stream

BATCH_BAR_S, SINGLE_BAR_S = 0.040, 0.7
PLAIN_LOOP, STREAM, JOB_KEYS, BATCH_KEY = "plain loop", "stream", "run, job keys", "run, batch key"
RUNS = {"job": (JOB_KEYS,), "batch": (BATCH_KEY,), "both": (JOB_KEYS, BATCH_KEY)}


@dataclass(frozen=True)
class Measured:
    """Of one invoice."""

    seconds: float
    cpu_s: float
    events: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batch", type=int, default=100)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--singles", type=int, default=5)
    parser.add_argument("--keys", choices=list(RUNS), default="both")
    arguments = parser.parse_args()
    runs = RUNS[arguments.keys]
    with bench_house() as house, house.opened() as processor:
        house.warm(processor)
        batches = _measured(house, processor, arguments.batch, arguments.repeat, runs)
        singles = _measured(house, processor, 1, arguments.singles, runs) if arguments.singles else {}
    console = Console()
    console.print(machine())
    console.print(_table(f"batches of {arguments.batch}, an invoice (median)", batches, BATCH_BAR_S))
    if singles:
        console.print(_table("one invoice (median)", singles, SINGLE_BAR_S))


def _measured(
    house: BenchHouse, processor: Processor, size: int, repeat: int, runs: Collection[str]
) -> dict[str, list[Measured]]:
    """One figure for each repetition, by way; the ways take turns."""
    figures: dict[str, list[Measured]] = {way: [] for way in (PLAIN_LOOP, STREAM, *runs)}
    for _ in range(repeat):
        for way in figures:
            jobs = house.submit(size)
            go = _way(house, processor, way, jobs)
            started, cpu_started = time.monotonic(), time.process_time()
            run_id = go()
            seconds, cpu_s = time.monotonic() - started, time.process_time() - cpu_started
            events = house.event_count(run_id) if run_id else 0
            figures[way].append(Measured(seconds / size, cpu_s / size, events / size))
            house.require_done(jobs)
    return figures


def _way(house: BenchHouse, processor: Processor, way: str, jobs: Sequence[JobId]) -> Callable[[], str | None]:
    """As `BenchHouse.planned_run`, and the two ways without Dagster."""
    if way in (JOB_KEYS, BATCH_KEY):
        return house.planned_run(jobs, "job" if way == JOB_KEYS else "batch")
    if way == STREAM:
        return lambda: _stream(processor, jobs)
    return lambda: plain_loop(processor, jobs)


def _stream(processor: Processor, jobs: Sequence[JobId]) -> None:
    for _ in stream(processor, jobs, tuple(Stage), run_id="bench"):
        pass


def _table(title: str, figures: dict[str, list[Measured]], bar_s: float) -> Table:
    table = Table(title=title)
    for column in ("way", "seconds", "minus plain loop", "bar", "CPU ms", "CPU ms minus stream", "events"):
        table.add_column(column, justify="left" if column == "way" else "right")
    medians = {
        way: Measured(*(statistics.median(getattr(each, name) for each in of_way) for name in vars(of_way[0])))
        for way, of_way in figures.items()
    }
    loop, streamed = medians[PLAIN_LOOP], medians[STREAM]
    for way, median in medians.items():
        table.add_row(
            way,
            f"{median.seconds:.3f}",
            f"{median.seconds - loop.seconds:+.3f}",
            f"{bar_s:.3f}" if way == JOB_KEYS else "",
            f"{1_000 * median.cpu_s:.1f}",
            f"{1_000 * (median.cpu_s - streamed.cpu_s):+.1f}",
            f"{median.events:.2f}",
        )
    return table


if __name__ == "__main__":
    # Where Dagster is loaded, it reads this; `cira up` sets it for all its processes.
    os.environ.setdefault("DAGSTER_EVENT_BATCH_SIZE", "500")
    assert Path("dagster.yaml").is_file(), "run it from the checkout"
    main()
