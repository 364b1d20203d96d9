"""Measures status requests while the pipeline works, compared with a bare Redis GET in the same run.

    python benchmarks/status_polling.py --seconds 30

Everything is real: `cira up` with Dagster processing what is submitted, 25 clients that poll, 5 that submit, over HTTP.
Clients run in a process of their own. The same is measured again with Redis stopped. PostgreSQL logs every statement
of the service's own connections; those of polling (status and key) are told apart from those of submitting.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import re
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread
from urllib.parse import urlsplit

import psutil
import psycopg
from reportlab.pdfgen.canvas import Canvas

from benchmarks.keys import new_key
from cira_pipeline.local_stack.api_process import api_child
from cira_pipeline.local_stack.ports import LOOPBACK, free_port
from cira_pipeline.local_stack.supervisor import Supervisor
from cira_pipeline.settings import Settings

CLIENTS = 5
JOBS_POLLED = 50


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--pollers", type=int, default=25)
    parser.add_argument("--submitters", type=int, default=5)
    parser.add_argument(
        "--poll-every", type=float, default=0.2, help="seconds between two polls of one client; 0: none"
    )
    parser.add_argument("--submit-every", type=float, default=2.0, help="seconds between two submissions of one client")
    parser.add_argument("--generate", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.generate:
        print(json.dumps(asyncio.run(_generate(json.loads(options.generate)))))
        return
    with tempfile.TemporaryDirectory(prefix="cira-polling-", dir="/tmp") as folder, _document_server() as documents:
        settings = Settings(home=Path(folder), fetch_allowed_hosts=(LOOPBACK,), sensor_interval_s=2)
        with Supervisor(settings).running() as services:
            print(f"{os.cpu_count()} processors, load before {os.getloadavg()[0]:.1f}", file=sys.stderr)
            keys = [new_key(services.settings, services.postgres_url, f"client-{each}") for each in range(CLIENTS)]
            plan = {**vars(options), "keys": keys, "documents": documents, "redis_url": services.redis_url}
            rows = [_measured("Redis at work", services.api_url, plan, services, "api")]
            with _api_without_redis(services, Path(folder)) as (url, pid):
                rows.append(_measured("Redis stopped", url, plan, services, pid))
    _print(rows, options)


def _measured(name: str, url: str, plan: dict, services, api: str | int) -> dict:
    pid = _child_pid(services, api) if isinstance(api, str) else api
    with _statements_logged(services, pid) as statements:
        arguments = [sys.executable, __file__, "--generate", json.dumps({**plan, "url": url})]
        done = subprocess.run(arguments, check=True, stdout=subprocess.PIPE)
    result = json.loads(done.stdout)
    return {"name": name, **result, "statements": statements}


def _child_pid(services, name: str) -> int:
    return json.loads((services.settings.home / "services.json").read_text())["pids"][name]


@contextmanager
def _api_without_redis(services, folder: Path):
    """A second service on the same database, whose Redis is one that does not answer."""
    environment = {**services.environment(), "CIRA_REDIS_URL": f"redis://{LOOPBACK}:{free_port()}/0"}
    port = free_port()
    child = api_child(environment=environment, folder=folder, log=folder / "second.log", host=LOOPBACK, port=port)
    child.launch()
    try:
        child.wait_until_ready()
        yield f"http://{LOOPBACK}:{port}", child.pid
    finally:
        child.stop()


@contextmanager
def _statements_logged(services, api_pid: int):
    """Counts, in the yielded mapping, what the service's connections asked, by what it was for."""
    log = services.settings.home / "postgres" / "server.log"
    _configure(services.postgres_url, "log_statement = 'all'", "log_line_prefix = 'stmt %p '")
    start, backends, over = log.stat().st_size, set(), Event()
    watcher = Thread(target=_watch_backends, args=(services.postgres_url, api_pid, backends, over), daemon=True)
    watcher.start()
    counts: dict[str, int] = {}
    try:
        yield counts
    finally:
        over.set()
        watcher.join()
        _configure(services.postgres_url, "log_statement = 'none'")
        with log.open("rb") as file:
            file.seek(start)
            counts.update(_counted(file.read().decode("utf-8", "replace"), backends))


