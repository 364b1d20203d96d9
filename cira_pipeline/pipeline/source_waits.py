"""Defers jobs, without a run, while their source host is unavailable, and queues them again when it answers.

Called every few seconds by the sensor. A host with an open circuit gets none of its jobs, one that may be available
again gets one, and a slow one as many as it can serve. A job that has waited for `CIRA_SOURCE_WAIT_HOURS` fails.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from cira_pipeline.db.jobs.source_jobs import SourceJobs
from cira_pipeline.errors import CiraError, SourceBusy, SourcePaused
from cira_pipeline.jobs import JobId
from cira_pipeline.pipeline.resuming import PROBES, UNKNOWN_AT_ONCE
from cira_pipeline.resilience.source_hosts import HostState, SourceHosts
from cira_pipeline.settings import Settings

MOST_AT_ONCE = 1_000
"""Maximum jobs deferred, and jobs queued again, in one call: a tick is short, and the next one continues."""
ROUNDS = 2
"""Jobs of a slow host under way for each request that it may have in flight: while some run, a run is planned for the
others."""


@dataclass(frozen=True)
class SourceWaits:
    """Result of a call. Jobs of the hosts in `avoid` must not be planned, except those that were `resumed`."""

    held: int
    resumed: Collection[JobId]
    given_up: int
    avoid: Collection[str]


def look_after_sources(jobs: SourceJobs, hosts: SourceHosts, settings: Settings, now: datetime) -> SourceWaits:
    """Raises: StoreUnavailable."""
    states = {state.host: state for state in hosts.states()}
    avoid = [host for host, state in states.items() if state.state != "closed" or state.slow]
    held = 0
    for host in avoid:
        state = states[host]
        held += jobs.hold_queued(
            host, _why(state), not_before=state.open_until or now, limit=max(MOST_AT_ONCE - held, 0)
        )
    hours = settings.source_wait_hours
    return SourceWaits(
        held=held,
        resumed=_resumed(jobs, hosts, states, now),
        given_up=jobs.give_up(now - timedelta(hours=hours), hours=hours, limit=MOST_AT_ONCE),
        avoid=avoid,
    )


def _why(state: HostState) -> CiraError:
    if state.state == "closed":
        return SourceBusy(f"{state.host} answers slowly, and its limit is {state.limit} requests at once")
    return SourcePaused(f"{state.host} is paused after {state.failures} failures; the last one: {state.last_error}")


def _resumed(jobs: SourceJobs, hosts: SourceHosts, states: Mapping[str, HostState], now: datetime) -> Collection[JobId]:
    waiting = jobs.waiting_hosts()
    shared = hosts.shared if waiting else True
    resumed: list[JobId] = []
    for host in waiting:
        most = min(_most_at_once(jobs, host, states.get(host), shared), MOST_AT_ONCE - len(resumed))
        if most > 0:
            resumed += jobs.resume(host, limit=most, now=now)
    return resumed


def _most_at_once(jobs: SourceJobs, host: str, state: HostState | None, shared: bool) -> int:
    if not shared:
        # The circuit is only in the processes of the runs, and this process cannot see it.
        return UNKNOWN_AT_ONCE
    if state is None or (state.state == "closed" and not state.slow):
        return MOST_AT_ONCE
    if state.state == "open":
        return 0
    most = ROUNDS * state.limit if state.state == "closed" else PROBES
    return most - jobs.under_way(host, limit=most)
