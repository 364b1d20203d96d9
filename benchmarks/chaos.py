"""Chaos test of workers: jobs and costs while the model fails and workers are killed.

    python -m benchmarks.chaos --jobs 200 --kills 3

Several worker processes stream jobs through the real processor, over a real PostgreSQL and Valkey, against the stand-in
for Azure: 30 % of its requests end in 429, 10 % in 5xx, 5 % in resets, 5 % hang; for some seconds it is down
altogether; and workers are killed with SIGKILL. Prints the results and which promises held; exit status 1 when one did
not. The promises:

- every job ends, none of them failed
- no answer is paid twice, except those in transit to a process when it was killed, which cannot be known
- the ledger is the stand-in's bill, to the last digit
- while the circuit is open there are no calls, and while it is half open one at a time
- nothing stays reserved, and the budgets' sums are those of the ledger
"""

from __future__ import annotations

import argparse
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import redis
from rich.console import Console
from rich.table import Table
from sqlalchemy import text

from benchmarks.outcome import Outcome
from cira_pipeline.clock import utc_now
from cira_pipeline.costs.budgets import Budgets
from cira_pipeline.costs.prices import TOKEN_UNITS, PriceList
from cira_pipeline.db.database import Database
from cira_pipeline.db.jobs.repository import JobRepository, Submission
from cira_pipeline.jobs import JobId, JobStatus
from cira_pipeline.local_stack.postgres import EmbeddedPostgres
from cira_pipeline.local_stack.sentinel import start_sentinel
from cira_pipeline.local_stack.valkey import EmbeddedValkey
from cira_pipeline.pipeline.engines import breakers_from_settings
from cira_pipeline.pipeline.resuming import resume_held_jobs
from cira_pipeline.settings import Settings, inherited_environment
from tests.azure_standin import AzureStandin, Fault, Faults, LabelAnswers
from tests.azure_standin.server import Billed
from tests.orchestration.invoice_pdf import invoice_pdf
from tests.pipeline.conftest import label

DEPLOYMENT = "chaos"
DONE = "done\n"
_NO_MORE = "cira:chaos:no-more"
_NUMBER = re.compile(r"CH-\d{4}")
_BREAKER_STATE = re.compile(r'SET "?cira:breaker:azure_openai:chaos:pybreaker:state"? "?([a-z-]+)"?', re.IGNORECASE)


@dataclass(frozen=True)
class Plan:
    """Shares are of requests. `outage_s`: how long the stand-in is down altogether, after half as many as jobs."""

    jobs: int = 200
    workers: int = 4
    threads: int = 5
    kills: int = 3
    rate_limited: float = 0.30
    failing: float = 0.10
    resets: float = 0.05
    hangs: float = 0.05
    outage_s: float = 8.0
    answer_s: float = 0.15
    timeout_s: float = 3.0
    deadline_s: float = 20.0
    breaker_reset_s: float = 3.0
    # A call that passed the circuit just before it opened still has its way to go.
    on_the_way_s: float = 1.0
    after_the_deadline_s: float = 15.0
    most_s: float = 900.0
    seed: int = 1


class Weather(Faults):
    """Faults by chance, an outage in the middle, and when each request came (seconds since 1970)."""

    def __init__(self, plan: Plan) -> None:
        rates = {
            Fault.rate_limited(0.2, milliseconds=True): plan.rate_limited,
            Fault.server_error(503): plan.failing,
            Fault("reset"): plan.resets,
            Fault("hang"): plan.hangs,
        }
        super().__init__(rates=rates, seed=plan.seed)
        self.arrivals: list[float] = []
        self.drawn: Counter[str] = Counter()
        self._outage = Fault.server_error(500)
        self._plan = plan
        self._outage_ends: float | None = None

    def next(self) -> Fault | None:
        now = time.time()
        self.arrivals.append(now)
        if self._outage_ends is None and len(self.arrivals) > self._plan.jobs / 2:
            self._outage_ends = now + self._plan.outage_s
        down = self._outage_ends is not None and now < self._outage_ends
        fault = self._outage if down else super().next()
        self.drawn["outage" if down else _name(fault)] += 1
        return fault


def _name(fault: Fault | None) -> str:
    if fault is None:
        return "answered"
    return str(fault.status) if fault.status else fault.kind


@dataclass
class BillingStandin(AzureStandin):
    """Stand-in for Azure that records for which invoice each answer was billed."""

    billed_for: list[tuple[str, Billed]] = field(default_factory=list)

    def billed(
        self, deployment: str, model: str, question: str, prompt: str, answer: str, *, by_batch: bool = False
    ) -> dict[str, Any]:
        with self._billing:
            usage = super().billed(deployment, model, question, prompt, answer, by_batch=by_batch)
            found = _NUMBER.search(question)
            self.billed_for.append((found.group() if found else "", self.bill[-1]))
        return usage

    def __post_init__(self) -> None:
        super().__post_init__()
        self._billing = threading.Lock()


