"""Prometheus metrics of this process's requests and of the state in PostgreSQL, Redis and the disks."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.types import Scope

from cira_pipeline.api.work_metrics import WorkMetrics
from cira_pipeline.db.jobs.stage_timings import CLASSES_S, Timing
from cira_pipeline.db.records.figures import Figures
from cira_pipeline.health.findings import Finding
from cira_pipeline.health.work_state import WorkState
from cira_pipeline.jobs import JobStatus

_LATENCIES_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class Metrics:
    """Metrics of one application; its own registry separates it from others in the same process."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "cira_api_requests", "Requests answered", ["method", "route", "status"], registry=self.registry
        )
        self._seconds = Histogram(
            "cira_api_request_seconds",
            "Seconds from a request to its answer",
            ["method", "route"],
            buckets=_LATENCIES_S,
            registry=self.registry,
        )
        self.status_from = Counter(
            "cira_api_job_statuses", "Job statuses served, by source", ["source"], registry=self.registry
        )
        self.redis_available = Gauge(
            "cira_redis_available", "1: Redis answered the last request", registry=self.registry
        )
        self.postgresql_available = Gauge(
            "cira_postgresql_available", "1: PostgreSQL answered the last request", registry=self.registry
        )

    def answered(self, scope: Scope, status: int, seconds: float) -> None:
        """Counts an answered request with its duration in seconds."""
        route = getattr(scope.get("route"), "path", "none")
        self._requests.labels(scope["method"] if status != 405 else "other", route, str(status)).inc()
        self._seconds.labels(scope["method"] if status != 405 else "other", route).observe(seconds)

    def page(
        self,
        figures: Figures | None,
        *,
        redis_available: bool,
        work: WorkState | None,
        problems: Sequence[Finding] = (),
        disk_free_bytes: Mapping[str, int],
    ) -> bytes:
        """All metrics in Prometheus' text format; `figures` and `work` are `None` if PostgreSQL does not answer."""
        self.redis_available.set(redis_available)
        self.postgresql_available.set(figures is not None and work is not None)
        standing = CollectorRegistry()
        standing.register(_Disks(disk_free_bytes))
        if figures is not None:
            standing.register(_Standing(figures))
        if work is not None:
            standing.register(WorkMetrics(work, problems))
        return generate_latest(self.registry) + generate_latest(standing)


class _Disks(Collector):
    def __init__(self, free_bytes: Mapping[str, int]) -> None:
        self._free_bytes = free_bytes

    def collect(self) -> Iterator[Metric]:
        disks = GaugeMetricFamily(
            "cira_disk_free_bytes", "Free bytes on the file system of a place that CIRA writes to", labels=["place"]
        )
        for place, free in self._free_bytes.items():
            disks.add_metric([place], free)
        yield disks


class _Standing(Collector):
    def __init__(self, figures: Figures) -> None:
        self._figures = figures

    def collect(self) -> Iterator[Metric]:
        jobs = GaugeMetricFamily("cira_jobs", "Jobs by status", labels=["status"])
        for status in JobStatus:
            jobs.add_metric([status], self._figures.jobs.get(status, 0))
        yield jobs
        seconds = HistogramMetricFamily(
            "cira_stage_seconds", "Seconds a stage took for one job, over all processes", labels=["stage"]
        )
        for stage, timing in self._figures.stages.items():
            seconds.add_metric([stage], _buckets(timing), timing.seconds)
        yield seconds
        spend = CounterMetricFamily("cira_spend_usd", "USD spent, by provider and model", labels=["provider", "model"])
        for (provider, model), amount in self._figures.spend_usd.items():
            spend.add_metric([provider, model], float(amount))
        yield spend
        webhooks = self._figures.webhooks
        events = GaugeMetricFamily("cira_webhook_events", "Webhook events pending, and given up", labels=["state"])
        events.add_metric(["pending"], webhooks.pending)
        events.add_metric(["failed"], webhooks.failed)
        yield events
        yield GaugeMetricFamily(
            "cira_webhook_oldest_seconds", "Age of the oldest pending webhook event", value=webhooks.oldest_s
        )
        yield GaugeMetricFamily(
            "cira_webhook_paused_receivers",
            "Webhook receivers that are paused after failures",
            value=webhooks.paused_receivers,
        )


def _buckets(timing: Timing) -> list[tuple[str, float]]:
    """Cumulative buckets, as Prometheus expects them."""
    return [
        ("+Inf" if math.isinf(up_to_s) else str(up_to_s), float(count))
        for up_to_s, count in zip(CLASSES_S, accumulate(timing.runs), strict=True)
    ]
