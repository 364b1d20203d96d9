"""Attributes model costs to the current job, for engines that do not know of jobs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from cira_pipeline.jobs import JobId


@dataclass(frozen=True)
class CostAttribution:
    """The job and client that pay. `may_wait`: its questions may wait for a model batch, at a lower price."""

    job_id: JobId
    client: str
    may_wait: bool = False


_attribution: ContextVar[CostAttribution | None] = ContextVar("cost_attribution", default=None)


@contextmanager
def attributed_to(attribution: CostAttribution) -> Iterator[None]:
    """Attributes paid calls of this thread inside the block to `attribution`'s job."""
    token = _attribution.set(attribution)
    try:
        yield
    finally:
        _attribution.reset(token)


def may_wait() -> bool:
    """Whether this thread's questions may wait for a model batch; false without an attribution."""
    attribution = _attribution.get()
    return attribution is not None and attribution.may_wait


def current_attribution() -> CostAttribution:
    """The attribution of this thread. Raises: RuntimeError without one, a programming error: every cost has a job."""
    attribution = _attribution.get()
    if attribution is None:
        raise RuntimeError("a paid call without a job was stopped; wrap it in `attributed_to(...)`")
    return attribution
