"""`cira demo`: runs the whole pipeline on generated sample invoices and compares the results with their labels."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated

import httpx
import typer
from rich.console import Console, JustifyMethod
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from cira_pipeline.api.key_secret import load_pepper
from cira_pipeline.api.page.local_administrator import local_session
from cira_pipeline.cli.login import show_link
from cira_pipeline.cli.record_view import VERDICT_STYLES
from cira_pipeline.clock import utc_now
from cira_pipeline.db.access.api_keys import ApiKeyRepository
from cira_pipeline.db.database import Database
from cira_pipeline.db.jobs.repository import Job, JobRepository, Submission
from cira_pipeline.db.jobs.status_cache import StatusCache
from cira_pipeline.db.records.labels import LabelRepository
from cira_pipeline.errors import AlreadyRunning
from cira_pipeline.evaluation.score import Scoreboard
from cira_pipeline.jobs import JobId
from cira_pipeline.local_stack.running import running_services
from cira_pipeline.local_stack.supervisor import Supervisor
from cira_pipeline.samples.demo_set import demo_samples
from cira_pipeline.samples.local_server import HOST, served
from cira_pipeline.samples.outcome import Outcome, accuracy_by_kind, outcomes
from cira_pipeline.samples.sample import Sample
from cira_pipeline.settings import Settings, load_settings

CLIENT = "demo"
_POLL_S = 0.5
_COLUMNS = ("file", "what", "verdict or error", "supplier", "total", "engine", "cost", "seconds")
_WIDE_ENOUGH_FOR_ALL = 130
_SHORTEST_NAME = 12
_PATIENCE_S = 900.0
_RUN_END_PATIENCE_S = 60.0
_INTERRUPTED = 130
# Users may submit jobs as the client `demo` too, with their own idempotency keys.
_LOOK_BACK_JOBS = 1_000
_RUN_ENDED = frozenset({"SUCCESS", "FAILURE", "CANCELED"})
_RUN_STATUS = "query Status($id: ID!) { runOrError(runId: $id) { ... on Run { status } } }"


@dataclass(frozen=True)
class _DemoServices:
    """The services that the demo uses; `supervisor` is `None` if a running `cira up` provides them."""

    settings: Settings
    ui_url: str
    api_url: str
    supervisor: Supervisor | None


def demo(
    once: Annotated[bool, typer.Option("--once", help="Stop everything and exit after showing the results.")] = False,
) -> None:
    """Generate 24 sample invoices, process them as in production and show the results.

    Starts the same services as `cira up` and keeps them running until Ctrl-C. Each demo generates invoices with new
    numbers, so it can be repeated in the same folder. Exit status 1 if a job did not end as expected.
    """
    console = Console(highlight=False)
    messages = Console(stderr=True, highlight=False)
    complaints: list[str] | None = None
    try:
        with _demo_services(load_settings(), messages) as stage:
            complaints = _run_demo(stage, console, messages)
            _print_next_steps(console, messages, stage, once=once)
            if stage.supervisor is not None and not once:
                stage.supervisor.wait()
    except KeyboardInterrupt:
        messages.print("Stopped all services; the data is kept.")
    if complaints is None:
        raise typer.Exit(_INTERRUPTED)
    if complaints:
        raise typer.Exit(1)


@contextmanager
def _demo_services(settings: Settings, messages: Console) -> Iterator[_DemoServices]:
    """The services of a running `cira up` if it may fetch from this machine, else newly started ones."""
    running = running_services(settings.home)
    if running is not None:
        if HOST not in settings.fetch_allowed_hosts:
            raise AlreadyRunning(
                f"a `cira up` or `cira demo` runs in this folder, and it may not fetch from {HOST}, where the samples "
                f"are served; stop it (kill {running.supervisor_pid}) and start the demo again, or start both with "
                f"CIRA_FETCH_ALLOWED_HOSTS={HOST}",
                pid=running.supervisor_pid,
            )
        messages.print(
            f"Using the services already running in this folder; Dagster's UI: {running.ui_url}", style="dim"
        )
        yield _DemoServices(running.fill_in(settings), running.ui_url, running.api_url, None)
        return
    supervisor = Supervisor(_demo_settings(settings), say=lambda line: messages.print(line, style="dim"))
    with supervisor.running() as services:
        yield _DemoServices(services.settings, services.ui_url, services.api_url, supervisor)


def _demo_settings(settings: Settings) -> Settings:
    """The configured settings, but with fetching from this machine allowed and a shorter sensor interval."""
    return settings.model_copy(
        update={
            "fetch_allowed_hosts": (*settings.fetch_allowed_hosts, HOST),
            "sensor_interval_s": min(settings.sensor_interval_s, 2),
        }
    )


def _run_demo(stage: _DemoServices, console: Console, messages: Console) -> list[str]:
    """Generates, submits and processes the samples; returns a line for each job that did not end as expected."""
    settings = stage.settings
    database = Database(settings.postgres_url.get_secret_value() if settings.postgres_url else "")
    jobs = JobRepository(database, StatusCache(settings.redis_address, settings.status_ttl_s))
    try:
        number = next_demo(jobs)
        with messages.status("Generating 24 invoices"):
            samples = {sample.name: sample for sample in demo_samples(number, utc_now().date())}
        folder = settings.home / "demo" / str(number)
        folder.mkdir(parents=True, exist_ok=True)
        for sample in samples.values():
            (folder / sample.name).write_bytes(sample.content)
        messages.print(f"Generated {len(samples)} invoices in {folder}", style="dim")
        _load_labels(database, samples.values())
        with served({name: sample.content for name, sample in samples.items()}) as urls:
            ended = _processed(jobs, _submissions(urls, number), messages)
        results = outcomes(database, zip(samples.values(), ended, strict=True))
        cookies = local_session(ApiKeyRepository(database), load_pepper(settings))
        with httpx.Client(base_url=stage.ui_url, cookies=cookies, timeout=30, trust_env=False) as ui:
            _wait_for_runs(ui, {job.run_id for job in ended if job.run_id})
    finally:
        database.dispose()
    console.print(results_table(results, console.width))
    console.print()
    console.print(_accuracy_table(results))
    complaints = [f"{each.sample.name}: {each.complaint}" for each in results if each.complaint]
    _print_summary(console, len(results), complaints)
    return complaints


def next_demo(jobs: JobRepository) -> int:
    """The number of this demo in the database; it makes its invoices differ from those of earlier demos."""
    earlier = [job for job in jobs.list(client=CLIENT, limit=_LOOK_BACK_JOBS) if job.source == "demo"]
    return max((int(job.idempotency_key) for job in earlier), default=0) + 1


def _load_labels(database: Database, samples: Iterable[Sample]) -> None:
    repository = LabelRepository(database)
    for sample in samples:
        if sample.label is not None:
            repository.put(hashlib.sha256(sample.content).hexdigest(), sample.label, source="cira demo")


def _submissions(urls: Mapping[str, str], number: int) -> list[Submission]:
    return [
        Submission(url=url, client=CLIENT, idempotency_key=str(number), client_reference=name, source="demo")
        for name, url in urls.items()
    ]


def _processed(jobs: JobRepository, submissions: Sequence[Submission], messages: Console) -> list[Job]:
    """Submits the samples and shows progress until all jobs have ended, or none has ended for `_PATIENCE_S`."""
    submitted = {each.job.job_id: each.job for each in jobs.submit(submissions)}
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=messages, transient=True) as progress:
        bar = progress.add_task("Waiting for the sensor", total=len(submitted))
        waiting, last_end = set(submitted), time.monotonic()
        while waiting and time.monotonic() - last_end < _PATIENCE_S:
            time.sleep(_POLL_S)
            stages = {job_id: jobs.status(job_id) for job_id in waiting}
            still = {job_id for job_id, entry in stages.items() if not entry.status.final}
            if still != waiting:
                last_end, waiting = time.monotonic(), still
            busy = sorted(str(stages[job_id].stage) for job_id in waiting if stages[job_id].stage)
            doing = f"Processing ({', '.join(sorted(set(busy)))})" if busy else "Waiting for the sensor"
            progress.update(bar, completed=len(submitted) - len(waiting), description=doing)
    return [jobs.get(JobId(job_id)) for job_id in submitted]


def _wait_for_runs(ui: httpx.Client, run_ids: set[str]) -> None:
    """Waits until Dagster has recorded the runs' ends; a run stopped earlier would be shown as interrupted."""
    deadline = time.monotonic() + _RUN_END_PATIENCE_S
    waiting = set(run_ids)
    while waiting and time.monotonic() < deadline:
        waiting = {run_id for run_id in waiting if _run_status(ui, run_id) not in _RUN_ENDED}
        if waiting:
            time.sleep(_POLL_S)


