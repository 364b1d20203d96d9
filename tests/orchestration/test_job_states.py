"""No order of crashes, late retries and actions of people loses a job, or takes back one that has ended.

Hypothesis searches for such an order. More of them: `pytest --state-examples 1000 --state-steps 80 --state-random` on
this file.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, TypeVar

import pytest
from dagster import DagsterRunStatus
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from cira_pipeline.errors import JobNotCancellable, JobNotFinished, JobNotRetryable
from cira_pipeline.jobs import JobId
from cira_pipeline.models import Verdict
from cira_pipeline.settings import Settings
from resources.postgres import PostgresResource
from resources.redis import RedisResource
from sensors.new_invoices import MAX_ATTEMPTS, MOST_ATTEMPTS
from tests.orchestration.job_world import HOSTS, IN_FLIGHT, OUTCOMES, PUTS_BACK, Crash, JobWorld, unexpected_end

ANY = st.integers(min_value=0, max_value=1_000)
# Often none: what goes wrong in every step does not get far.
CRASH = st.none() | st.integers(min_value=0, max_value=25)
# One choice and not a list of them: the choices of a sequence are limited.
TURNS = st.binary(min_size=1, max_size=30)
MORE_ATTEMPTS = MAX_ATTEMPTS + MOST_ATTEMPTS
T = TypeVar("T")


@pytest.fixture
def world(migrated_database_url: str, redis_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[JobWorld]:
    monkeypatch.setenv("CIRA_POSTGRES_URL", migrated_database_url)
    monkeypatch.setenv("CIRA_REDIS_URL", redis_url)
    settings = Settings(
        batch_max_jobs=4,
        batch_key_min_jobs=4,
        source_pause_s=300,
        client_budgets="poor=0/day",
    )
    postgres = PostgresResource(url=migrated_database_url)
    database = postgres.database()
    world = JobWorld(
        settings, database, redis_url, {"postgres": postgres, "redis": RedisResource(url=redis_url, status_ttl_s=3600)}
    )
    yield world
    world.close()
    database.dispose()


class JobsBatchesRuns(RuleBasedStateMachine):
    world: JobWorld

    def __init__(self) -> None:
        super().__init__()
        self.world.begin()
        self.ended: dict[Any, Any] = {}
        self.by_a_person = False
        self.dagster_retries = True

    @initialize(retries=st.booleans(), outcomes=st.lists(st.sampled_from(list(OUTCOMES)), min_size=1, max_size=6))
    def begin(self, retries: bool, outcomes: list[str]) -> None:
        self.world.counts["sequences"] += 1
        self.dagster_retries = retries
        self.world.submit(outcomes)

    # What runs by itself

    @rule(crash_at=CRASH)
    def tick(self, crash_at: int | None) -> None:
        assert self.world.out_of_sight() == []
        self.world.tick(crash_at=crash_at)

    @rule(adds_keys=st.booleans(), makes=st.integers(0, 2), submits=st.booleans())
    def tick_of_a_daemon_that_ends_halfway(self, adds_keys: bool, makes: int, submits: bool) -> None:
        self.world.tick(crash_at=None, adds_keys=adds_keys, makes=makes, submits=submits)

    @rule(launches=st.integers(1, 3))
    def tick_and_launch(self, launches: int) -> None:
        self.world.tick(crash_at=None)
        for run in self.world.runs(DagsterRunStatus.STARTING)[:launches]:
            self.world.launch(run)

    @precondition(lambda self: self.world.runs(DagsterRunStatus.STARTING))
    @rule(which=ANY, crash_at=CRASH)
    def launch(self, which: int, crash_at: int | None) -> None:
        self.world.launch(_one(self.world.runs(DagsterRunStatus.STARTING), which), crash_at=crash_at)

    @precondition(lambda self: self.world.processes)
    @rule(which=ANY, turns=TURNS, crash_at=CRASH)
    def work(self, which: int, turns: bytes, crash_at: int | None) -> None:
        process = _one(list(self.world.processes.values()), which)
        self.by_a_person = process.flow.claim.planned_as is None
        self.world.work(process, [_turn(each) for each in turns], crash_at=crash_at)

    @precondition(lambda self: self.world.processes)
    @rule(which=ANY)
    def kill_a_run(self, which: int) -> None:
        self.world.kill(_one(list(self.world.processes.values()), which))

    @precondition(lambda self: self.world.processes)
    @rule(which=ANY, says_retry=st.booleans())
    def a_run_dies(self, which: int, says_retry: bool) -> None:
        process = _one(list(self.world.processes.values()), which)
        self.world.kill(process)
        alive = {run.run_id for run in self.world.runs(DagsterRunStatus.STARTED)}
        if process.run.run_id in alive:
            self.world.notice_death(process.run, says_retry=says_retry)

    @precondition(lambda self: self.world.runs(DagsterRunStatus.STARTED))
    @rule(which=ANY, says_retry=st.booleans())
    def take_a_run_for_dead(self, which: int, says_retry: bool) -> None:
        """Rightly or not: its process may be alive and go on."""
        self.world.notice_death(_one(self.world.runs(DagsterRunStatus.STARTED), which), says_retry=says_retry)

    @precondition(lambda self: self.world.to_retry())
    @rule(which=ANY, submits=st.booleans())
    def retry_a_run_however_late(self, which: int, submits: bool) -> None:
        self.world.retry_run(_one(self.world.to_retry(), which), submits=submits)

    @rule(seconds=st.sampled_from([10, 200, 2_000]))
    def time_passes(self, seconds: float) -> None:
        self.world.pass_time(seconds)

    @rule()
    def tidy(self) -> None:
        self.world.tidy()

    # What people do, and what breaks

    @rule(outcomes=st.lists(st.sampled_from(list(OUTCOMES)), min_size=1, max_size=5))
    def submit(self, outcomes: list[str]) -> None:
        self.world.submit(outcomes)

    @rule(which=ANY, crash_at=CRASH)
    def cancel(self, which: int, crash_at: int | None) -> None:
        job_id = self._job(which)
        with suppress(JobNotCancellable, Crash), self.world.crashes.at(crash_at):
            self.world.jobs.cancel(job_id)

    @rule(which=ANY, crash_at=CRASH)
    def retry(self, which: int, crash_at: int | None) -> None:
        self.by_a_person = True
        job_id = self._job(which)
        with suppress(JobNotRetryable, Crash), self.world.crashes.at(crash_at):
            self.world.jobs.retry(job_id)

    @rule(which=ANY, crash_at=CRASH)
    def erase(self, which: int, crash_at: int | None) -> None:
        self.by_a_person = True
        job_id = self._job(which)
        with suppress(JobNotFinished, Crash), self.world.crashes.at(crash_at):
            self.world.erase(job_id)

    @rule(which=ANY, verdict=st.sampled_from(Verdict))
    def confirm(self, which: int, verdict: Verdict) -> None:
        job = self.world.jobs.get(self._job(which))
        if job.verdict is not None:
            self.by_a_person = True
            assert self.world.jobs.confirm(job.job_id, verdict).finished_at == job.finished_at

    @precondition(lambda self: self.world.keys())
    @rule(first=ANY, count=st.integers(1, 3), backfill=st.booleans())
    def materialise_by_hand(self, first: int, count: int, backfill: bool) -> None:
        keys = self.world.keys()
        start = first % len(keys)
        self.world.run_by_hand(keys[start : start + count], backfill=backfill)

    @precondition(lambda self: self.world.runs(DagsterRunStatus.FAILURE, DagsterRunStatus.SUCCESS))
    @rule(which=ANY)
    def execute_a_run_again(self, which: int) -> None:
        ended = self.world.runs(DagsterRunStatus.FAILURE, DagsterRunStatus.SUCCESS)
        self.world.execute_again(_one(ended, which))

    @precondition(lambda self: self.world.runs(DagsterRunStatus.STARTING, DagsterRunStatus.STARTED))
    @rule(which=ANY)
    def cancel_a_run(self, which: int) -> None:
        self.world.cancel_run(_one(self.world.runs(DagsterRunStatus.STARTING, DagsterRunStatus.STARTED), which))

    @rule(host=st.sampled_from(HOSTS))
    def a_source_fails(self, host: str) -> None:
        self.world.source_fails(host)

    @rule()
    def lose_dagsters_tables(self) -> None:
        self.world.lose_tables()

    # What must hold

    @invariant()
    def what_has_ended_is_taken_back_by_a_person_only(self) -> None:
        jobs = self.world.all_jobs()
        ended = {job.job_id: (job.status, job.finished_at) for job in jobs if job.status.final}
        if not self.by_a_person:
            assert {job_id: ended.get(job_id) for job_id in self.ended} == self.ended
        self.ended, self.by_a_person = ended, False
        self.world.counts["steps"] += 1

    def teardown(self) -> None:
        before = {job.job_id: job.attempts for job in self.world.all_jobs()}
        # Each run that is under way, or that a person has asked for, may be one more try of its jobs.
        open_runs = len(self.world.runs(DagsterRunStatus.STARTING, DagsterRunStatus.STARTED))
        lost = self.world.settle(dagster_retries=self.dagster_retries)
        assert lost == [], "nothing that runs by itself leads on from here"
        jobs = self.world.all_jobs()
        assert [job for job in jobs if unexpected_end(job)] == []
        assert max((job.attempts - before[job.job_id] for job in jobs), default=0) <= MORE_ATTEMPTS + open_runs
        self.world.counts.update(f"jobs {job.status}" for job in jobs)

    def _job(self, which: int) -> JobId:
        return JobId(_one(self.world.all_jobs(), which).job_id)


def _turn(drawn: int) -> int:
    """Of the process of a run: one of its jobs in flight goes on, or, seldom, those not begun are put back."""
    return PUTS_BACK if drawn % 16 == 15 else drawn % IN_FLIGHT


def _one(among: list[T], which: int) -> T:
    return among[which % len(among)]


@pytest.mark.timeout(1_800)
def test_no_job_is_lost_whatever_crashes_comes_late_or_is_done_by_people(
    world: JobWorld, pytestconfig: pytest.Config, record_property: Callable[[str, object], None]
) -> None:
    machine = type("JobsBatchesRuns", (JobsBatchesRuns,), {"world": world})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=pytestconfig.getoption("--state-examples"),
            stateful_step_count=pytestconfig.getoption("--state-steps"),
            deadline=None,
            derandomize=not pytestconfig.getoption("--state-random"),
            database=None,
            suppress_health_check=list(HealthCheck),
            # Most of a failure's time would be spent on making it shorter.
            phases=[phase for phase in Phase if phase is not Phase.shrink or pytestconfig.getoption("--state-shrink")],
            print_blob=True,
        ),
    )
    counts = world.counts | Counter({"crashes": world.crashes.count})
    assert counts["crashes"] > 0
    assert counts["automatic retries"] > 0
    record_property("states of jobs", ", ".join(f"{name} {count}" for name, count in sorted(counts.items())))
