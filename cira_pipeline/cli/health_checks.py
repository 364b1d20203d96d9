"""The checks of `cira doctor`: each tests one service or setting with a short timeout and gives advice."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

import httpx
import redis
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from cira_pipeline.costs.budgets import Budgets
from cira_pipeline.custom.declaration_file import read_declarations
from cira_pipeline.db.answers.model_batches import ModelBatchRepository
from cira_pipeline.db.database import Database
from cira_pipeline.db.documents.objects import ObjectStore
from cira_pipeline.db.jobs.repository import JobRepository
from cira_pipeline.errors import CiraError, ConfigurationError, StoreUnavailable
from cira_pipeline.health.dagster_tables import DagsterState
from cira_pipeline.health.findings import Part, ProblemSeverity, duration, findings
from cira_pipeline.health.work_state import WorkState, WorkWatch, free_bytes_by_place
from cira_pipeline.jobs import JobStatus
from cira_pipeline.local_stack.dagster_processes import ui_answers
from cira_pipeline.models import EngineName, Severity
from cira_pipeline.settings import Settings
from cira_pipeline.shown_url import shown_host, shown_url
from cira_pipeline.validation.rules import RULES
from cira_pipeline.validation.severities import severities_of

_TIMEOUT_S = 5
_DISK_RECOMMENDED_BYTES = 3_000_000_000
_START_UP = "Start the services here with `cira up`"


class State(StrEnum):
    GOOD = "good"
    UNUSED = "unused"
    WARNING = "warning"
    """Works, but needs attention."""
    BROKEN = "broken"
    """Required or configured, and does not work."""


class Check(NamedTuple):
    name: str
    state: State
    message: str
    advice: str = ""


def checks(settings: Settings, *, up_is_running: bool) -> Iterator[Check]:
    """All checks, in the order of their dependencies; `settings` includes the addresses of running services."""
    yield _postgres(settings)
    yield _redis(settings)
    yield _object_store(settings)
    yield _disk(settings)
    yield _reader(settings)
    yield _model(settings)
    yield _rules(settings)
    yield _own_fields(settings)
    yield from _budgets(settings)
    yield from _model_batches(settings)
    yield _inbox(settings)
    yield from _dagster(settings, up_is_running=up_is_running)
    yield from _work(settings)


def _postgres(settings: Settings) -> Check:
    name = "PostgreSQL"
    if settings.postgres_url is None:
        return Check(
            name,
            State.BROKEN,
            "CIRA_POSTGRES_URL is not set and no `cira up` runs in this folder",
            f"{_START_UP}, or set CIRA_POSTGRES_URL.",
        )
    try:
        database = Database(settings.postgres_url.get_secret_value(), pool_size=1)
    except CiraError as error:
        return Check(name, State.BROKEN, error.message, error.hint)
    try:
        return _postgres_state(name, database)
    except StoreUnavailable as error:
        return Check(
            name, State.BROKEN, f"{database.address}: {error.message}", "Start it, or correct CIRA_POSTGRES_URL."
        )
    except SQLAlchemyError as error:
        return Check(name, State.BROKEN, f"{database.address}: {type(error).__name__}", "Check the user's rights.")
    finally:
        database.dispose()


def _postgres_state(name: str, database: Database) -> Check:
    with database.begin() as connection:
        version = connection.scalar(text("SHOW server_version"))
        read_only = connection.scalar(text("SHOW transaction_read_only")) == "on"
    where = f"{version} at {database.address}"
    if read_only:
        return Check(name, State.BROKEN, f"{where} is read-only (a standby?)", "Set CIRA_POSTGRES_URL to the primary.")
    if not database.is_migrated():
        return Check(
            name, State.BROKEN, f"{where}, tables missing or of another version", "Run `cira up` or `cira migrate`."
        )
    with database.begin() as connection:
        writable = connection.scalar(text("SELECT has_table_privilege('cira.jobs', 'INSERT, UPDATE')"))
    if not writable:
        return Check(
            name, State.BROKEN, f"{where}: this user may not write CIRA's tables", "Use the user that owns the tables."
        )
    return Check(name, State.GOOD, f"{where}, tables up to date, writable")


def _redis(settings: Settings) -> Check:
    name = "Redis/Valkey"
    if settings.redis_url is None:
        return Check(
            name, State.UNUSED, "CIRA_REDIS_URL is not set: statuses are read from PostgreSQL, limits apply per process"
        )
    try:
        client = redis.Redis.from_url(
            settings.redis_url.get_secret_value(), socket_timeout=_TIMEOUT_S, socket_connect_timeout=_TIMEOUT_S
        )
        with client:
            about = client.info("server")
    except ValueError:
        return Check(name, State.BROKEN, "CIRA_REDIS_URL is not a URL", "Write it as redis://:password@host:6379/0.")
    except redis.RedisError as error:
        return Check(
            name,
            State.BROKEN,
            f"{shown_host(settings.redis_url.get_secret_value())} does not answer: {error}",
            "Start it, or correct CIRA_REDIS_URL; without it everything works, but slower.",
        )
    kind = "Valkey" if "valkey_version" in about else "Redis"
    version = about.get("valkey_version") or about.get("redis_version")
    return Check(name, State.GOOD, f"{kind} {version} at {shown_host(settings.redis_url.get_secret_value())}")


def _object_store(settings: Settings) -> Check:
    name, url = "Object store", settings.object_store_url
    if settings.object_store is None and not settings.home.exists():
        return Check(name, State.UNUSED, f"{shown_url(url)}, created at the first start")
    try:
        ObjectStore(url, s3_endpoint_url=settings.s3_endpoint_url).ping()
    except CiraError as error:
        return Check(name, State.BROKEN, error.message, "Correct CIRA_OBJECT_STORE, or give CIRA access to it.")
    return Check(name, State.GOOD, f"{shown_url(url)}, readable and writable")


def _disk(settings: Settings) -> Check:
    """Free disk space; checked here and not with the findings, because it needs no database."""
    free = free_bytes_by_place(settings)
    message = ", ".join(f"{each / 1e9:.1f} GB free for `{place}`" for place, each in free.items())
    if min(free.values()) < settings.least_free_bytes:
        advice = "Free disk space: new work is refused until then, and PostgreSQL stops when the disk is full."
        return Check("Disk", State.BROKEN, message, advice)
    if min(free.values()) < max(_DISK_RECOMMENDED_BYTES, settings.least_free_bytes):
        return Check("Disk", State.WARNING, message, "Free disk space soon.")
    return Check("Disk", State.GOOD, message)


def _work(settings: Settings) -> Iterator[Check]:
    """Whether jobs proceed: one check for each healthy part of the work, and one for each finding."""
    if settings.postgres_url is None:
        return
    try:
        watch = WorkWatch(settings)
    except CiraError:
        return
    try:
        state = watch.read()
    except (StoreUnavailable, SQLAlchemyError):
        # Already reported by the check of PostgreSQL.
        return
    finally:
        watch.close()
    found = [each for each in findings(state, settings) if each.part is not Part.DISKS]
    for part, message in _messages_when_healthy(state).items():
        wrong = [each for each in found if each.part is part]
        if not wrong:
            yield Check(part.value, State.GOOD, message)
        for each in wrong:
            severity = State.WARNING if each.severity is ProblemSeverity.WARNING else State.BROKEN
            yield Check(each.subject, severity, each.message, each.advice)
    for host in state.source_hosts:
        if host.state != "closed":
            message = f"paused after {host.failures} consecutive failures: {host.last_error or 'no answer'}"
            advice = "It is tried again automatically; its jobs wait."
            yield Check(f"Source {host.host}", State.WARNING, message, advice)


def _messages_when_healthy(state: WorkState) -> Mapping[Part, str]:
    """The message of each part's check when it has no finding."""
    queues = "; ".join(f"{queue.client} {queue.jobs}" for queue in state.queues[:5])
    oldest = f", the oldest waiting for {duration(state.oldest_queued_s)} ({queues})" if state.queued else ""
    running = sum(run.jobs for run in state.running)
    longest = f", the longest for {duration(state.oldest_running_s)}" if running else ""
    held = "; ".join(f"{each.jobs} wait ({each.status}, {each.error_code})" for each in state.held)
    sensors = daemons = "unknown"
    if isinstance(state.dagster, DagsterState):
        sensors = ", ".join(each.name for each in state.dagster.instigators) + " are running"
        daemons = f"{len(state.dagster.heartbeat_age_s)} send heartbeats"
    batches = state.model_batches
    return {
        Part.SENSORS: sensors,
        Part.DAEMONS: daemons,
        Part.QUEUE: f"{state.queued} queued{oldest}" + (f"; {held}" if held else ""),
        Part.RUNS: f"{running} running{longest}",
        Part.SERVICES: "no circuit breaker is open",
        Part.SOURCES: "no source host is paused",
        Part.WEBHOOKS: f"{state.webhooks.count} pending",
        Part.MODEL_BATCHES: f"{batches.count}"
        + (f", the oldest {duration(batches.oldest_s)} old" if batches.count else ""),
    }


