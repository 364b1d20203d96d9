"""Measures a tick of the sensor `new_invoices` with many finished jobs in the tables.

    python -m benchmarks.sensor --finished 1000000

Real: an embedded PostgreSQL with so many finished jobs, Dagster's instance on it, the sensor's own function. Bars: a
tick with nothing new under 100 ms, one with 5,000 new jobs under 10 s (planning, partition keys and run requests;
Dagster's daemon adds the keys, which is measured with it).
"""

from __future__ import annotations

import argparse
import statistics
import time

import dagster as dg
from rich.console import Console
from rich.table import Table

from assets.partitions import PARTITIONS_NAME
from benchmarks.bench_house import BenchHouse, bench_house, machine
from cira_pipeline.db.jobs.repository import Submission
from resources.postgres import PostgresResource
from resources.redis import RedisResource
from tests.db.many_jobs import fill_queue

NOTHING_BAR_S, NEW_BAR_S = 0.1, 10.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--finished", type=int, default=1_000_000, help="in steps of 100")
    parser.add_argument("--new", type=int, default=5_000)
    parser.add_argument("--repeat", type=int, default=20)
    arguments = parser.parse_args()
    with bench_house() as house:
        with house.database.begin() as connection:
            fill_queue(connection, finished=arguments.finished, running=0, waiting=0)
        _tick(house)
        nothing = [_tick(house)[0] for _ in range(arguments.repeat)]
        submitting = time.monotonic()
        house.jobs.submit(Submission(f"https://example.com/new/{number}.pdf") for number in range(arguments.new))
        submitting = time.monotonic() - submitting
        new_s, runs, keys = _tick(house)
    table = Table(title=f"{arguments.finished:,} finished jobs in the tables")
    for column in ("tick", "seconds", "bar"):
        table.add_column(column, justify="left" if column == "tick" else "right")
    table.add_row("nothing new (median)", f"{statistics.median(nothing):.3f}", f"{NOTHING_BAR_S:.3f}")
    table.add_row("nothing new (longest)", f"{max(nothing):.3f}", "")
    table.add_row(f"{arguments.new:,} new jobs: {runs} runs, {keys} keys", f"{new_s:.3f}", f"{NEW_BAR_S:.3f}")
    table.add_row(f"submitting them ({arguments.new:,} in one request)", f"{submitting:.3f}", "")
    console = Console()
    console.print(machine())
    console.print(table)


def _tick(house: BenchHouse) -> tuple[float, int, int]:
    """Seconds, run requests, keys added."""
    resources = {
        "postgres": PostgresResource(url=dg.EnvVar("CIRA_POSTGRES_URL")),
        "redis": RedisResource(url=dg.EnvVar("CIRA_REDIS_URL")),
    }
    sensor = house.definitions.get_sensor_def("new_invoices")
    with dg.build_sensor_context(instance=house.instance, resources=resources) as context:
        started = time.monotonic()
        result = sensor(context)
        keys = [
            key
            for request in getattr(result, "dynamic_partitions_requests", ()) or ()
            for key in request.partition_keys
        ]
        if keys:
            house.instance.add_dynamic_partitions(PARTITIONS_NAME, keys)
        seconds = time.monotonic() - started
    return seconds, len(getattr(result, "run_requests", ()) or ()), len(keys)


if __name__ == "__main__":
    main()
