"""Soak test of `cira up`: resources held under a steady load, minute by minute, and their growth.

    python -m benchmarks.soak --minutes 60

Invoices come in over REST and through the inbox in every kind, 25 programs poll at once every two minutes, people look
at pages; for the last sixth of the time nothing comes in. Exit status 1 when something that has to be flat is not:

- memory (proportional set size), descriptors and threads of every process that lives on, connections to PostgreSQL and
  Valkey, files in TMPDIR: the median slope (Theil and Sen) after the warm-up, a quarter of the time, times the hours
  that were measured, may be 10 % of the mean, or 10 MB, 3 descriptors, threads, connections or files, if that is more
- tables and files grow with the jobs, in the second half of the load at most 1.25 times as much a job as in the first
- while nothing comes in, tables and files together grow by at most 100 kB a minute, which are the ticks of sensors and
  logs, no process of a run is left, and no reader but those that the REST service keeps for the next upload

Then what is old is removed as docs/home.md promises: runs with their events, partition keys, ticks of sensors, and
the logs of processes are bounded.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import psycopg
from rich.console import Console
from rich.table import Table

from benchmarks.bench_house import machine
from benchmarks.chaos_everything import BillingStandin, chaos_settings
from benchmarks.cira_up import CiraUp
from benchmarks.keys import new_key
from benchmarks.mixed_documents import MixedDocument, endless_documents
from benchmarks.served_folder import served_folder
from benchmarks.soak_samples import COME_AND_GO, Sample, sample
from benchmarks.steady_load import SteadyLoad
from cira_pipeline.jobs import JobStatus, Policy
from cira_pipeline.sandbox.pool import worker_pool
from tests.azure_standin import Fault, Faults

_SHARE_OF_MEAN = 0.10
_LEAST = {"MB": 10.0, "": 3.0}
_PER_JOB_GROWTH = 1.25
_IDLE_BYTES_A_MINUTE = 100_000
_DRAIN_S = 300.0
_PRUNED_WITHIN_S = 180.0
_FINAL = [status.value for status in JobStatus if status.final]


@dataclass(frozen=True)
class Line:
    """One row of the table; `allowed` is `None` for values that are only shown."""

    what: str
    first: float
    last: float
    growth: float
    allowed: float | None

    @property
    def flat(self) -> bool:
        return self.allowed is None or self.growth <= self.allowed


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.soak", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--jobs-per-minute", type=float, default=12)
    parser.add_argument("--every", type=float, default=60, help="seconds between two samples")
    given = parser.parse_args()
    console, messages = Console(width=150, highlight=False), Console(stderr=True, highlight=False, width=150)
    console.print(machine())
    with _folder() as folder:
        broken = _soak(folder, given.minutes * 60, given.jobs_per_minute, given.every, console, messages)
        if broken:
            (folder / "keep").touch()
            console.print(f"not flat, or not kept: {'; '.join(broken)} (home: {folder / 'home'})", soft_wrap=True)
        else:
            console.print("Everything is flat.")
    return 1 if broken else 0


def _soak(
    folder: Path, seconds: float, jobs_per_minute: float, every_s: float, console: Console, messages: Console
) -> list[str]:
    temporary, served = folder / "temporary", folder / "documents"
    for each in (temporary, served):
        each.mkdir()
    standin = BillingStandin((), Faults(rates={Fault.rate_limited(0.2, milliseconds=True): 0.02}))
    with standin as azure, served_folder(served) as address:
        settings = chaos_settings(folder / "home", azure).model_copy(update={"policy": Policy.CHEAPEST})
        with CiraUp(settings, folder / "cira-up.log", {"TMPDIR": str(temporary)}) as up:
            services = up.wait_until_ready()
            key = new_key(settings, services.postgres_url, "soak")
            load = SteadyLoad(up, key, _known_to(standin), served, address, jobs_per_minute)
            stop = load.start()
            began, idle_s = time.monotonic(), seconds / 6
            busy = list(_samples(up, temporary, began, seconds - idle_s, every_s, messages))
            stop()
            undone = _drain(services.postgres_url)
            idle = [sample(up, temporary, began), *_samples(up, temporary, began, idle_s, every_s, messages)]
            broken = _judge(busy, idle, worker_pool(settings, reads=False).most, console)
            if undone:
                broken.append(f"{undone} jobs have not ended")
            if up.ends:
                broken.append(f"cira up ended: {up.ends}")
            broken += _pruned(services.postgres_url, settings.home, console)
            _tell_load(load, busy, console)
    return broken


def _known_to(standin: BillingStandin) -> Iterator[MixedDocument]:
    for document in endless_documents(seed=20_000):
        standin.learn(document)
        yield document


def _samples(
    up: CiraUp, temporary: Path, began: float, seconds: float, every_s: float, messages: Console
) -> Iterator[Sample]:
    ends_at = time.monotonic() + seconds
    while (now := time.monotonic()) < ends_at:
        time.sleep(min(every_s, ends_at - now))
        taken = sample(up, temporary, began)
        pss = sum(value for name, value in taken.held.items() if name.endswith("PSS, MB"))
        tables = sum(taken.tables.values()) / 1e6
        messages.print(f"{taken.at_s / 60:5.1f} min: {taken.jobs} jobs, {pss:.0f} MB, tables {tables:.0f} MB")
        yield taken


def _drain(postgres_url: str) -> int:
    """Waits until all jobs have ended and no run is in progress; returns how many have not."""
    ends_at = time.monotonic() + _DRAIN_S
    while True:
        jobs = _number(postgres_url, "SELECT count(*) FROM cira.jobs WHERE NOT status = ANY(%s)", _FINAL)
        runs = _number(
            postgres_url,
            "SELECT count(*) FROM public.runs WHERE status NOT IN ('SUCCESS', 'FAILURE', 'CANCELED')",
        )
        if not jobs + runs or time.monotonic() > ends_at:
            return jobs
        time.sleep(2)


def _judge(busy: Sequence[Sample], idle: Sequence[Sample], kept_readers: int, console: Console) -> list[str]:
    measured = busy[len(busy) // 4 :]
    lines = [_flatness(name, measured) for name in sorted({name for each in measured for name in each.held})]
    lines += _growth_with_jobs(measured)
    lines.append(_idle_growth(idle))
    for kind, allowed in (("run", 0), ("reader", kept_readers)):
        left = idle[-1].held.get(f"{kind}: processes", 0)
        lines.append(Line(f"{kind}: processes when idle", 0, left, left, allowed))
    table = Table(box=None, title="what is held", title_justify="left")
    for column in ("what", "first", "last", "growth", "allowed", ""):
        table.add_column(column, justify="left" if column == "what" else "right")
    for line in lines:
        allowed = "" if line.allowed is None else f"{line.allowed:,.1f}"
        verdict = "" if line.allowed is None else ("flat" if line.flat else "NOT FLAT")
        table.add_row(line.what, f"{line.first:,.1f}", f"{line.last:,.1f}", f"{line.growth:+,.1f}", allowed, verdict)
    console.print(table)
    return [line.what for line in lines if not line.flat]


def _flatness(name: str, samples: Sequence[Sample]) -> Line:
    """Growth over the time that was measured, by the median of all slopes."""
    values = [(each.at_s, each.held.get(name, 0.0)) for each in samples]
    slopes = [(after - before) / (later - sooner) for (sooner, before), (later, after) in combinations(values, 2)]
    growth = statistics.median(slopes) * (values[-1][0] - values[0][0]) if slopes else 0.0
    mean = statistics.fmean(value for _, value in values)
    least = _LEAST["MB" if name.endswith("MB") else ""]
    follows_load = name.partition(":")[0] in COME_AND_GO
    allowed = None if follows_load else max(_SHARE_OF_MEAN * mean, least)
    return Line(name, values[0][1], values[-1][1], growth, allowed)


def _growth_with_jobs(samples: Sequence[Sample]) -> Iterator[Line]:
    """kB a job in each half of the load; what grows little is not judged, for it grows in steps."""
    parts = (("table", lambda each: each.tables), ("files in", lambda each: each.folders))
    halves = (samples[: len(samples) // 2 + 1], samples[len(samples) // 2 :])
    for what, of in parts:
        for name in sorted(of(samples[-1])):
            first, second = (_kb_a_job(half, lambda each, of=of, name=name: of(each).get(name, 0)) for half in halves)
            if max(first, second) >= 0.2:
                judged = max(first, second) >= 2.0
                allowed = max(first * (_PER_JOB_GROWTH - 1), 1.0) if judged else None
                yield Line(f"{what} {name}, kB a job", first, second, second - first, allowed)


def _kb_a_job(samples: Sequence[Sample], size: Callable[[Sample], int]) -> float:
    jobs = samples[-1].jobs - samples[0].jobs
    return (size(samples[-1]) - size(samples[0])) / 1e3 / jobs if jobs else 0.0


def _idle_growth(idle: Sequence[Sample]) -> Line:
    sizes = [sum(each.tables.values()) + sum(_without_postgres(each).values()) for each in idle]
    minutes = (idle[-1].at_s - idle[0].at_s) / 60
    growth = (sizes[-1] - sizes[0]) / 1e3 / minutes if minutes else 0.0
    return Line(
        "tables and files when idle, kB a minute", sizes[0] / 1e3, sizes[-1] / 1e3, growth, _IDLE_BYTES_A_MINUTE / 1e3
    )


def _without_postgres(each: Sample) -> dict[str, int]:
    """Its folder holds the tables, which are counted, and a log that it writes ahead and reuses."""
    return {name: size for name, size in each.folders.items() if name != "postgres"}


def _pruned(postgres_url: str, home: Path, console: Console) -> list[str]:
    """Makes ticks, runs and keys look old, and checks that they are removed."""
    broken = []
    old_ticks = _number(
        postgres_url,
        "WITH old AS (UPDATE public.job_ticks SET timestamp = timestamp - interval '2 days' "
        "WHERE status = 'SKIPPED' RETURNING 1) SELECT count(*) FROM old",
    )
    ends_at = time.monotonic() + _PRUNED_WITHIN_S
    sql = "SELECT count(*) FROM public.job_ticks WHERE status = 'SKIPPED' AND timestamp < now() - interval '1.5 days'"
    while (left := _number(postgres_url, sql)) and time.monotonic() < ends_at:
        time.sleep(2)
    console.print(f"ticks that were skipped two days ago: {old_ticks}, left after {_PRUNED_WITHIN_S:.0f} s: {left}")
    if left or not old_ticks:
        broken.append("old ticks of sensors are not removed")
    largest = max((log.stat().st_size for log in (home / "logs").iterdir()), default=0)
    console.print(f"largest log of a process: {largest / 1e6:.1f} MB")
    return broken


def _tell_load(load: SteadyLoad, busy: Sequence[Sample], console: Console) -> None:
    console.print(f"load: {busy[-1].jobs} jobs ended; {dict(load.done)}", soft_wrap=True)
    if load.failed:
        console.print(f"requests that failed: {dict(load.failed)}", soft_wrap=True)


def _number(postgres_url: str, sql: str, *parameters: Any) -> int:
    with psycopg.connect(postgres_url) as connection:
        row = connection.execute(sql, parameters).fetchone()  # type: ignore[arg-type]
        assert row is not None
        return int(row[0])


@contextmanager
def _folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="cira-soak-", dir="/tmp"))
    try:
        yield folder
    finally:
        if not (folder / "keep").exists():
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
