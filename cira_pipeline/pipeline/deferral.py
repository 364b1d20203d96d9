"""Decides which errors end a job and which defer it, and until when.

A budget that is used up, a dependency with an open circuit and an answer that comes with a model batch are no faults of
the job and are temporary: the job waits, keeps its results, and continues. `sensors.new_invoices` queues it again
(`cira_pipeline/pipeline/resuming.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from cira_pipeline.errors import (
    AnswerInBatch,
    BudgetReached,
    CiraError,
    CircuitOpen,
    DiskFull,
    DownloadTimedOut,
    InternalError,
    ModelRateLimited,
    ModelTimedOut,
    ModelUnavailable,
    ReaderUnavailable,
    ReadingTimedOut,
    SourceBusy,
    SourcePaused,
    SourceUnavailable,
    StoreUnavailable,
)
from cira_pipeline.extraction.cascade import CascadeOutcome
from cira_pipeline.models import Verdict
from cira_pipeline.settings import Settings

OWN_SERVICES = (ReaderUnavailable, StoreUnavailable)
"""Errors of services that every job needs and nothing can replace."""
MODEL_IS_DOWN = (CircuitOpen, ModelUnavailable, ModelRateLimited, ModelTimedOut)
BATCH_WINDOW = timedelta(days=1)
"""A provider's target time for answering a batch; when it takes longer, the job waits longer."""
MOST_ATTEMPTS = 5
"""Runs of a job that may end with a failure of the service itself. Refusals by an open circuit are no attempts."""
MOST_SOURCE_ATTEMPTS = 20
"""Runs of a job whose own download may fail while its source is paused. Of many jobs of a source the one tried least
recently is tried next, so that an outage exhausts none of them. CIRA_SOURCE_WAIT_HOURS ends the wait."""
SOURCE_ASKED_AGAIN_S = 10.0
"""Minimum wait for a source."""
MOST_UNEXPECTED = 3
"""Runs of a job that may end with an unexpected error, or with a reader that makes no progress: this process may be
damaged or short of resources, and another run has a fresh one. Paid answers are not paid again."""


@dataclass(frozen=True)
class Deferral:
    """A job's deferral. `needs_usd`: amount for which it waits for a budget. `is_attempt`: the run counts as one."""

    not_before: datetime
    needs_usd: Decimal | None = None
    is_attempt: bool = False


def deferral_of(error: CiraError, settings: Settings, attempts: int, now: datetime) -> Deferral | None:
    """The deferral of a job that `error` stopped in its run number `attempts`; `None` when the error ends the job."""
    if isinstance(error, BudgetReached):
        return _for_budget(error, now)
    if isinstance(error, AnswerInBatch):
        return Deferral(now + BATCH_WINDOW)
    if isinstance(error, SourcePaused | SourceBusy):
        return Deferral(now + _source_wait(error, "wait_s"))
    if isinstance(error, SourceUnavailable | DownloadTimedOut):
        # A URL that fails at a source which serves others ends its job; a failing source is waited for.
        waits = "paused_s" in error.detail and attempts < MOST_SOURCE_ATTEMPTS
        return Deferral(now + _source_wait(error, "paused_s"), is_attempt=True) if waits else None
    if isinstance(error, CircuitOpen):
        return Deferral(now + _asked_wait(error, settings))
    if isinstance(error, DiskFull):
        # A full disk is never the job's fault, however long it takes to free it.
        return Deferral(now + _asked_wait(error, settings))
    # Another engine can replace the model, unless the installation is set to wait for it.
    awaited = isinstance(error, OWN_SERVICES) or (
        isinstance(error, MODEL_IS_DOWN) and settings.model_outage_policy == "wait"
    )
    unexpected = isinstance(error, InternalError | ReadingTimedOut) and attempts < MOST_UNEXPECTED
    if unexpected or (awaited and attempts < MOST_ATTEMPTS):
        return Deferral(now + _asked_wait(error, settings), is_attempt=True)
    return None


def model_awaited(outcome: CascadeOutcome, settings: Settings) -> CiraError | None:
    """The model's failure for which a job waits although another engine found something.

    Under the policy `wait` no engine replaces an unavailable model, unless the record can be accepted without one.
    """
    if settings.model_outage_policy != "wait" or outcome.steps[outcome.chosen].record.verdict is Verdict.ACCEPTED:
        return None
    errors = (failure.error for failure in outcome.failed if failure.engine.is_paid)
    return next((error for error in errors if isinstance(error, MODEL_IS_DOWN)), None)


def _for_budget(error: BudgetReached, now: datetime) -> Deferral:
    needs_usd, not_before = error.detail.get("needs_usd"), error.detail.get("not_before")
    return Deferral(
        not_before if isinstance(not_before, datetime) else now + timedelta(hours=1),
        needs_usd if isinstance(needs_usd, Decimal) else Decimal(0),
    )


def _source_wait(error: CiraError, name: str) -> timedelta:
    wait_s = error.detail.get(name)
    return timedelta(seconds=max(float(wait_s) if isinstance(wait_s, int | float) else 0.0, SOURCE_ASKED_AGAIN_S))


def _asked_wait(error: CiraError, settings: Settings) -> timedelta:
    """The wait that the provider or the circuit asked for, with a minimum so that a job does not loop."""
    asked_s = error.detail.get("retry_after_s")
    shortest_s = 1.0 if isinstance(error, CircuitOpen) else settings.breaker_reset_s
    return timedelta(seconds=max(float(asked_s) if isinstance(asked_s, int | float) else 0.0, shortest_s))