def _rules(settings: Settings) -> Check:
    """Validation rules whose severity is changed by CIRA_RULE_SEVERITY."""
    name = "Rules"
    try:
        severities = severities_of(settings.rule_severity)
    except ConfigurationError as error:
        return Check(name, State.BROKEN, error.message, error.hint)
    if not severities:
        return Check(name, State.GOOD, "all rules have their default severity")
    changed = [f"{rule}: {RULES[rule].severity} -> {severities[rule] or 'off'}" for rule in severities]
    milder = any(
        RULES[rule].severity is Severity.ERROR and severity is not Severity.ERROR
        for rule, severity in severities.items()
    )
    advice = "A rule lowered from error lets records be accepted that cannot be paid as they are." if milder else ""
    message = f"changed by CIRA_RULE_SEVERITY: {', '.join(changed)}"
    return Check(name, State.WARNING if milder else State.GOOD, message, advice)


def _own_fields(settings: Settings) -> Check:
    """What the file of CIRA_CUSTOM_FIELDS declares."""
    name = "Own fields and rules"
    if settings.custom_fields is None:
        return Check(name, State.UNUSED, "CIRA_CUSTOM_FIELDS is not set: nothing is declared")
    try:
        # Read again: the file may have been changed since this process started.
        found = read_declarations(settings.custom_fields)
    except ConfigurationError as error:
        return Check(name, State.BROKEN, error.message, error.hint)
    header, lines = ", ".join(found.header), ", ".join(found.line)
    parts = [f"of the invoice: {header}" if header else "", f"of its lines: {lines}" if lines else ""]
    parts.append(f"rules: {', '.join(rule.id for rule in found.rules)}" if found.rules else "")
    return Check(name, State.GOOD, f"{settings.custom_fields}: {'; '.join(filter(None, parts)) or 'nothing'}")


