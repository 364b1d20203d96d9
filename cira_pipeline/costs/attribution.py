"""For which job the work of this thread is paid. Engines do not know of jobs; whoever calls them says it here."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from cira_pipeline.jobs import JobId


@dataclass(frozen=True)
class CostAttribution:
    """`may_wait`: its questions may wait for a model batch, at a lower price."""

    job_id: JobId
    client: str
    may_wait: bool = False


_payer: ContextVar[CostAttribution | None] = ContextVar("payer", default=None)


@contextmanager
def attributed_to(payer: CostAttribution) -> Iterator[None]:
    """What is paid inside the block, by this thread, is paid for `payer`'s job."""
    token = _payer.set(payer)
    try:
        yield
    finally:
        _payer.reset(token)


def may_wait() -> bool:
    """Whether what this thread asks may wait for a model batch; false when nobody pays."""
    payer = _payer.get()
    return payer is not None and payer.may_wait


def current_attribution() -> CostAttribution:
    """Raises: RuntimeError when nobody pays, which is a programming error: every cent belongs to a job."""
    payer = _payer.get()
    if payer is None:
        raise RuntimeError("a paid call was about to be made for no job; wrap it in `attributed_to(...)`")
    return payer