def answering(plan: Plan) -> Any:
    models = {f"CH-{number:04d}": LabelAnswers([label(f"CH-{number:04d}")]) for number in range(plan.jobs)}

    def answer(message: str) -> Mapping[str, Any]:
        time.sleep(plan.answer_s)
        found = _NUMBER.search(message)
        return models[found.group()](message) if found else {}

    return answer


@dataclass
class Worker:
    """A process that streams jobs; `jobs`: those it was given and has not reported as done."""

    process: subprocess.Popen[str]
    jobs: set[JobId] = field(default_factory=set)

    def assign(self, job_ids: list[JobId]) -> None:
        self.jobs = set(job_ids)
        assert self.process.stdin is not None
        with suppress(BrokenPipeError):
            self.process.stdin.write(" ".join(job_ids) + "\n")
            self.process.stdin.flush()

    def listen(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            # Libraries print there too.
            if line == DONE:
                self.jobs = set()

    @property
    def alive(self) -> bool:
        return self.process.poll() is None


class Chaos:
    """One run of a plan, over a migrated database and a Redis of its own."""

    def __init__(self, plan: Plan, postgres_url: str, redis_url: str, folder: Path) -> None:
        self._plan = plan
        self._folder = folder
        self._redis_url = redis_url
        self._postgres_url = postgres_url
        self._database = Database(postgres_url)
        self._jobs = JobRepository(self._database)
        self._weather = Weather(plan)
        self._random = random.Random(plan.seed)
        self._workers: list[Worker] = []
        self._killed = 0
        self._on_their_way: Counter[str] = Counter()
        """Invoices whose question a worker was waiting for when it was killed -> how often."""
        self._states: list[tuple[float, str]] = []

    def run(self) -> Outcome:
        plan = self._plan
        with (
            BillingStandin(
                answering(plan), self._weather, deployments={DEPLOYMENT: "gpt-4.1-mini-2025-04-14"}
            ) as azure,
            self._watching_the_breaker(),
        ):
            settings = self._settings(azure)
            job_ids = self._submit()
            started = time.monotonic()
            try:
                self._process(settings, job_ids, started)
            finally:
                self._stop_workers()
            seconds = time.monotonic() - started
            return self._outcome(azure, job_ids, seconds)

    def _settings(self, azure: AzureStandin) -> Settings:
        plan = self._plan
        return Settings(
            _env_file=None,
            home=self._folder,
            postgres_url=self._postgres_url,
            redis_url=self._redis_url,
            file_roots=(self._folder,),
            policy="model_first",
            azure_openai_endpoint=azure.endpoint,
            azure_openai_deployment=DEPLOYMENT,
            azure_openai_api_key=azure.api_key,
            azure_openai_timeout_s=plan.timeout_s,
            azure_openai_attempts=4,
            azure_openai_deadline_s=plan.deadline_s,
            azure_openai_requests_per_minute=100_000,
            azure_openai_tokens_per_minute=100_000_000,
            model_outage_policy="wait",
            breaker_reset_s=plan.breaker_reset_s,
            daily_budget_usd=Decimal(100),
            client_budgets="default=90/day",
            stage_threads=plan.threads,
        )

    def _submit(self) -> list[JobId]:
        urls = []
        for number in range(self._plan.jobs):
            path = self._folder / f"CH-{number:04d}.pdf"
            path.write_bytes(invoice_pdf(f"CH-{number:04d}"))
            urls.append(path.as_uri())
        return [each.job.job_id for each in self._jobs.submit([Submission(url) for url in urls])]

    def _process(self, settings: Settings, job_ids: list[JobId], started: float) -> None:
        """The parent replaces sensor and Dagster daemon: it plans jobs, restarts workers, resumes queued jobs."""
        environment = {**inherited_environment(), **settings.as_environment(), "OMP_NUM_THREADS": "1"}
        breakers, budgets = breakers_from_settings(settings), Budgets.from_settings(settings)
        ended = 0
        while ended < len(job_ids) and time.monotonic() - started < self._plan.most_s:
            self._start_workers(environment)
            resume_held_jobs(self._jobs, self._database, budgets, breakers, utc_now())
            self._dispatch()
            counts = self._jobs.counts()
            ended = sum(count for status, count in counts.items() if status.final)
            if self._killed < self._plan.kills and ended > (self._killed + 0.5) * len(job_ids) / (self._plan.kills + 1):
                self._kill_one()
            time.sleep(0.1)

    def _start_workers(self, environment: Mapping[str, str]) -> None:
        for worker in self._workers:
            if not worker.alive:
                for job_id in worker.jobs:
                    self._jobs.requeue(self._jobs.get(job_id))
        self._workers = [worker for worker in self._workers if worker.alive]
        while len(self._workers) < self._plan.workers:
            process = subprocess.Popen(
                (sys.executable, "-m", "tests.pipeline.worker", str(self._plan.after_the_deadline_s)),
                cwd=Path(__file__).parents[1],
                env=dict(environment),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=(self._folder / "workers.log").open("a"),
                text=True,
            )
            worker = Worker(process)
            threading.Thread(target=worker.listen, daemon=True).start()
            self._workers.append(worker)

    def _dispatch(self) -> None:
        assigned = {job_id for worker in self._workers for job_id in worker.jobs}
        queued = self._jobs.list(status=JobStatus.QUEUED, limit=1_000)
        waiting = sorted(job.job_id for job in queued if job.job_id not in assigned)
        for worker in self._workers:
            if not worker.jobs and waiting:
                chunk, waiting = waiting[: 2 * self._plan.threads], waiting[2 * self._plan.threads :]
                worker.assign(chunk)

    def _kill_one(self) -> None:
        """Sends SIGSTOP first, to find the questions it waits for when it is killed."""
        busy = [worker for worker in self._workers if worker.jobs and worker.alive]
        asking = [(worker, asked) for worker in busy if (asked := self._asked_by(worker))]
        if not asking:
            return
        worker, _ = self._random.choice(asking)
        os.kill(worker.process.pid, signal.SIGSTOP)
        # A commit that it sent before is carried out by PostgreSQL all the same.
        time.sleep(0.2)
        self._on_their_way.update(self._asked_by(worker))
        worker.process.kill()
        worker.process.wait()
        self._killed += 1

    def _asked_by(self, worker: Worker) -> list[str]:
        statement = text("""
            SELECT j.url FROM cira.model_answers a JOIN cira.jobs j USING (job_id)
            WHERE a.answered_at IS NULL AND a.claimed_by LIKE :owner
        """)
        with self._database.begin() as connection:
            urls = connection.scalars(statement, {"owner": f"%:{worker.process.pid}/%"}).all()
        return [Path(url).stem for url in urls]

    def _stop_workers(self) -> None:
        for worker in self._workers:
            if worker.process.stdin is not None:
                with suppress(BrokenPipeError):
                    worker.process.stdin.close()
        for worker in self._workers:
            try:
                worker.process.wait(30)
            except subprocess.TimeoutExpired:
                worker.process.kill()
        self._workers = []

    @contextmanager
    def _watching_the_breaker(self) -> Iterator[None]:
        """Every change of the circuit's state with the server's own time, from Redis's MONITOR."""
        client = redis.Redis.from_url(self._redis_url, socket_timeout=None)
        started = threading.Event()

        def watch() -> None:
            with client.monitor() as monitor:
                started.set()
                while _NO_MORE not in (said := monitor.next_command())["command"]:
                    match = _BREAKER_STATE.search(said["command"])
                    if match:
                        self._states.append((said["time"], match.group(1)))

        thread = threading.Thread(target=watch, daemon=True)
        thread.start()
        started.wait(10)
        try:
            yield
        finally:
            client.publish(_NO_MORE, "")
            thread.join(10)
            client.close()

    def _outcome(self, azure: BillingStandin, job_ids: list[JobId], seconds: float) -> Outcome:
        outcome = Outcome()
        counts = {status.value: count for status, count in self._jobs.counts().items() if count}
        outcome.reported(
            "jobs, workers x threads, killed",
            f"{len(job_ids)}, {self._plan.workers} x {self._plan.threads}, {self._killed}",
        )
        outcome.reported("seconds", f"{seconds:.0f}")
        outcome.reported("requests by outcome", dict(self._weather.drawn))
        outcome.promised("every job ended with a record", held=counts.get("succeeded", 0) == len(job_ids), value=counts)
        for job in self._jobs.list(limit=1_000):
            if job.status is not JobStatus.SUCCEEDED:
                outcome.reported(
                    job.job_id, f"{job.status} {job.stage} {job.run_id} {job.attempts} {job.error_message}"
                )
        outcome.promised("workers killed", held=self._killed == self._plan.kills, value=self._killed)
        self._money(outcome, azure)
        self._judge_breaker(outcome)
        return outcome

    def _money(self, outcome: Outcome, azure: BillingStandin) -> None:
        prices = {unit: PriceList.load().token_price("azure", "gpt-4.1-mini", unit).usd for unit in TOKEN_UNITS}
        ledger_usd, entries, spent_usd, reserved = self._books()
        billed_answers, kept = Counter(azure.billed_for), self._kept()
        lost = billed_answers - kept
        unexplained = Counter(number for number, _ in lost.elements()) - self._on_their_way
        bill_usd = sum((billed.usd(prices) for billed in azure.bill), Decimal(0))
        lost_usd = sum((billed.usd(prices) for _, billed in lost.elements()), Decimal(0))
        outcome.reported("answers billed", f"{len(azure.bill)}, {bill_usd} USD")
        outcome.reported("of these in transit to a killed worker", f"{lost.total()}, {lost_usd} USD")
        outcome.promised(
            "other answers billed and not kept, or paid twice", held=not unexplained, value=unexplained.total()
        )
        outcome.promised("answers kept, each of them billed", held=not kept - billed_answers, value=kept.total())
        outcome.promised(
            f"ledger ({entries} entries) = bill", held=ledger_usd == bill_usd - lost_usd, value=f"{ledger_usd} USD"
        )
        outcome.promised("budgets' sum = ledger", held=spent_usd == ledger_usd, value=f"{spent_usd} USD")
        outcome.promised("nothing stays reserved", held=reserved == 0, value=reserved)

    def _kept(self) -> Counter[tuple[str, Billed]]:
        """The answers in the store, as the stand-in bills them, with their invoices."""
        statement = text("""
            SELECT j.url, a.model, a.input_tokens, a.cached_input_tokens, a.output_tokens
            FROM cira.model_answers a JOIN cira.jobs j USING (job_id) WHERE a.answered_at IS NOT NULL
        """)
        with self._database.begin() as connection:
            rows = connection.execute(statement).all()
        return Counter(
            (
                Path(row.url).stem,
                Billed(DEPLOYMENT, row.model, row.input_tokens, row.cached_input_tokens, row.output_tokens),
            )
            for row in rows
        )

    def _books(self) -> tuple[Decimal, int, Decimal, int]:
        with self._database.begin() as connection:
            row = connection.execute(
                text("""
                    SELECT (SELECT sum(amount_usd) FROM cira.cost_entries) AS ledger_usd,
                           (SELECT count(*) FROM cira.cost_entries WHERE amount_usd > 0) AS entries,
                           (SELECT sum(spent_usd) FROM cira.spending WHERE client = '' AND period = 'month')
                               AS spent_usd,
                           (SELECT count(*) FROM cira.model_answers WHERE answered_at IS NULL) AS reserved
                """)
            ).one()
        return row.ledger_usd, row.entries, row.spent_usd, row.reserved

    def _judge_breaker(self, outcome: Outcome) -> None:
        """The requests that came while the circuit was open or half open."""
        opened, while_open, probes, crowded = 0, 0, 0, 0
        for (since, state), (until, _) in pairwise([*self._states, (time.time(), "")]):
            if state == "open":
                opened += 1
                while_open += sum(since + self._plan.on_the_way_s < at < until for at in self._weather.arrivals)
            elif state == "half-open":
                tries = sum(since <= at <= until for at in self._weather.arrivals)
                probes += tries
                crowded += max(0, tries - 1)
        outcome.promised("the circuit opened", held=opened > 0, value=f"{opened} times")
        outcome.promised("calls while it was open", held=while_open == 0, value=while_open)
        outcome.promised("probes, one at a time", held=crowded == 0, value=f"{probes}, {crowded} beside another")


@contextmanager
def services() -> Iterator[tuple[str, str, Path]]:
    """A PostgreSQL with CIRA's tables, a Valkey and a folder, all gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="cira-chaos-", dir="/tmp"))
    environment = inherited_environment()
    sentinel = start_sentinel(folder, environment=environment)
    postgres = EmbeddedPostgres(folder / "postgres", environment=environment, marked_by=folder, durable=False)
    valkey = EmbeddedValkey(folder / "valkey", environment=environment, marked_by=folder)
    try:
        postgres.start()
        valkey.start()
        Database(postgres.url()).migrate()
        documents = folder / "documents"
        documents.mkdir()
        yield postgres.url(), valkey.url(), documents
    finally:
        valkey.stop()
        postgres.stop()
        sentinel.communicate()
        shutil.rmtree(folder, ignore_errors=True)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.chaos", description=__doc__.split("\n")[0])
    parser.add_argument("--jobs", type=int, default=Plan.jobs)
    parser.add_argument("--workers", type=int, default=Plan.workers)
    parser.add_argument("--threads", type=int, default=Plan.threads)
    parser.add_argument("--kills", type=int, default=Plan.kills)
    parser.add_argument("--seed", type=int, default=Plan.seed)
    plan = Plan(**vars(parser.parse_args()))
    with services() as (postgres_url, redis_url, folder):
        outcome = Chaos(plan, postgres_url, redis_url, folder).run()
    table = Table("what", "result", box=None, title="Chaos", title_justify="left")
    for row in outcome.rows:
        table.add_row(*row)
    console = Console(width=140, highlight=False)
    console.print(table)
    console.print(f"broken: {', '.join(outcome.broken)}" if outcome.broken else "All promises held.")
    return 1 if outcome.broken else 0


if __name__ == "__main__":
    sys.exit(main())
