"""The single checks of `cira doctor`: each tries the real thing, once and briefly, and says what to do."""

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
from cira_pipeline.db.answers.model_batches import ModelBatchRepository
from cira_pipeline.db.database import Database
from cira_pipeline.db.documents.objects import ObjectStore
from cira_pipeline.db.jobs.repository import JobRepository
from cira_pipeline.errors import CiraError, ConfigurationError, StoreUnavailable
from cira_pipeline.health.dagster_tables import DagsterState
from cira_pipeline.health.findings import Part, duration, findings
from cira_pipeline.health.findings import Severity as FindingSeverity
from cira_pipeline.health.work_state import WorkState, WorkWatch, free_bytes_by_place
from cira_pipeline.jobs import JobStatus
from cira_pipeline.local_stack.dagster_processes import ui_answers
from cira_pipeline.models import Severity
from cira_pipeline.settings import Settings
from cira_pipeline.shown_url import shown_host, shown_url
from cira_pipeline.validation.rules import RULES
from cira_pipeline.validation.severities import severities_of

_TIMEOUT_S = 5
_DISK_WISHED_BYTES = 3_000_000_000
_START_UP = "Start the services here with `cira up`"


class State(StrEnum):
    GOOD = "good"
    UNUSED = "unused"
    WARNING = "warning"
    """Works, but not as one would wish."""
    BROKEN = "broken"
    """Needed or configured, and does not work."""


class Check(NamedTuple):
    name: str
    state: State
    message: str
    advice: str = ""


def checks(settings: Settings, *, up_is_running: bool) -> Iterator[Check]:
    """Every check, in the order in which they depend on each other. `settings` has the running services filled in."""
    yield _postgres(settings)
    yield _redis(settings)
    yield _object_store(settings)
    yield _disk(settings)
    yield _reader(settings)
    yield _model(settings)
    yield _rules(settings)
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
            "no address is set and no `cira up` runs here",
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
        return Check(
            name, State.BROKEN, f"{where} takes no writes (a standby?)", "Point CIRA_POSTGRES_URL at the primary."
        )
    if not database.is_migrated():
        return Check(
            name, State.BROKEN, f"{where}, tables missing or not of this version", "Run `cira up`, which migrates them."
        )
    with database.begin() as connection:
        writable = connection.scalar(text("SELECT has_table_privilege('cira.jobs', 'INSERT, UPDATE')"))
    if not writable:
        return Check(
            name, State.BROKEN, f"{where}: this user may not write CIRA's tables", "Use the user that owns them."
        )
    return Check(name, State.GOOD, f"{where}, tables up to date, writable")


def _redis(settings: Settings) -> Check:
    name = "Redis/Valkey"
    if settings.redis_url is None:
        return Check(name, State.UNUSED, "not set: statuses are read from PostgreSQL, limits hold for one process only")
    try:
        client = redis.Redis.from_url(
            settings.redis_url.get_secret_value(), socket_timeout=_TIMEOUT_S, socket_connect_timeout=_TIMEOUT_S
        )
        with client:
            about = client.info("server")
    except ValueError:
        return Check(name, State.BROKEN, "CIRA_REDIS_URL is no URL", "Write it as redis://:password@host:6379/0.")
    except redis.RedisError as error:
        return Check(
            name,
            State.BROKEN,
            f"{shown_host(settings.redis_url.get_secret_value())} does not answer: {error}",
            "Start it, or correct CIRA_REDIS_URL; everything works without it, only slower.",
        )
    kind = "Valkey" if "valkey_version" in about else "Redis"
    version = about.get("valkey_version") or about.get("redis_version")
    return Check(name, State.GOOD, f"{kind} {version} at {shown_host(settings.redis_url.get_secret_value())}")


def _object_store(settings: Settings) -> Check:
    name, url = "Object store", settings.object_store_url
    if settings.object_store is None and not settings.home.exists():
        return Check(name, State.UNUSED, f"{shown_url(url)}, made at the first start")
    try:
        ObjectStore(url, s3_endpoint_url=settings.s3_endpoint_url).ping()
    except CiraError as error:
        return Check(name, State.BROKEN, error.message, "Correct CIRA_OBJECT_STORE, or give CIRA access to it.")
    return Check(name, State.GOOD, f"{shown_url(url)}, written to and read from")