def _reader(settings: Settings) -> Check:
    if settings.reader == "docling_serve":
        return _docling_serve(settings)
    name = "Reader"
    try:
        from cira_pipeline.ocr.converter import open_converter
        from cira_pipeline.ocr.rapidocr_pages import OcrEngine

        open_converter(settings)
        OcrEngine(threads=1)
    except (ImportError, OSError, RuntimeError, ValueError) as error:
        return Check(
            name, State.BROKEN, f"Docling or its OCR models do not load: {error}", "Reinstall CIRA (`make install`)."
        )
    return Check(name, State.GOOD, "Docling in this process, OCR models loaded")


def _docling_serve(settings: Settings) -> Check:
    name = "Reader (docling-serve)"
    if not settings.docling_serve_url:
        return Check(
            name, State.BROKEN, "CIRA_READER is docling_serve, but no address is set", "Set CIRA_DOCLING_SERVE_URL."
        )
    url = f"{settings.docling_serve_url.rstrip('/')}/health"
    return _http(
        name, url, accept=lambda answer: answer.is_success, advice="Start it, or correct CIRA_DOCLING_SERVE_URL."
    )


def _model(settings: Settings) -> Check:
    name = "Model"
    half = bool(settings.azure_openai_endpoint) != bool(settings.azure_openai_deployment)
    if half and not settings.openai_base_url:
        return Check(
            name,
            State.BROKEN,
            "Azure OpenAI is incompletely configured, so no model is asked",
            "Set both CIRA_AZURE_OPENAI_ENDPOINT and CIRA_AZURE_OPENAI_DEPLOYMENT.",
        )
    if not settings.model_configured:
        free = " and ".join(engine for engine in EngineName if not engine.is_paid)
        return Check(name, State.UNUSED, f"none configured: only the engines {free} are used, at no cost")
    url = settings.openai_base_url or settings.azure_openai_endpoint or ""
    label = (
        "OpenAI-compatible server" if settings.openai_base_url else f"Azure OpenAI, {settings.azure_openai_deployment}"
    )
    # Any HTTP answer is sufficient: a real question would cost money.
    found = _http(
        f"{name} ({label})",
        url,
        accept=lambda _: True,
        advice="Correct the address, or allow this machine to reach it.",
    )
    return found._replace(message=f"{found.message}; policy {settings.effective_policy.value}")