def _configure(url: str, *settings: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        for setting in settings:
            connection.execute(f"ALTER SYSTEM SET {setting}")
        connection.execute("SELECT pg_reload_conf()")
    time.sleep(0.5)


def _watch_backends(url: str, api_pid: int, backends: set[int], over: Event) -> None:
    """PostgreSQL's processes that serve the service's connections, found by the ports of these connections."""
    with psycopg.connect(url, autocommit=True) as connection:
        while not over.wait(0.5):
            ports = [each.laddr.port for each in psutil.Process(api_pid).net_connections("tcp")]
            found = connection.execute("SELECT pid FROM pg_stat_activity WHERE client_port = ANY(%s)", (ports,))
            backends.update(row[0] for row in found)


def _counted(log: str, backends: set[int]) -> dict[str, int]:
    """Statements of polling and of submitting; BEGIN, COMMIT and the pool's pings count with what they surround.

    What the process asks once a second to deliver webhooks, however many poll, is counted for itself.
    """
    counts = {"polling": 0, "submitting": 0, "webhooks": 0}
    under_way: dict[int, list[str]] = {}
    logged = r"^stmt (\d+) LOG:  (?:statement|execute [^:]*): (.*?)(?=^stmt |\Z)"
    for line in re.finditer(logged, log, re.MULTILINE | re.DOTALL):
        pid, statement = int(line[1]), line[2].strip()
        if pid not in backends:
            continue
        transaction = under_way.setdefault(pid, [])
        transaction.append(statement)
        within = any(each.startswith("BEGIN") for each in transaction)
        is_ping = statement.strip(" ;") in ("", "SELECT 1")
        if statement.startswith(("COMMIT", "ROLLBACK")) or not (within or is_ping):
            text = " ".join(transaction)
            submitting = "INSERT INTO cira.jobs" in text or "api_key_usage" in text
            kind = "webhooks" if "cira.webhook_" in text else "submitting" if submitting else "polling"
            counts[kind] += len(transaction)
            under_way[pid] = []
    return counts


async def _generate(plan: dict) -> dict:
    jobs: dict[int, list[str]] = {number: [] for number in range(CLIENTS)}
    polls: list[float] = []
    submissions: list[float] = []
    gets: list[float] = []
    failures: list[str] = []
    ends = time.monotonic() + plan["seconds"] + 2
    for number in range(CLIENTS):
        jobs[number] += await _submit(await _Connection.to(plan["url"]), plan, number, [], failures)
    tasks = [_poll(plan, number % CLIENTS, jobs, polls, failures, ends) for number in range(plan["pollers"])]
    tasks += [
        _submit_on(plan, number % CLIENTS, jobs, submissions, failures, ends) for number in range(plan["submitters"])
    ]
    tasks.append(_redis_gets(plan, gets, ends))
    await asyncio.gather(*tasks)
    return {
        "polls": len(polls),
        "poll": _quantiles(polls),
        "submissions": len(submissions),
        "submit": _quantiles(submissions),
        "gets": len(gets),
        "get": _quantiles(gets),
        "failures": failures[:5],
        "errors": len(failures),
    }


async def _poll(plan: dict, client: int, jobs: dict, polls: list, failures: list, ends: float) -> None:
    connection = await _Connection.to(plan["url"])
    await asyncio.sleep(random.random() * plan["poll_every"])
    while time.monotonic() < ends:
        job_id = random.choice(jobs[client][-JOBS_POLLED:])
        started = time.perf_counter()
        status, body = await connection.ask("GET", f"/v1/jobs/{job_id}", plan["keys"][client])
        polls.append(time.perf_counter() - started)
        if status != 200 or json.loads(body)["job_id"] != job_id:
            failures.append(f"{status} {body[:200]!r}")
        await asyncio.sleep(plan["poll_every"] * random.uniform(0.5, 1.5))


async def _submit_on(plan: dict, client: int, jobs: dict, submissions: list, failures: list, ends: float) -> None:
    connection = await _Connection.to(plan["url"])
    while time.monotonic() < ends:
        await asyncio.sleep(plan["submit_every"] * random.uniform(0.5, 1.5))
        jobs[client] += await _submit(connection, plan, client, submissions, failures)


async def _submit(connection: _Connection, plan: dict, client: int, submissions: list, failures: list) -> list[str]:
    body = json.dumps({"jobs": [{"url": f"{plan['documents']}/{random.getrandbits(64):x}.pdf"}]}).encode()
    started = time.perf_counter()
    status, answer = await connection.ask("POST", "/v1/jobs", plan["keys"][client], body)
    submissions.append(time.perf_counter() - started)
    if status != 202:
        failures.append(f"{status} {answer[:200]!r}")
        return []
    return [job["job_id"] for job in json.loads(answer)["jobs"]]


async def _redis_gets(plan: dict, gets: list, ends: float) -> None:
    """Measures a plain Redis GET of a value as long as a status, over a bare socket."""
    parts = urlsplit(plan["redis_url"])
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    for command in (("AUTH", parts.password), ("SET", "bench:status", "x" * 576, "EX", "3600")):
        writer.write(_resp(*command))
        await reader.readline()
    while time.monotonic() < ends:
        started = time.perf_counter()
        writer.write(_resp("GET", "bench:status"))
        length = int((await reader.readline())[1:])
        await reader.readexactly(length + 2)
        gets.append(time.perf_counter() - started)
        await asyncio.sleep(0.02)


def _resp(*parts: str) -> bytes:
    return b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%s\r\n" % (len(part), part.encode()) for part in parts)


class _Connection:
    """One kept-alive HTTP/1.1 connection with as little of its own as possible."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def to(cls, url: str) -> _Connection:
        parts = urlsplit(url)
        return cls(*await asyncio.open_connection(parts.hostname, parts.port))

    async def ask(self, method: str, path: str, key: str, body: bytes = b"") -> tuple[int, bytes]:
        head = f"{method} {path} HTTP/1.1\r\nHost: cira\r\nAuthorization: Bearer {key}\r\n"
        if body:
            head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        self._writer.write(f"{head}\r\n".encode() + body)
        answer = await self._reader.readuntil(b"\r\n\r\n")
        length = int(re.search(rb"content-length: (\d+)", answer)[1])
        return int(answer[9:12]), await self._reader.readexactly(length)


def _quantiles(seconds: list[float]) -> dict[str, float]:
    ordered = sorted(seconds) or [0.0]
    return {f"p{share}": 1000 * ordered[min(len(ordered) - 1, len(ordered) * share // 100)] for share in (50, 95, 99)}


def _print(rows: list[dict], options: argparse.Namespace) -> None:
    print(f"{options.pollers} clients poll, {options.submitters} submit, {options.seconds:g} s each\n")
    print("| | answers | errors | p50 ms | p95 ms | p99 ms | PostgreSQL statements per 1,000 polls |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for row in rows:
        per_thousand = 1000 * row["statements"]["polling"] / max(1, row["polls"])
        for what, count, figures, errors, statements in (
            ("`GET /v1/jobs/{id}`", row["polls"], row["poll"], str(row["errors"]), f"{per_thousand:.1f}"),
            ("`POST /v1/jobs`", row["submissions"], row["submit"], "", ""),
            ("bare Redis `GET`", row["gets"], row["get"], "", ""),
        ):
            shown = " | ".join(f"{figures[name]:.2f}" for name in ("p50", "p95", "p99"))
            print(f"| {row['name']}: {what} | {count} | {errors} | {shown} | {statements} |")
        if row["failures"]:
            print(row["failures"], file=sys.stderr)


@contextmanager
def _document_server():
    """Serves a small invoice, another one at every path."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            content = _invoice(self.path)
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_arguments: object) -> None:
            """Logs nothing, because the benchmark prints its table."""

    server = ThreadingHTTPServer((LOOPBACK, 0), Handler)
    server.daemon_threads = True
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://{LOOPBACK}:{server.server_port}"
    finally:
        server.shutdown()


def _invoice(number: str) -> bytes:
    with tempfile.SpooledTemporaryFile() as file:
        canvas = Canvas(file, pagesize=(595, 842), invariant=True)
        lines = (
            "Bellweather Tools Ltd", "12 Foundry Lane, Leeds LS1 4AB", "VAT No: GB 980 7806 84",
            f"Invoice number: {number[1:13]}", "Invoice date: 14 March 2026", "Subtotal 100.00", "VAT 20% 20.00",
            "Total due GBP 120.00",
        )  # fmt: skip
        for at, line in enumerate(lines):
            canvas.drawString(60, 780 - 20 * at, line)
        canvas.save()
        file.seek(0)
        return file.read()


if __name__ == "__main__":
    main()