def _disk(settings: Settings) -> Check:
    """Where findings about the work cannot be had, for want of a database, or as long as there is enough."""
    free = free_bytes_by_place(settings)
    message = ", ".join(f"{each / 1e9:.1f} GB free for `{place}`" for place, each in free.items())
    if min(free.values()) < settings.least_free_bytes:
        advice = "Make room: new work is refused until there is space, and PostgreSQL stops when the disk is full."
        return Check("Disk", State.BROKEN, message, advice)
    if min(free.values()) < max(_DISK_WISHED_BYTES, settings.least_free_bytes):
        return Check("Disk", State.WARNING, message, "Make room soon.")
    return Check("Disk", State.GOOD, message)


def _work(settings: Settings) -> Iterator[Check]:
    """Whether jobs proceed: a line for each part of the work that is well, and one for each thing that is wrong."""
    if settings.postgres_url is None:
        return
    try:
        watch = WorkWatch(settings)
    except CiraError:
        return
    try:
        state = watch.read()
    except (StoreUnavailable, SQLAlchemyError):
        # The check of PostgreSQL says why.
        return
    finally:
        watch.close()
    found = [each for each in findings(state, settings) if each.part is not Part.DISKS]
    for part, message in _well(state).items():
        wrong = [each for each in found if each.part is part]
        if not wrong:
            yield Check(part.value, State.GOOD, message)
        for each in wrong:
            severity = State.WARNING if each.severity is FindingSeverity.WARNING else State.BROKEN
            yield Check(each.subject, severity, each.message, each.advice)
    for host in state.source_hosts:
        if host.state != "closed":
            message = f"left alone after {host.failures} failures in a row: {host.last_error or 'no answer'}"
            yield Check(f"Source {host.host}", State.WARNING, message, "It is tried again by itself; its jobs wait.")


def _well(state: WorkState) -> Mapping[Part, str]:
    """What to say of each part when nothing is wrong with it."""
    queues = "; ".join(f"{queue.client} {queue.jobs}" for queue in state.queues[:5])
    oldest = f", the oldest for {duration(state.oldest_queued_s)} ({queues})" if state.queued else ""
    running = sum(run.jobs for run in state.running)
    longest = f", the longest for {duration(state.oldest_running_s)}" if running else ""
    held = "; ".join(f"{each.jobs} wait ({each.status}, {each.error_code})" for each in state.held)
    sensors = daemons = "not known"
    if isinstance(state.dagster, DagsterState):
        sensors = ", ".join(each.name for each in state.dagster.instigators) + " are running"
        daemons = f"{len(state.dagster.heartbeat_age_s)} give signs of life"
    batches = state.model_batches
    return {
        Part.SENSORS: sensors,
        Part.DAEMONS: daemons,
        Part.QUEUE: f"{state.queued} queued{oldest}" + (f"; {held}" if held else ""),
        Part.RUNS: f"{running} running{longest}",
        Part.SERVICES: "no circuit is open",
        Part.SOURCES: "no host of documents is left alone",
        Part.WEBHOOKS: f"{state.webhooks.count} pending",
        Part.MODEL_BATCHES: f"{batches.count}"
        + (f", the oldest {duration(batches.oldest_s)} old" if batches.count else ""),
    }


def _rules(settings: Settings) -> Check:
    """Rules that this installation weighs otherwise than CIRA does."""
    name = "Rules"
    try:
        severities = severities_of(settings.rule_severity)
    except ConfigurationError as error:
        return Check(name, State.BROKEN, error.message, error.hint)
    if not severities:
        return Check(name, State.GOOD, "all with CIRA's own severities")
    changed = [f"{rule}: {RULES[rule].severity} -> {severities[rule] or 'off'}" for rule in severities]
    milder = any(
        RULES[rule].severity is Severity.ERROR and severity is not Severity.ERROR
        for rule, severity in severities.items()
    )
    advice = "An error that is none here lets records be accepted that cannot be paid as they are." if milder else ""
    return Check(name, State.WARNING if milder else State.GOOD, f"CIRA_RULE_SEVERITY says {', '.join(changed)}", advice)


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
        return Check(name, State.BROKEN, f"Docling or its OCR models: {error}", "Install CIRA again (`make install`).")
    return Check(name, State.GOOD, "Docling in this process, OCR models loaded")