def _run_status(ui: httpx.Client, run_id: str) -> str | None:
    question = {"query": _RUN_STATUS, "variables": {"id": run_id}}
    try:
        answer = ui.post("/graphql", json=question).raise_for_status()
        found = answer.json()["data"]["runOrError"].get("status")
    except httpx.HTTPError:
        return None
    return str(found) if found else None


def results_table(results: Sequence[Outcome], width: int) -> Table:
    """The results as a table; on a narrow terminal names are shortened, amounts and verdicts never."""
    wide = width >= _WIDE_ENOUGH_FOR_ALL
    gap = 2 if wide else 1
    table = Table(box=None, padding=(0, gap, 0, 0), pad_edge=False, header_style="dim")
    rows = [_row(each) for each in results]
    columns = [column for column in _COLUMNS if wide or column != "what"]
    widths = {column: max(len(column), *(len(row[column]) for row in rows)) for column in columns}
    names = widths["file"] + widths["supplier"]
    room = width - gap * len(columns) - (sum(widths.values()) - names)
    # Each name column may use half of the remaining width, plus what the other one leaves.
    file = min(widths["file"], max(_SHORTEST_NAME, room // 2, room - widths["supplier"]))
    widths |= {"file": file, "supplier": min(widths["supplier"], max(_SHORTEST_NAME, room - file))}
    for column in columns:
        justify: JustifyMethod = "right" if column in ("total", "cost", "seconds") else "left"
        table.add_column(column, no_wrap=True, overflow="ellipsis", width=widths[column], justify=justify)
    for row, each in zip(rows, results, strict=True):
        table.add_row(*(row[column] for column in columns), style="on dark_red" if each.complaint else "")
    return table


def _row(result: Outcome) -> dict[str, Text]:
    invoice = result.record.invoice if result.record else None
    total = ""
    if invoice is not None and invoice.gross_total is not None:
        total = f"{invoice.gross_total:,.2f} {invoice.currency or ''}".strip()
    return {
        "file": Text(result.sample.name),
        "what": Text(result.sample.about, "dim"),
        "verdict or error": _verdict(result),
        "supplier": Text((invoice.supplier_name or "") if invoice else ""),
        "total": Text(total),
        "engine": Text(str(result.record.engine) if result.record else ""),
        "cost": Text(f"${result.cost_usd:.4f}"),
        "seconds": Text(f"{result.seconds:.1f}"),
    }


def _verdict(result: Outcome) -> Text:
    job = result.job
    if job.verdict is not None:
        return Text(str(job.verdict), VERDICT_STYLES[str(job.verdict)])
    return Text(job.error_code or str(job.status), "red")


def _accuracy_table(results: Sequence[Outcome]) -> Table:
    table = Table(
        title="Accuracy against the samples' labels",
        title_justify="left",
        title_style="bold",
        box=None,
        padding=(0, 2),
        pad_edge=False,
        header_style="dim",
    )
    table.add_column("kind")
    for column in ("documents", "header fields correct", "wrong", "missing", "line F1"):
        table.add_column(column, justify="right")
    whole = Scoreboard()
    boards = accuracy_by_kind(results)
    for board in boards.values():
        whole.add_all(board)
    for kind, board in sorted(boards.items()):
        table.add_row(kind, *_shares(board))
    table.add_row("all", *_shares(whole), style="bold")
    return table


def _shares(board: Scoreboard) -> Iterator[str]:
    yield str(board.documents)
    for share in (board.header_accuracy, board.wrong_share, board.missing_share, board.lines.f1):
        yield _percent(share)


def _percent(share: Decimal | None) -> str:
    return "" if share is None else f"{share:.1%}"


def _print_summary(console: Console, count: int, complaints: Sequence[str]) -> None:
    console.print()
    if not complaints:
        console.print(f"[bold green]All {count} jobs ended as expected.[/]")
        return
    console.print(f"[bold red]{len(complaints)} of {count} jobs did not end as expected:[/]")
    for complaint in complaints:
        console.print(Text(f"  {complaint}"))


def _print_next_steps(console: Console, messages: Console, stage: _DemoServices, *, once: bool) -> None:
    if once and stage.supervisor is not None:
        console.print("Stopping all services. To explore Dagster's UI, run `cira up`, or `cira demo` without --once.")
        return
    console.print(f"Dagster's UI: [bold]{stage.ui_url}[/]   details of one job: [bold]cira show JOB[/]")
    show_link(messages, stage.settings, stage.api_url)
    if stage.supervisor is not None:
        console.print("Ctrl-C stops all services; the data is kept.")
