"""What Dagster adds to an invoice: a run over a range of jobs, against a plain loop over the same four stages.

    python -m benchmarks.orchestration --batch 100 --repeat 3 2>/dev/null

Everything is warm (this process has loaded Dagster, a reader is up) and real: an embedded PostgreSQL and Valkey,
Dagster's instance on it as `cira up` sets it, the run executed as a warm worker executes it. Each measurement has
documents of its own: text PDFs and e-invoices by turns. Three ways through the same stages:

- plain loop: one job after the other, stage after stage, no Dagster
- stream: the streaming executor of a run, no Dagster
- run: the same in a Dagster run over the range, with its events, checks and job statuses

The bar is run minus plain loop: at most 40 ms an invoice in batches of 100, and 0.7 s for a single invoice.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.bench_house import BenchHouse, bench_house, machine, plain_loop
from cira_pipeline.jobs import JobId, Stage
from cira_pipeline.processing.processor import Processor
from cira_pipeline.processing.stream import stream

BATCH_BAR_S, SINGLE_BAR_S = 0.040, 0.7


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batch", type=int, default=100)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--singles", type=int, default=5)
    arguments = parser.parse_args()
    with bench_house() as house, house.opened() as processor:
        house.warm(processor)
        batches = _measured(house, processor, arguments.batch, arguments.repeat)
        singles = _measured(house, processor, 1, arguments.singles)
    console = Console()
    console.print(machine())
    console.print(_table(f"batches of {arguments.batch}, seconds an invoice (median)", batches, BATCH_BAR_S))
    console.print(_table("one invoice, seconds (median)", singles, SINGLE_BAR_S))


def _measured(house: BenchHouse, processor: Processor, size: int, repeat: int) -> dict[str, list[float]]:
    """Seconds an invoice by way, one figure for each repetition; the ways take turns."""
    ways: dict[str, Callable[[Sequence[JobId]], object]] = {
        "plain loop": lambda jobs: plain_loop(processor, jobs),
        "stream": lambda jobs: list(stream(processor, jobs, tuple(Stage), run_id="bench")),
        "run": house.run,
    }
    seconds: dict[str, list[float]] = {way: [] for way in ways}
    for _ in range(repeat):
        for way, go in ways.items():
            jobs = house.submit(size)
            if way == "run":
                house.add_keys(jobs)
            started = time.monotonic()
            go(jobs)
            seconds[way].append((time.monotonic() - started) / size)
            house.require_done(jobs)
    return seconds


def _table(title: str, seconds: dict[str, list[float]], bar_s: float) -> Table:
    table = Table(title=title)
    for column in ("way", "seconds", "minus plain loop", "bar"):
        table.add_column(column, justify="left" if column == "way" else "right")
    loop = statistics.median(seconds["plain loop"])
    for way, figures in seconds.items():
        median = statistics.median(figures)
        table.add_row(way, f"{median:.3f}", f"{median - loop:+.3f}", f"{bar_s:.3f}" if way == "run" else "")
    stream_median = statistics.median(seconds["stream"])
    table.add_row("run minus stream", f"{statistics.median(seconds['run']) - stream_median:.3f}", "", "")
    return table


if __name__ == "__main__":
    # Where Dagster is loaded, it reads this; `cira up` sets it for all its processes.
    os.environ.setdefault("DAGSTER_EVENT_BATCH_SIZE", "500")
    assert Path("dagster.yaml").is_file(), "run it from the checkout"
    main()
