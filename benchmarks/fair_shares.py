"""How long one client's single e-invoice takes while another client's thousands of jobs wait for a silent source.

    python -m benchmarks.fair_shares --flood 5000 2>/dev/null

Real: everything `cira up` starts, with its usual settings, and a source on 127.0.0.2 that accepts connections and
answers after 20 s. Both figures come from the same services: the single job with nothing else to do, then one every
few seconds while the flood is under way. Bar: recorded within 10 s. At the end the statuses of the flood are counted;
with `--recover` the source then answers at once, and the flood is followed until all its jobs have ended.
"""

from __future__ import annotations

import argparse
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import psycopg
from rich.console import Console
from rich.table import Table

from benchmarks.bench_house import machine
from benchmarks.latency import _made, _served
from cira_pipeline.embedded.supervisor import Supervisor
from cira_pipeline.resilience.source_hosts import source_hosts_from_settings
from cira_pipeline.settings import Policy, Settings
from cira_pipeline.storage.database import Database
from cira_pipeline.storage.jobs import JobRepository, Submission

BAR_S, TIMEOUT_S = 10.0, 600.0
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
        _served(documents) as address,
        _silent_source(documents, awake) as silent,
        Supervisor(settings).running() as services,
        psycopg.connect(services.postgres_url, autocommit=True) as connection,
    ):
        jobs = JobRepository(Database(services.postgres_url))
        names = [_made(documents, "xml", number) for number in range(2 * arguments.singles + 1)]
        _recorded_s(jobs, f"{address}/{names[0]}")
        at_rest = [_recorded_s(jobs, f"{address}/{name}") for name in names[1 : arguments.singles + 1]]
        jobs.submit(
            Submission(f"http://{silent}/{names[0]}?{number}", client="flood") for number in range(arguments.flood)
        )
        flooded = []
        for name in names[arguments.singles + 1 :]:
            flooded.append(_recorded_s(jobs, f"{address}/{name}"))
            time.sleep(3)
        _print(console, at_rest, flooded)
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


def _recorded_s(jobs: JobRepository, url: str) -> float:
    started = time.monotonic()
    (submitted,) = jobs.submit([Submission(url, client="single")])
    while not jobs.get(submitted.job.job_id).status.final:
        if time.monotonic() - started > TIMEOUT_S:
            return float("inf")
        time.sleep(0.1)
    assert jobs.get(submitted.job.job_id).verdict is not None
    return time.monotonic() - started


def _flood(console: Console, connection: psycopg.Connection[Any]) -> None:
    for status, code, count in connection.execute(STATUSES):
        console.print(f"flood: {count} {status} {code or ''}")
    console.print(f"runs planned for the flood: {connection.execute(RUNS).fetchall()[0][0]}")


def _print(console: Console, at_rest: Sequence[float], flooded: Sequence[float]) -> None:
    table = Table(title="Seconds from submission to record, one e-invoice")
    for column in ("", "each", "longest", "bar"):
        table.add_column(column)
    for what, figures in (("at rest", at_rest), ("in the flood", flooded)):
        table.add_row(what, " ".join(f"{each:.1f}" for each in figures), f"{max(figures):.1f}", f"{BAR_S:.0f}")
    console.print(table)


@contextmanager
def _silent_source(documents: Path, awake: threading.Event) -> Iterator[str]:
    """Answers after 20 s, or at once when it is `awake`."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            awake.wait(ANSWERS_AFTER_S)
            content = (documents / self.path.strip("/").partition("?")[0]).read_bytes()
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