def _budgets(settings: Settings) -> Iterator[Check]:
    """One check if budgets are set and the database answers (PostgreSQL has its own check)."""
    budgets = Budgets.from_settings(settings)
    if not budgets.budgets or settings.postgres_url is None:
        return
    database = Database(settings.postgres_url.get_secret_value(), pool_size=1)
    try:
        states = budgets.states(database)
        waiting = JobRepository(database).counts()[JobStatus.NEEDS_BUDGET]
    except (StoreUnavailable, SQLAlchemyError):
        return
    finally:
        database.dispose()
    used_up = [str(state) for state in states if state.alert]
    message = "; ".join(used_up or [f"{len(states)} set, none is nearly used up"])
    if not used_up and not waiting:
        yield Check("Budgets", State.GOOD, message)
        return
    jobs = f"; {waiting} jobs wait for a budget" if waiting else ""
    advice = "`cira costs` shows the money spent; jobs resume when the period ends or the budget is raised."
    yield Check("Budgets", State.WARNING, f"{message}{jobs}", advice)


def _model_batches(settings: Settings) -> Iterator[Check]:
    """One check if batches are configured or requested: whether the last batch had an error."""
    name = "Model batches"
    if settings.model_batch_clients and not settings.batches_configured:
        advice = "Set CIRA_AZURE_OPENAI_BATCH_DEPLOYMENT, or empty CIRA_MODEL_BATCH_CLIENTS."
        yield Check(
            name, State.WARNING, "CIRA_MODEL_BATCH_CLIENTS names clients, but no batch deployment is set", advice
        )
    if not settings.batches_configured or settings.postgres_url is None:
        return
    database = Database(settings.postgres_url.get_secret_value(), pool_size=1)
    try:
        repository = ModelBatchRepository(database)
        newest, waiting = repository.newest(1), sum(each.questions for each in repository.waiting())
    except (StoreUnavailable, SQLAlchemyError):
        return
    finally:
        database.dispose()
    queue = f"{waiting} questions wait for the next batch"
    if newest and newest[0].error_code:
        advice = "`cira batches` shows details; docs/errors.md explains the code and what to do."
        message = f"the last batch failed: {newest[0].error_code}, {newest[0].error_message}; {queue}"
        yield Check(name, State.WARNING, message, advice)
    else:
        yield Check(name, State.GOOD, queue)


def _inbox(settings: Settings) -> Check:
    folder: Path = settings.inbox_path
    if folder.is_dir():
        return Check("Inbox", State.GOOD, f"files put into {folder} are submitted")
    if settings.inbox is None:
        return Check("Inbox", State.UNUSED, f"{folder} does not exist; create it to submit files by putting them there")
    return Check("Inbox", State.BROKEN, f"{folder} is not a folder", "Create it, or correct CIRA_INBOX.")


def _dagster(settings: Settings, *, up_is_running: bool) -> Iterator[Check]:
    url = settings.dagster_ui_url
    if url is None:
        yield Check(
            "Dagster",
            State.WARNING,
            "CIRA_DAGSTER_UI_URL is not set: jobs are processed only if Dagster runs elsewhere",
            f"{_START_UP}, or set CIRA_DAGSTER_UI_URL.",
        )
        return
    if not ui_answers(url):
        advice = (
            "Look into the logs in `.cira/logs`." if up_is_running else f"{_START_UP}, or correct CIRA_DAGSTER_UI_URL."
        )
        yield Check("Dagster UI", State.BROKEN, f"{shown_url(url)} does not answer", advice)
        return
    yield Check("Dagster UI", State.GOOD, shown_url(url))


def _http(name: str, url: str, *, accept: Callable[[httpx.Response], bool], advice: str) -> Check:
    try:
        answer = httpx.get(url, timeout=_TIMEOUT_S)
    except httpx.InvalidURL:
        # The exception's text is not shown: it quotes the invalid part, which may be a password.
        return Check(name, State.BROKEN, f"{shown_url(url)} is not a URL", advice)
    except httpx.TransportError as error:
        return Check(name, State.BROKEN, f"{shown_host(url)} does not answer: {error}", advice)
    if not accept(answer):
        return Check(name, State.BROKEN, f"{shown_host(url)} answers with status {answer.status_code}", advice)
    return Check(name, State.GOOD, f"{shown_host(url)} answers")