def _docling_serve(settings: Settings) -> Check:
    name = "Reader (docling-serve)"
    if not settings.docling_serve_url:
        return Check(
            name, State.BROKEN, "CIRA_READER is docling_serve, its address is not set", "Set CIRA_DOCLING_SERVE_URL."
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
            "Azure OpenAI is half configured, so no model is asked",
            "Set both CIRA_AZURE_OPENAI_ENDPOINT and CIRA_AZURE_OPENAI_DEPLOYMENT.",
        )
    if not settings.model_configured:
        return Check(name, State.UNUSED, "none configured: e-invoices and the offline engine only, nothing is paid")
    url = settings.openai_base_url or settings.azure_openai_endpoint or ""
    label = (
        "OpenAI-compatible server" if settings.openai_base_url else f"Azure OpenAI, {settings.azure_openai_deployment}"
    )
    # Any HTTP answer will do: asking more would cost money.
    found = _http(
        f"{name} ({label})", url, accept=lambda _: True, advice="Correct the address, or let this machine reach it."
    )
    return found._replace(message=f"{found.message}; policy {settings.effective_policy.value}")


def _budgets(settings: Settings) -> Iterator[Check]:
    """One check when budgets are set and the database can say how far they are used up; its own check says why not."""
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
    message = "; ".join(used_up or [f"{len(states)} set, none is near its end"])
    if not used_up and not waiting:
        yield Check("Budgets", State.GOOD, message)
        return
    jobs = f"; {waiting} jobs wait for money" if waiting else ""
    advice = "`cira costs` shows what was spent; jobs go on when the period ends or the budget is raised."
    yield Check("Budgets", State.WARNING, f"{message}{jobs}", advice)


def _model_batches(settings: Settings) -> Iterator[Check]:
    """One check where batches are configured or wanted: whether the last one went well."""
    name = "Model batches"
    if settings.model_batch_clients and not settings.batches_configured:
        advice = "Set CIRA_AZURE_OPENAI_BATCH_DEPLOYMENT, or take the clients out."
        yield Check(
            name, State.WARNING, "CIRA_MODEL_BATCH_CLIENTS names clients, but no deployment for batches", advice
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
    queue = f"{waiting} questions wait for the next one"
    if newest and newest[0].error_code:
        advice = "`cira batches` tells more; docs/errors.md says what the code asks for."
        yield Check(
            name, State.WARNING, f"the last one: {newest[0].error_code}, {newest[0].error_message}; {queue}", advice
        )
    else:
        yield Check(name, State.GOOD, queue)


def _inbox(settings: Settings) -> Check:
    folder: Path = settings.inbox_path
    if folder.is_dir():
        return Check("Inbox", State.GOOD, f"files dropped into {folder} are submitted")
    if settings.inbox is None:
        return Check(
            "Inbox", State.UNUSED, f"{folder} is not there yet; make it to submit files by dropping them there"
        )
    return Check("Inbox", State.BROKEN, f"{folder} is no folder", "Make it, or correct CIRA_INBOX.")


def _dagster(settings: Settings, *, up_is_running: bool) -> Iterator[Check]:
    url = settings.dagster_ui_url
    if url is None:
        yield Check(
            "Dagster",
            State.WARNING,
            "its UI is not known: nothing is processed unless it runs elsewhere",
            f"{_START_UP}, or set CIRA_DAGSTER_UI_URL.",
        )
        return
    if not ui_answers(url):
        advice = "See `.cira/logs`." if up_is_running else f"{_START_UP}, or correct CIRA_DAGSTER_UI_URL."
        yield Check("Dagster UI", State.BROKEN, f"{shown_url(url)} does not answer", advice)
        return
    yield Check("Dagster UI", State.GOOD, shown_url(url))


def _http(name: str, url: str, *, accept: Callable[[httpx.Response], bool], advice: str) -> Check:
    try:
        answer = httpx.get(url, timeout=_TIMEOUT_S)
    except httpx.InvalidURL:
        # The error quotes what it stumbled over, which may be a password.
        return Check(name, State.BROKEN, f"{shown_url(url)} is no URL", advice)
    except httpx.TransportError as error:
        return Check(name, State.BROKEN, f"{shown_host(url)} does not answer: {error}", advice)
    if not accept(answer):
        return Check(name, State.BROKEN, f"{shown_host(url)} answers with status {answer.status_code}", advice)
    return Check(name, State.GOOD, f"{shown_host(url)} answers")
