"""Prometheus metrics of the state of the work: queue, runs, sensors, daemons, sources.

docs/metrics.md lists them, and deploy/monitoring has alerts and a dashboard that use them: do not change their names
and labels.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from cira_pipeline.health.dagster_tables import DagsterState
from cira_pipeline.health.findings import Finding, ProblemSeverity
from cira_pipeline.health.work_state import WorkState

BREAKER_STATES = ("closed", "half-open", "open")
MOST_CLIENTS = 50
MOST_HOSTS = 20
OTHERS = "(others)"
"""Label for all clients except the `MOST_CLIENTS` with the most jobs."""


class WorkMetrics(Collector):
    """Collector over a `WorkState`; `problems` are the findings about it."""

    def __init__(self, work: WorkState, problems: Sequence[Finding]) -> None:
        self._work = work
        self._problems = problems

    def collect(self) -> Iterator[Metric]:
        yield from self._queue()
        yield from self._waiting()
        yield from self._breakers()
        yield from self._sources()
        yield from self._findings()
        if isinstance(self._work.dagster, DagsterState):
            yield from _instigators(self._work.dagster)
            yield from _daemons(self._work.dagster)

    def _queue(self) -> Iterator[Metric]:
        work = self._work
        yield GaugeMetricFamily("cira_queue_age_seconds", "Age of the oldest queued job", value=work.oldest_queued_s)
        queued = GaugeMetricFamily("cira_jobs_queued", "Queued jobs by client", labels=["client"])
        oldest = GaugeMetricFamily(
            "cira_queue_client_age_seconds", "Age of a client's oldest queued job", labels=["client"]
        )
        named, others = work.queues[:MOST_CLIENTS], work.queues[MOST_CLIENTS:]
        for queue in named:
            queued.add_metric([queue.client], queue.jobs)
            oldest.add_metric([queue.client], queue.oldest_s)
        if others:
            queued.add_metric([OTHERS], sum(queue.jobs for queue in others))
            oldest.add_metric([OTHERS], max(queue.oldest_s for queue in others))
        yield queued
        yield oldest
        yield GaugeMetricFamily(
            "cira_running_age_seconds", "Age of the oldest running job's attempt", value=work.oldest_running_s
        )
        yield GaugeMetricFamily(
            "cira_jobs_run_dead", "Running jobs whose run has ended or is unknown", value=work.jobs_of_dead_runs
        )

    def _waiting(self) -> Iterator[Metric]:
        held = GaugeMetricFamily(
            "cira_jobs_held", "Jobs that wait outside of runs, by status and reason", labels=["status", "code"]
        )
        for each in self._work.held:
            held.add_metric([each.status, each.error_code], each.jobs)
        yield held
        batches = self._work.model_batches
        yield GaugeMetricFamily("cira_model_batches_open", "Unfinished model batches", value=batches.count)
        yield GaugeMetricFamily(
            "cira_model_batch_oldest_seconds", "Age of the oldest unfinished model batch", value=batches.oldest_s
        )
        yield GaugeMetricFamily(
            "cira_database_bytes", "Size of the database with CIRA's tables", value=self._work.database_bytes
        )

    def _breakers(self) -> Iterator[Metric]:
        breakers = GaugeMetricFamily(
            "cira_breaker", "1 for the current state of a circuit breaker", labels=["dependency", "state"]
        )
        for dependency, state in self._work.breakers.items():
            for each in BREAKER_STATES:
                breakers.add_metric([dependency, each], float(each == state))
        yield breakers

    def _sources(self) -> Iterator[Metric]:
        """Hosts are named by strangers: only some of those that fail are labels."""
        failing = [host for host in self._work.source_hosts if host.state != "closed"]
        yield GaugeMetricFamily(
            "cira_source_hosts_open", "Hosts of documents that fail and are left alone", value=len(failing)
        )
        open_hosts = GaugeMetricFamily(
            "cira_source_host_open", f"1: this host fails and is left alone; {MOST_HOSTS} at the most", labels=["host"]
        )
        for host in failing[:MOST_HOSTS]:
            open_hosts.add_metric([host.host], 1)
        yield open_hosts
        yield GaugeMetricFamily(
            "cira_source_requests_in_flight",
            "Requests to hosts of documents in flight",
            value=sum(host.in_flight for host in self._work.source_hosts),
        )

    def _findings(self) -> Iterator[Metric]:
        can_proceed = not any(each.severity is ProblemSeverity.BLOCKED for each in self._problems)
        yield GaugeMetricFamily("cira_work_can_proceed", "1: as /readyz says of the work", value=float(can_proceed))
        problems = GaugeMetricFamily(
            "cira_problems", "What `cira doctor` finds wrong with the work", labels=["code", "severity"]
        )
        counts: dict[tuple[str, str], int] = {}
        for each in self._problems:
            counts[each.code, each.severity.value] = counts.get((each.code, each.severity.value), 0) + 1
        for labels, count in counts.items():
            problems.add_metric(list(labels), count)
        yield problems


def _instigators(dagster: DagsterState) -> Iterator[Metric]:
    for kind in ("sensor", "schedule"):
        running = GaugeMetricFamily(f"cira_{kind}_running", f"1: the {kind} is running", labels=["name"])
        tick_age = GaugeMetricFamily(f"cira_{kind}_tick_age_seconds", "Seconds since its last tick", labels=["name"])
        failed = GaugeMetricFamily(
            f"cira_{kind}_failed_ticks", "Failed ticks in a row, of its last three", labels=["name"]
        )
        for each in dagster.instigators:
            if each.kind != kind:
                continue
            running.add_metric([each.name], float(each.running))
            failed.add_metric([each.name], each.failed_ticks)
            if each.last_tick_age_s is not None:
                tick_age.add_metric([each.name], each.last_tick_age_s)
        yield from (running, tick_age, failed)


def _daemons(dagster: DagsterState) -> Iterator[Metric]:
    ages = GaugeMetricFamily(
        "cira_daemon_heartbeat_age_seconds", "Seconds since a daemon's last heartbeat", labels=["daemon"]
    )
    for daemon, age_s in sorted(dagster.heartbeat_age_s.items()):
        ages.add_metric([daemon], age_s)
    yield ages
