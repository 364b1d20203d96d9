"""Prometheus metrics: what this process answered, and what stands in PostgreSQL and Redis when it is asked."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import accumulate

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.types import Scope

from cira_pipeline.jobs import JobStatus
from cira_pipeline.storage.figures import Figures
from cira_pipeline.storage.stage_timings import CLASSES_S, Timing

_LATENCIES_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_BREAKER_STATES = ("closed", "half-open", "open")


class Metrics:
    """One registry for each application, so that two in one process do not count together."""

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
            "cira_api_job_statuses", "Statuses answered, by where they came from", ["source"], registry=self.registry
        )
        self.redis_available = Gauge(
            "cira_redis_available", "1: Redis answered when it was last asked", registry=self.registry
        )

    def answered(self, scope: Scope, status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", "none")
        self._requests.labels(scope["method"] if status != 405 else "other", route, str(status)).inc()
        self._seconds.labels(scope["method"] if status != 405 else "other", route).observe(seconds)

    def page(self, figures: Figures, breakers: dict[str, str], *, redis_available: bool) -> bytes:
        """Everything in Prometheus' text format."""
        self.redis_available.set(redis_available)
        standing = CollectorRegistry()
        standing.register(_Standing(figures, breakers))
        return generate_latest(self.registry) + generate_latest(standing)


class _Standing(Collector):
    def __init__(self, figures: Figures, breakers: dict[str, str]) -> None:
        self._figures = figures
        self._breakers = breakers

    def collect(self) -> Iterator[Metric]:
        jobs = GaugeMetricFamily("cira_jobs", "Jobs by status", labels=["status"])
        for status in JobStatus:
            jobs.add_metric([status], self._figures.jobs.get(status, 0))
        yield jobs
        yield GaugeMetricFamily(
            "cira_queue_age_seconds", "Age of the oldest queued job", value=self._figures.queue_age_s
        )
        seconds = HistogramMetricFamily(
            "cira_stage_seconds", "Seconds a stage took for one job; of all processes", labels=["stage"]
        )
        for stage, timing in self._figures.stages.items():
            seconds.add_metric([stage], _buckets(timing), timing.seconds)
        yield seconds
        spend = CounterMetricFamily("cira_spend_usd", "USD spent, by provider and model", labels=["provider", "model"])
        for (provider, model), amount in self._figures.spend_usd.items():
            spend.add_metric([provider, model], float(amount))
        yield spend
        breakers = GaugeMetricFamily("cira_breaker", "1 for the state a circuit is in", labels=["dependency", "state"])
        for dependency, state in self._breakers.items():
            for each in _BREAKER_STATES:
                breakers.add_metric([dependency, each], float(each == state))
        yield breakers
        webhooks = self._figures.webhooks
        events = GaugeMetricFamily("cira_webhook_events", "Webhooks owed, and given up", labels=["state"])
        events.add_metric(["pending"], webhooks.pending)
        events.add_metric(["failed"], webhooks.failed)
        yield events
        yield GaugeMetricFamily(
            "cira_webhook_oldest_seconds", "How long the oldest pending webhook has been owed", value=webhooks.oldest_s
        )
        yield GaugeMetricFamily(
            "cira_webhook_paused_receivers",
            "Receivers of webhooks that are left alone for a while",
            value=webhooks.paused_receivers,
        )


def _buckets(timing: Timing) -> list[tuple[str, float]]:
    """Prometheus counts in each class those of the shorter ones too."""
    return [
        ("+Inf" if math.isinf(up_to_s) else str(up_to_s), float(count))
        for up_to_s, count in zip(CLASSES_S, accumulate(timing.runs), strict=True)
    ]
