"""Findings about the state of the work: what is wrong, how severe it is and what to do about it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from cira_pipeline.health.dagster_tables import TICKS_LOOKED_AT, Instigator
from cira_pipeline.health.work_state import WorkState
from cira_pipeline.settings import Settings

PLANNER = "new_invoices"
"""The sensor that requests runs for queued jobs."""
TICKS_MISSED = 12
LEAST_LATE_S = 120.0
"""A sensor is late after `TICKS_MISSED` intervals, but not earlier than this: one tick may plan thousands of jobs."""
WEBHOOKS_LATE_S = 3_600.0
MODEL_BATCH_LATE_S = 26 * 3_600.0
"""Providers promise the answers within a day."""
_DAEMONS = {
    "SENSOR": "no sensor runs, so queued jobs get no run",
    "QUEUED_RUN_COORDINATOR": "runs stay in Dagster's queue",
    "MONITORING": "runs whose process died are not detected",
    "EVENT_LOG_CONSUMER": "runs whose process died are not retried",
    "SCHEDULER": "housekeeping and the accuracy report do not run",
}
"""The daemons of dagster.yaml that CIRA needs -> what does not work without them."""
_ESSENTIAL = ("SENSOR", "QUEUED_RUN_COORDINATOR")


class ProblemSeverity(StrEnum):
    """ProblemSeverity of a finding, worst first."""

    BLOCKED = "blocked"
    """No work proceeds: `/readyz` answers 503."""
    STUCK = "stuck"
    """Part of the work does not proceed, and an operator must act."""
    WARNING = "warning"
    """Work proceeds."""


class Part(StrEnum):
    """Part of the work that a finding is about; `cira doctor` has a check for each."""

    SENSORS = "Sensors"
    DAEMONS = "Daemons"
    DISKS = "Disk"
    QUEUE = "Queue"
    RUNS = "Runs"
    SERVICES = "Services asked"
    SOURCES = "Sources"
    WEBHOOKS = "Webhooks"
    MODEL_BATCHES = "Model batches under way"


@dataclass(frozen=True)
class Finding:
    """Something wrong with the work. `subject` heads its line in `cira doctor`; texts have no client, path, host or
    secret.
    """

    code: str
    severity: ProblemSeverity
    part: Part
    subject: str
    message: str
    advice: str


def findings(state: WorkState, settings: Settings) -> Sequence[Finding]:
    """All findings about `state`, most severe first."""
    found = [
        *_sensors(state),
        *_daemons(state, settings),
        *_disks(state, settings),
        *_jobs(state, settings),
        *_others(state),
    ]
    order = list(ProblemSeverity)
    return sorted(found, key=lambda each: order.index(each.severity))


def _sensors(state: WorkState) -> Iterator[Finding]:
    if state.dagster == "missing":
        advice = "Start Dagster (`cira up`); set CIRA_DAGSTER_POSTGRES_URL if its tables are in another database."
        message = "Dagster has no tables in this database, so no job gets a run"
        yield Finding("dagster_missing", ProblemSeverity.BLOCKED, Part.SENSORS, "Dagster", message, advice)
        return
    if isinstance(state.dagster, str):
        message = "the database with Dagster's tables does not answer"
        advice = "Start it, or correct CIRA_DAGSTER_POSTGRES_URL."
        yield Finding("dagster_unreachable", ProblemSeverity.BLOCKED, Part.SENSORS, "Dagster", message, advice)
        return
    known = {each.name: each for each in state.dagster.instigators}
    if PLANNER not in known:
        message = "it has never run, so no job gets a run"
        advice = "Start dagster-daemon, and check in Dagster's UI that the code location loads."
        yield Finding(
            "sensor_never_ticked", ProblemSeverity.BLOCKED, Part.SENSORS, f"Sensor {PLANNER}", message, advice
        )
    for each in known.values():
        yield from _instigator(each, queued=state.queued)


def _instigator(each: Instigator, *, queued: int) -> Iterator[Finding]:
    """At most one finding, for the first reason that applies."""
    subject, severity = f"{each.kind.capitalize()} {each.name}", ProblemSeverity.WARNING
    waiting = ""
    if each.name == PLANNER:
        severity = ProblemSeverity.BLOCKED
        waiting = f"; {queued} jobs are queued" if queued else ""
    if not each.running:
        advice = f"Start `{each.name}` in Dagster's UI under Automation."
        yield Finding(f"{each.kind}_stopped", severity, Part.SENSORS, subject, f"it is stopped{waiting}", advice)
    elif each.failed_ticks >= TICKS_LOOKED_AT:
        message = f"its last {each.failed_ticks} ticks failed{waiting}"
        advice = "See the error in its ticks in Dagster's UI."
        yield Finding(f"{each.kind}_failing", severity, Part.SENSORS, subject, message, advice)
    elif each.kind == "sensor" and each.last_tick_age_s is None:
        message = f"it has never ticked{waiting}"
        yield Finding("sensor_never_ticked", severity, Part.SENSORS, subject, message, "Start dagster-daemon.")
    elif each.last_tick_age_s is not None and each.last_tick_age_s > late_after_s(each):
        message = f"its last tick was {duration(each.last_tick_age_s)} ago{waiting}"
        advice = "Restart dagster-daemon; its log shows what it waits for."
        yield Finding("sensor_late", severity, Part.SENSORS, subject, message, advice)
    elif each.failed_ticks:
        advice = "See the error in its ticks in Dagster's UI."
        yield Finding(
            f"{each.kind}_tick_failed", ProblemSeverity.WARNING, Part.SENSORS, subject, "its last tick failed", advice
        )


def late_after_s(each: Instigator) -> float:
    """Seconds without a tick after which a sensor is late; infinite for schedules."""
    return float("inf") if each.interval_s is None else max(each.interval_s * TICKS_MISSED, LEAST_LATE_S)


def _daemons(state: WorkState, settings: Settings) -> Iterator[Finding]:
    if isinstance(state.dagster, str):
        return
    for daemon, consequence in _DAEMONS.items():
        age_s = state.dagster.heartbeat_age_s.get(daemon)
        severity = ProblemSeverity.BLOCKED if daemon in _ESSENTIAL else ProblemSeverity.STUCK
        advice = "Start dagster-daemon (or `cira up`, which includes it); submitted jobs are kept meanwhile."
        subject = f"Daemon {daemon.lower()}"
        if age_s is None and daemon in _ESSENTIAL:
            yield Finding("daemon_missing", severity, Part.DAEMONS, subject, f"it has never run: {consequence}", advice)
        elif age_s is not None and age_s > settings.daemon_silent_s:
            message = f"no heartbeat for {duration(age_s)}: {consequence}"
            yield Finding("daemon_silent", severity, Part.DAEMONS, subject, message, advice)


def _disks(state: WorkState, settings: Settings) -> Iterator[Finding]:
    least = settings.least_free_bytes
    for place, free in state.disk_free_bytes.items():
        if free < least:
            message = (
                f"{free // 1_000_000} MB are free on the disk of `{place}`; at least {least // 1_000_000} MB are needed"
            )
            advice = "Free disk space: new work is refused until then (CIRA_LEAST_FREE_MB)."
            yield Finding("disk_low", ProblemSeverity.BLOCKED, Part.DISKS, f"Disk of {place}", message, advice)


def _jobs(state: WorkState, settings: Settings) -> Iterator[Finding]:
    if state.jobs_of_dead_runs:
        message = f"{state.jobs_of_dead_runs} jobs are `running`, but their run has ended or is unknown to Dagster"
        advice = f"`{PLANNER}` queues them again within minutes; if it does not, see its ticks in Dagster's UI."
        yield Finding("jobs_run_dead", ProblemSeverity.STUCK, Part.RUNS, "Running jobs", message, advice)
    if state.oldest_queued_s > settings.queue_late_s:
        message = f"the oldest has waited for {duration(state.oldest_queued_s)}; {state.queued} are queued"
        advice = "Check the runs in Dagster's UI: if all are busy, add workers or raise CIRA_BATCH_MAX_RUNS."
        yield Finding("queue_late", ProblemSeverity.STUCK, Part.QUEUE, "Queued jobs", message, advice)


def _others(state: WorkState) -> Iterator[Finding]:
    paused_services = sorted(name for name, circuit in state.breakers.items() if circuit != "closed")
    if paused_services:
        message = f"calls to {', '.join(paused_services)} are paused after repeated failures"
        advice = "Meanwhile jobs wait or other engines are used; the calls are retried automatically."
        yield Finding("breaker_open", ProblemSeverity.WARNING, Part.SERVICES, "Services asked", message, advice)
    paused = sum(host.state != "closed" for host in state.source_hosts)
    if paused:
        message = f"{paused} source hosts are paused after repeated failures; their jobs wait"
        yield Finding(
            "source_host_open", ProblemSeverity.WARNING, Part.SOURCES, "Sources", message, "`cira doctor` lists them."
        )
    if state.webhooks.oldest_s > WEBHOOKS_LATE_S:
        message = f"{state.webhooks.count} are pending, the oldest for {duration(state.webhooks.oldest_s)}"
        advice = "`cira webhooks list` shows the failures of their receivers."
        yield Finding("webhooks_late", ProblemSeverity.WARNING, Part.WEBHOOKS, "Webhooks", message, advice)
    if state.model_batches.oldest_s > MODEL_BATCH_LATE_S:
        message = (
            f"the oldest of {state.model_batches.count} unfinished ones is {duration(state.model_batches.oldest_s)} old"
        )
        yield Finding(
            "model_batch_late",
            ProblemSeverity.WARNING,
            Part.MODEL_BATCHES,
            "Model batches",
            message,
            "`cira batches` shows details.",
        )


def duration(seconds: float) -> str:
    """A readable duration: in seconds up to two minutes, in minutes up to two hours, else in hours."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7_200 else f"{seconds / 3_600:.0f} h"
