"""Measures one client's single e-invoice while another client's thousands of jobs wait for a source without answer.

    python -m benchmarks.fair_shares --flood 5000 2>/dev/null

Real: everything `cira up` starts, with its usual settings, and a source on 127.0.0.2 that accepts connections and
answers after 20 s. Both figures come from the same services: the single job with nothing else to do, then one every
few seconds while the flood is under way. Bar: recorded within 10 s. At the end the statuses of the flood are counted;
with `--recover` the source then answers at once, and the flood is followed until all its jobs have ended.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path
from typing import Any

import psycopg
from rich.console import Console
from rich.table import Table

from benchmarks.bench_house import machine
from benchmarks.latency import _made, moments
from benchmarks.served_folder import served_folder
from cira_pipeline.db.database import Database
from cira_pipeline.db.jobs.repository import JobRepository, Submission
from cira_pipeline.jobs import Policy
from cira_pipeline.local_stack.supervisor import Supervisor
from cira_pipeline.resilience.source_hosts import source_hosts_from_settings
from cira_pipeline.settings import Settings

BAR_S, TIMEOUT_S, PAUSE_S = 10.0, 600.0, 3.0
SHARES = ("sensor", "queue of runs", "start of the run", "stages")
ANSWERS_AFTER_S = 20.0
SILENT = "127.0.0.2"
STATUSES = "SELECT status, error_code, count(*) FROM cira.jobs WHERE client = 'flood' GROUP BY 1, 2 ORDER BY 3 DESC"
RUNS = "SELECT count(*) FROM cira.batches b JOIN cira.jobs j ON j.job_id = b.first_job WHERE j.client = 'flood'"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--flood", type=int, default=5_000)
    parser.add_argument("--singles", type=int, default=5, help="single jobs at rest, and as many in the flood")
    parser.add_argument("--recover", action="store_true")
    arguments = parser.parse_args()
    console = Console()
    console.print(machine())
    with tempfile.TemporaryDirectory(prefix="cira-fair-", dir="/tmp") as folder:
        _measured(Path(folder), arguments, console)


def _measured(folder: Path, arguments: argparse.Namespace, console: Console) -> None:
    documents = folder / "documents"
    settings = Settings(
        _env_file=None, home=folder / "home", fetch_allowed_hosts=("127.0.0.0/8",), policy=Policy.OFFLINE_ONLY
    )
    awake = threading.Event()
    with (
        served_folder(documents) as address,
        silent_source(documents, awake) as silent,
        Supervisor(settings).running() as services,
        psycopg.connect(services.postgres_url, autocommit=True) as connection,
    ):
        jobs = JobRepository(Database(services.postgres_url))
        names = [_made(documents, "xml", number) for number in range(2 * arguments.singles + 1)]
        _recorded(jobs, connection, f"{address}/{names[0]}")
        began = time.time()
        at_rest = []
        for name in names[1 : arguments.singles + 1]:
            at_rest.append(_recorded(jobs, connection, f"{address}/{name}"))
            time.sleep(PAUSE_S)
        flood_from = time.time()
        jobs.submit(
            Submission(f"http://{silent}/{names[0]}?{number}", client="flood") for number in range(arguments.flood)
        )
        flooded = []
        for name in names[arguments.singles + 1 :]:
            flooded.append(_recorded(jobs, connection, f"{address}/{name}"))
            time.sleep(PAUSE_S)
        _print(console, at_rest, flooded)
        _print_ticks(console, connection, began, flood_from)
        _flood(console, connection)
        hosts = source_hosts_from_settings(Settings(_env_file=None, redis_url=services.redis_url))
        console.print(hosts.states())
        if arguments.recover:
            awake.set()
            started = time.monotonic()
            while connection.execute(
                "SELECT 1 FROM cira.jobs WHERE client = 'flood' AND finished_at IS NULL LIMIT 1"
            ).fetchone():
                time.sleep(1)
            console.print(f"all of the flood ended {time.monotonic() - started:.0f} s after the source answered again")
            _flood(console, connection)


def _recorded(jobs: JobRepository, connection: psycopg.Connection[Any], url: str) -> list[float]:
    """Seconds from submission to record, and its `SHARES`."""
    submitting = time.time()
    (submitted,) = jobs.submit([Submission(url, client="single")])
    job_id = submitted.job.job_id
    while not jobs.get(job_id).status.final:
        if time.time() - submitting > TIMEOUT_S:
            return [float("inf")] * (1 + len(SHARES))
        time.sleep(0.1)
    ended = time.time()
    assert jobs.get(job_id).verdict is not None
    at = [submitting, *moments(connection, job_id)]
    return [ended - submitting, *(later - earlier for earlier, later in pairwise(at))]


def _flood(console: Console, connection: psycopg.Connection[Any]) -> None:
    for status, code, count in connection.execute(STATUSES):
        console.print(f"flood: {count} {status} {code or ''}")
    console.print(f"runs planned for the flood: {connection.execute(RUNS).fetchall()[0][0]}")


def _print(console: Console, at_rest: Sequence[Sequence[float]], flooded: Sequence[Sequence[float]]) -> None:
    table = Table(title="Seconds from submission to record, one e-invoice")
    for column in ("", "each", "median", "longest", "bar"):
        table.add_column(column)
    for what, singles in (("at rest", at_rest), ("in the flood", flooded)):
        for share, figures in zip(("submitted to recorded", *SHARES), zip(*singles, strict=True), strict=True):
            each, median = " ".join(f"{one:.1f}" for one in figures), statistics.median(figures)
            bar = f"{BAR_S:.0f}" if share not in SHARES else ""
            table.add_row(f"{what}: {share}", each, f"{median:.1f}", f"{max(figures):.1f}", bar)
        table.add_section()
    console.print(table)
    ratio = statistics.median(one[0] for one in flooded) / statistics.median(one[0] for one in at_rest)
    console.print(f"the median in the flood is {ratio:.2f} times the one at rest")


def _print_ticks(console: Console, connection: psycopg.Connection[Any], began: float, flood_from: float) -> None:
    """How long the sensor's ticks took, by Dagster's own record of them."""
    table = Table(title="Ticks of new_invoices, seconds")
    for column in ("", "ticks", "median", "longest", "runs asked for by the longest"):
        table.add_column(column)
    bodies = [json.loads(body) for (body,) in connection.execute("SELECT tick_body FROM public.job_ticks ORDER BY id")]
    took = [
        (tick["timestamp"], tick["end_timestamp"] - tick["timestamp"], len(tick.get("run_ids") or ()))
        for tick in bodies
        if tick.get("job_name") == "new_invoices" and tick.get("end_timestamp")
    ]
    for what, start, end in (("at rest", began, flood_from), ("in the flood", flood_from, time.time())):
        ticks = [(seconds, runs) for at, seconds, runs in took if start <= at < end]
        longest, runs = max(ticks)
        median = statistics.median(seconds for seconds, _ in ticks)
        table.add_row(what, str(len(ticks)), f"{median:.1f}", f"{longest:.1f}", str(runs))
    console.print(table)


@contextmanager
def silent_source(documents: Path, awake: threading.Event) -> Iterator[str]:
    """Answers after 20 s, or at once when it is `awake`."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            awake.wait(ANSWERS_AFTER_S)
            content = (documents / self.path.strip("/").partition("?")[0]).read_bytes()
            with suppress(ConnectionError):  # of a client that has given up
                self.send_response(200)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

        def log_message(self, *_arguments: object) -> None:
            """Nothing on the console."""

    server = ThreadingHTTPServer((SILENT, 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"{SILENT}:{server.server_port}"
    finally:
        awake.set()
        server.shutdown()
        server.server_close()


if __name__ == "__main__":
    main()
