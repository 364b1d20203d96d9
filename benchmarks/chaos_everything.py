"""Chaos test of `cira up`: jobs and costs while every kind of process is killed, frozen and restarted at random.

    python -m benchmarks.chaos_everything --seed 1 --seed 2 --seed 3 --jobs 300 --kills 100

`cira up` runs as its users run it, under what starts it again when it ends. Mixed documents are submitted over time by
REST (URLs and uploads) and through the inbox; the stand-in for Azure answers 30 % of all requests with 429, 10 % with
5xx, resets 5 % and lets 5 % hang. Meanwhile processes of every kind are struck (chaos_strikes.py). Then the system is
left alone, the model's faults aside, until every job has ended. What each job must come to is what the same documents
come to in an undisturbed `cira up`, which runs first. Exit status 1 when a promise did not hold; then the home stays.

How money is counted: the stand-in bills what it answers, and notes the document and the process that asked. The ledger
has an entry for each purchase. A billed answer that is not in the ledger is lost; that is allowed only where the
process that asked ended before it could keep it, which no protocol can prevent
(docs/decisions/0009-model-costs-and-outages.md).
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import httpx
import psutil
import psycopg
from psycopg.rows import dict_row
from rich.console import Console
from rich.table import Table

from benchmarks.bench_house import machine
from benchmarks.chaos_strikes import KINDS, Strike, Strikes
from benchmarks.cira_up import CiraUp
from benchmarks.keys import new_key
from benchmarks.mixed_documents import MixedDocument, mixed_documents
from benchmarks.outcome import Outcome
from benchmarks.served_folder import served_folder
from cira_pipeline.client import Client
from cira_pipeline.costs.prices import TOKEN_UNITS, PriceList
from cira_pipeline.errors import CiraError
from cira_pipeline.invoice import HEADER_FIELDS
from cira_pipeline.jobs import JobStatus, Policy
from cira_pipeline.local_stack.ports import LOOPBACK
from cira_pipeline.settings import Settings
from tests.azure_standin import AzureStandin, Fault, Faults, LabelAnswers
from tests.azure_standin.label_answers import Page
from tests.azure_standin.server import Billed

DEPLOYMENT = "chaos"
CLIENT = "chaos"
MODEL = "gpt-4.1-mini-2025-04-14"
_ANSWER_S = 0.15
_LOOK_S = 1.0
_RETRY_S = 1.0
_FINAL = tuple(status.value for status in JobStatus if status.final)
_ENDED_RUNS = ("SUCCESS", "FAILURE", "CANCELED")
# A process that was served ends within this before it has kept the answer, if the database can be reached.
_ON_ITS_WAY_S = 3.0
# As long as it tries to keep a paid answer while the database cannot be reached.
_KEEPING_S = 45.0
_T = TypeVar("_T")


@dataclass(frozen=True)
class Plan:
    jobs: int = 300
    kills: int = 100
    pause_s: float = 2.5
    least_of_each: int = 3
    patience_s: float = 420.0
    """Longest time without a job that ends; after it the remaining jobs count as not ended."""
    seed: int = 1


@dataclass(frozen=True)
class Purchase:
    """One answer that was billed. `document`: SHA-256 of its document; `pid`: the process that asked."""

    document: str
    billed: Billed
    pid: int
    served_at: float


class BillingStandin(AzureStandin):
    """Stand-in for Azure that records for which document and process each answer was billed."""

    def __init__(self, documents: Sequence[MixedDocument], faults: Faults) -> None:
        self._document_of: dict[int, str] = {}
        self._labels: dict[str, list[Mapping[str, Any]]] = {}
        self._asked = threading.local()
        self.purchases: list[Purchase] = []
        for document in documents:
            self.learn(document)
        super().__init__(self._answer, faults, deployments={DEPLOYMENT: MODEL})

    def learn(self, document: MixedDocument) -> None:
        """A copy has the same label as what it is a copy of."""
        if document.label is not None and id(document.label) not in self._document_of:
            self._document_of[id(document.label)] = document.sha256
            self._labels.setdefault(str(document.label.get("invoice_number")), []).append(document.label)

    def _answer(self, message: str) -> Mapping[str, Any]:
        # Before the answer: a process that ends while it waits is billed all the same.
        self._asked.pid = _process_at_port(self.caller.port)
        time.sleep(_ANSWER_S)
        likely = [label for number, labels in list(self._labels.items()) if number in message for label in labels]
        model = LabelAnswers(likely or [label for labels in list(self._labels.values()) for label in labels])
        label = model.label_of(Page(message))
        self._asked.document = self._document_of.get(id(label), "")
        return model(message)

    def billed(self, *arguments: Any, **options: Any) -> dict[str, Any]:
        with self._bill_lock:
            usage = super().billed(*arguments, **options)
            self.purchases.append(Purchase(self._asked.document, self.bill[-1], self._asked.pid, time.time()))
        return usage

    def __post_init__(self) -> None:
        super().__post_init__()
        self._bill_lock = threading.Lock()


@dataclass(frozen=True)
class Ended:
    """How a document's job ended: what must be the same whatever happens to processes."""

    status: str
    error_code: str | None
    values: Mapping[str, Any] | None

    def differs_from(self, expected: Ended) -> str:
        if (self.status, self.error_code) != (expected.status, expected.error_code):
            return f"{self.status} {self.error_code or ''} instead of {expected.status} {expected.error_code or ''}"
        if self.values != expected.values:
            own, other = self.values or {}, expected.values or {}
            names = sorted(name for name in {*own, *other} if own.get(name) != other.get(name))
            return "; ".join(f"{name}: {own.get(name)!r} instead of {other.get(name)!r}" for name in names)
        return ""


class System:
    """`cira up` with its documents, the model it asks and a client of its REST service."""

    def __init__(self, folder: Path, documents: Sequence[MixedDocument], faults: Faults, messages: Console) -> None:
        self.folder, self.documents, self.messages = folder, documents, messages
        self.home = folder / "home"
        self._faults = faults
        self._served = folder / "documents"
        self.job_of: dict[str, str] = {}
        """Name of a document -> its job; of those dropped into the inbox once PostgreSQL has been asked."""
        self.up: CiraUp | None = None

    @contextmanager
    def running(self) -> Iterator[None]:
        self._served.mkdir(parents=True)
        with (
            BillingStandin(self.documents, self._faults) as self.azure,
            served_folder(self._served) as self._address,
        ):
            self.settings = chaos_settings(self.home, self.azure)
            with CiraUp(self.settings, self.folder / "cira-up.log") as self.up:
                services = self.up.wait_until_ready()
                self.key = new_key(self.settings, services.postgres_url, CLIENT)
                yield

    def submit_all(self, over_s: float) -> None:
        """One document after the other, spread over that time; each until it is taken, however often that fails."""
        started = time.monotonic()
        for number, document in enumerate(self.documents):
            time.sleep(max(0.0, started + over_s * number / len(self.documents) - time.monotonic()))
            if document.kind != "hopeless" and number % 10 == 7:
                self._drop(document)
            else:
                self.job_of[document.name] = self.insist(partial(self._submit, number, document))

    def _submit(self, number: int, document: MixedDocument) -> str:
        with self.client() as client:
            if document.kind != "hopeless" and number % 3 == 0:
                job = client.upload(document.content, idempotency_key=document.name)
            else:
                (self._served / document.name).write_bytes(document.content)
                job = client.submit(f"{self._address}/{document.name}", idempotency_key=document.name)
        return str(job.job_id)

    def _drop(self, document: MixedDocument) -> None:
        draft = self.folder / document.name
        draft.write_bytes(document.content)
        draft.replace(self.home / "inbox" / document.name)

    def client(self) -> Client:
        assert self.up is not None
        services = self.up.services()
        if services is None:
            raise OSError("cira up is not ready")
        return Client(services.api_url, self.key)

    def insist(self, call: Callable[[], _T], timeout_s: float = 900.0) -> _T:
        """Retries a call until it succeeds, because it may fail while processes are killed."""
        ends_at = time.monotonic() + timeout_s
        while True:
            try:
                return call()
            except (CiraError, OSError, psycopg.Error, httpx.HTTPError, psutil.Error):
                if time.monotonic() > ends_at:
                    raise
                time.sleep(_RETRY_S)

    def rows(self, sql: str, *parameters: object) -> list[dict[str, Any]]:
        def ask() -> list[dict[str, Any]]:
            assert self.up is not None
            services = self.up.services()
            if services is None:
                raise OSError("cira up is not ready")
            with psycopg.connect(
                services.postgres_url, row_factory=dict_row, connect_timeout=5, options="-c statement_timeout=30s"
            ) as connection:
                return connection.execute(sql, parameters).fetchall()  # type: ignore[arg-type]

        return self.insist(ask)

    def number(self, sql: str, *parameters: object) -> int:
        (row,) = self.rows(sql, *parameters)
        return int(next(iter(row.values())))

    def wait_for_the_end(self, patience_s: float) -> None:
        """Until all jobs have ended, or none has for that long; then until Dagster shows no run in progress."""
        self._wait(
            patience_s,
            lambda: (
                len(self.documents) - self.number("SELECT count(*) FROM cira.jobs WHERE status = ANY(%s)", list(_FINAL))
            ),
        )
        self._wait(patience_s, self.runs_in_progress)

    def runs_in_progress(self) -> int:
        return self.number("SELECT count(*) FROM public.runs WHERE NOT status = ANY(%s)", list(_ENDED_RUNS))

    def _wait(self, patience_s: float, left: Callable[[], int]) -> None:
        now_left, since = left(), time.monotonic()
        while now_left > 0 and time.monotonic() - since < patience_s:
            time.sleep(_LOOK_S)
            before, now_left = now_left, left()
            if now_left != before:
                since = time.monotonic()

    def ends(self) -> dict[str, Ended]:
        """By name of the document; those without a job are missing."""
        names = {job_id: name for name, job_id in self.job_of.items()}
        found = {}
        for row in self.rows("SELECT * FROM cira.jobs LEFT JOIN cira.records r USING (job_id)"):
            name = names.get(row["job_id"]) or row["url"].rpartition("/")[2]
            self.job_of[name] = row["job_id"]
            found[name] = Ended(row["status"], row["error_code"], _values(row))
        return found


def _values(row: Mapping[str, Any]) -> dict[str, Any] | None:
    if row["verdict"] is None:
        return None
    return {name: None if row[name] is None else str(row[name]) for name in HEADER_FIELDS}


def chaos_settings(home: Path, azure: AzureStandin, **given: Any) -> Settings:
    return Settings(
        _env_file=None,
        home=home,
        fetch_allowed_hosts=(LOOPBACK,),
        policy=Policy.MODEL_FIRST,
        model_outage_policy="wait",
        azure_openai_endpoint=azure.endpoint,
        azure_openai_api_key=azure.api_key,
        azure_openai_deployment=DEPLOYMENT,
        azure_openai_timeout_s=5,
        azure_openai_attempts=4,
        azure_openai_deadline_s=30,
        breaker_reset_s=3,
        # Readers are killed by this benchmark, not by the documents in them.
        reading_crashes=20,
        **given,
    )


def faults_of_a_bad_day(seed: int) -> Faults:
    return Faults(
        rates={
            Fault.rate_limited(0.2, milliseconds=True): 0.30,
            Fault.server_error(503): 0.10,
            Fault("reset"): 0.05,
            Fault("hang"): 0.05,
        },
        seed=seed,
    )


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.chaos_everything",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--jobs", type=int, default=Plan.jobs)
    parser.add_argument("--kills", type=int, default=Plan.kills, help="SIGKILLs, SIGSTOPs and restarts, at least")
    parser.add_argument("--of-each", type=int, default=Plan.least_of_each, help="of these on each kind of process")
    parser.add_argument("--pause", type=float, default=Plan.pause_s, help="seconds from one to the next, on average")
    parser.add_argument("--patience", type=float, default=Plan.patience_s, help="seconds without a job that ends")
    parser.add_argument("--seed", type=int, action="append", help="repeatable; the undisturbed run is made once")
    parser.add_argument(
        "--undisturbed",
        type=Path,
        help="file that keeps what the undisturbed run came to, for the same --jobs and code",
    )
    given = parser.parse_args()
    console, messages = Console(width=150, highlight=False), Console(stderr=True, highlight=False, width=150)
    console.print(machine())
    messages.print(f"Making {given.jobs} documents")
    documents = mixed_documents(given.jobs, seed=9_000)
    kept: Path | None = given.undisturbed
    if kept is not None and kept.exists():
        undisturbed_ends = {name: Ended(**ended) for name, ended in json.loads(kept.read_text()).items()}
    else:
        undisturbed_ends = undisturbed(documents, given.patience, messages)
    if kept is not None:
        kept.write_text(json.dumps({name: asdict(ended) for name, ended in undisturbed_ends.items()}))
    broken = False
    for seed in given.seed or [Plan.seed]:
        plan = Plan(given.jobs, given.kills, given.pause, given.of_each, given.patience, seed)
        outcome = disturbed(plan, documents, undisturbed_ends, messages)
        _print(console, outcome)
        broken = broken or bool(outcome.broken)
    return 1 if broken else 0


def undisturbed(documents: Sequence[MixedDocument], patience_s: float, messages: Console) -> Mapping[str, Ended]:
    with _folder() as folder:
        system = System(folder, documents, Faults(), messages)
        started = time.monotonic()
        with system.running():
            system.submit_all(0)
            system.wait_for_the_end(patience_s)
            ends = system.ends()
        counts = Counter(ended.status for ended in ends.values())
        messages.print(f"Undisturbed: {dict(counts)} after {time.monotonic() - started:.0f} s")
        hopeless = {document.name for document in documents if document.kind == "hopeless"}
        wrong = {name: ended for name, ended in ends.items() if (ended.values is None) != (name in hopeless)}
        if wrong or len(ends) != len(documents):
            raise SystemExit(
                f"undisturbed, {len(ends)} of {len(documents)} documents have jobs; ended wrongly: {wrong}"
            )
        return ends


def disturbed(
    plan: Plan, documents: Sequence[MixedDocument], undisturbed_ends: Mapping[str, Ended], messages: Console
) -> Outcome:
    outcome = Outcome(f"Chaos in everything, seed {plan.seed}: {plan.jobs} jobs, {plan.kills} strikes")
    with _folder() as folder:
        system = System(folder, documents, faults_of_a_bad_day(plan.seed), messages)
        with system.running(), _deaths_watched(system) as deaths:
            assert system.up is not None
            started = time.monotonic()
            strikes = Strikes(system.up, plan.seed)
            with ThreadPoolExecutor(1) as pool:
                submitting = pool.submit(system.submit_all, plan.kills * plan.pause_s)
                strikes.carry_out(plan.kills, pause_s=plan.pause_s, least_of_each=plan.least_of_each)
                submitting.result()
            struck_s = time.monotonic() - started
            messages.print(f"{len(strikes.done)} strikes after {struck_s:.0f} s")
            system.wait_for_the_end(plan.patience_s)
            ended_s = time.monotonic() - started
            outcome.reported("seconds: strikes, until everything had ended", f"{struck_s:.0f}, {ended_s:.0f}")
            _tell_strikes(outcome, strikes, plan)
            outcome.reported("cira up ended by itself", len(system.up.ends))
            _judge_jobs(outcome, system, undisturbed_ends)
            _judge_money(outcome, system, strikes.done, deaths)
            _judge_services(outcome, system)
            if outcome.broken:
                (folder / "keep").touch()
                outcome.diagnosis.append(f"home: {system.home}")
            outcome.diagnosis += [f"cira up: {end}" for end in system.up.ends]
    return outcome


def _tell_strikes(outcome: Outcome, strikes: Strikes, plan: Plan) -> None:
    by_kind, by_action = strikes.by_kind(), strikes.by_kind_and_action()
    for kind in KINDS:
        actions = ", ".join(f"{count} x {name}" for (of, name), count in sorted(by_action.items()) if of == kind)
        outcome.promised(f"  {kind}", held=by_kind[kind] >= plan.least_of_each, value=f"{by_kind[kind]}: {actions}")
    outcome.promised("strikes in all", held=len(strikes.done) >= plan.kills, value=len(strikes.done))


def _judge_jobs(outcome: Outcome, system: System, undisturbed_ends: Mapping[str, Ended]) -> None:
    ends = system.ends()
    counts = Counter(ended.status for ended in ends.values())
    unfinished = [name for name, ended in ends.items() if ended.status not in _FINAL]
    outcome.promised("jobs that have not ended", held=not unfinished, value=f"{len(unfinished)} of {dict(counts)}")
    jobs = system.number("SELECT count(*) FROM cira.jobs")
    outcome.promised("a job for each document, and one", held=jobs == len(system.documents) == len(ends), value=jobs)
    without = system.number(
        "SELECT count(*) FROM cira.jobs LEFT JOIN cira.records r USING (job_id) "
        "WHERE (status = 'succeeded') <> (r.job_id IS NOT NULL) AND jobs.verdict IS DISTINCT FROM 'rejected'"
    )
    outcome.promised("succeeded without a record, or the other way", held=without == 0, value=without)
    twice = system.number(
        "SELECT count(*) FROM (SELECT 1 FROM cira.records GROUP BY job_id HAVING count(*) > 1) several"
    )
    outcome.promised("records twice", held=twice == 0, value=twice)
    different = {
        name: why
        for name, ended in ends.items()
        if name not in unfinished and (why := ended.differs_from(undisturbed_ends[name]))
    }
    outcome.promised("ended otherwise than undisturbed", held=not different, value=len(different))
    attempts = {
        row["attempts"]: row["jobs"]
        for row in system.rows("SELECT attempts, count(*) AS jobs FROM cira.jobs GROUP BY 1 ORDER BY 1")
    }
    outcome.reported("attempts -> jobs", attempts)
    for name in [*unfinished, *different, *(set(undisturbed_ends) - set(ends))]:
        outcome.diagnosis += [f"{name}: {different.get(name, 'has not ended')}", *_about_job(system, name)]


def _about_job(system: System, name: str) -> Iterator[str]:
    """The job's row, its runs, and what was logged about it last."""
    job_id = system.job_of.get(name)
    if job_id is None:
        yield "  there is no job"
        return
    (job,) = system.rows("SELECT * FROM cira.jobs WHERE job_id = %s", job_id)
    yield "  " + ", ".join(f"{column}={value}" for column, value in job.items() if value is not None)
    runs = system.rows(
        "SELECT run_id, status, create_timestamp, update_timestamp FROM public.runs WHERE run_id = %s OR run_id IN "
        "(SELECT run_id FROM public.run_tags WHERE key = 'cira/batch' AND value = %s) ORDER BY 3",
        job["run_id"],
        job["batch_id"],
    )
    for run in runs:
        tags = system.rows("SELECT key, value FROM public.run_tags WHERE run_id = %s", run["run_id"])
        yield f"  run {run} { ({tag['key']: tag['value'] for tag in tags}) }"
    events = system.rows(
        "SELECT timestamp, coalesce(dagster_event_type, 'log') AS kind, event::json ->> 'user_message' AS said, "
        "event::json -> 'dagster_event' ->> 'message' AS message FROM public.event_logs "
        "WHERE event LIKE %s ORDER BY id DESC LIMIT 15",
        f"%{job_id}%",
    )
    for event in reversed(events):
        yield f"    {event['timestamp']:%H:%M:%S} {event['kind']}: {(event['said'] or event['message'] or '')[:300]}"


def _judge_money(outcome: Outcome, system: System, strikes: Sequence[Strike], deaths: Mapping[int, float]) -> None:
    prices = {unit: PriceList.load().token_price("azure", "gpt-4.1-mini", unit).usd for unit in TOKEN_UNITS}
    purchases = list(system.azure.purchases)
    bill_usd = sum((each.billed.usd(prices) for each in purchases), Decimal(0))
    booked = _booked(system)
    lost: list[Purchase] = []
    left = Counter(booked)
    # Of several purchases of one answer, the last ones were kept.
    for each in reversed(purchases):
        key = (each.document, *_tokens(each.billed))
        if left[key] > 0:
            left[key] -= 1
        else:
            lost.append(each)
    unbilled = sum(left.values())
    why = [(each, _why_lost(each, strikes, deaths)) for each in lost]
    unexplained = [each for each, reason in why if not reason]
    lost_usd = sum((each.billed.usd(prices) for each in lost), Decimal(0))
    ledger_usd = Decimal(system.rows("SELECT coalesce(sum(amount_usd), 0) AS usd FROM cira.cost_entries")[0]["usd"])
    outcome.reported("answers billed", f"{len(purchases)}, {bill_usd} USD")
    outcome.reported("of these lost with the process that asked", f"{len(lost) - len(unexplained)}, {lost_usd} USD")
    for reason, count in Counter(reason for _, reason in why if reason).items():
        outcome.reported(f"  {reason}", count)
    outcome.promised("billed and lost otherwise", held=not unexplained, value=len(unexplained))
    twice = _kept_twice(system)
    outcome.promised("questions paid and booked twice", held=twice == 0, value=twice)
    outcome.promised("booked and never billed", held=unbilled == 0, value=unbilled)
    outcome.promised(
        "ledger = bill without the lost", held=ledger_usd == bill_usd - lost_usd, value=f"{ledger_usd} USD"
    )
    reserved = system.number(
        "SELECT count(*) FROM cira.model_answers WHERE answered_at IS NULL AND lease_until > now()"
    )
    outcome.promised("money still reserved", held=reserved == 0, value=reserved)
    for each in unexplained:
        outcome.diagnosis.append(f"lost: {each}, process ended: {deaths.get(each.pid)}")
        near = [strike for strike in strikes if -20 < each.served_at - strike.at < 20]
        outcome.diagnosis += [f"    {strike.at - each.served_at:+.1f} s {strike}" for strike in near]


def _booked(system: System) -> Counter[tuple[str, int, int, int]]:
    """Purchases in the ledger: document, and tokens asked, cached and answered. One is booked in one transaction."""
    rows = system.rows(
        "SELECT jobs.document_sha256, jsonb_object_agg(unit, quantity::bigint) AS tokens "
        "FROM cira.cost_entries c JOIN cira.jobs USING (job_id) WHERE unit LIKE '%%token' "
        "GROUP BY c.job_id, c.created_at, jobs.document_sha256"
    )
    return Counter(
        (
            row["document_sha256"] or "",
            row["tokens"].get("input_token", 0),
            row["tokens"].get("cached_input_token", 0),
            row["tokens"].get("output_token", 0),
        )
        for row in rows
    )


def _tokens(billed: Billed) -> tuple[int, int, int]:
    return (billed.input_tokens - billed.cached_input_tokens, billed.cached_input_tokens, billed.output_tokens)


def _kept_twice(system: System) -> int:
    """Purchases in the ledger beyond one for each answer kept."""
    purchases = system.number(
        "SELECT count(*) FROM (SELECT 1 FROM cira.cost_entries WHERE unit LIKE '%%token' "
        "GROUP BY job_id, created_at) bought"
    )
    return purchases - system.number("SELECT count(*) FROM cira.model_answers WHERE answered_at IS NOT NULL")


def _why_lost(purchase: Purchase, strikes: Sequence[Strike], deaths: Mapping[int, float]) -> str:
    """Empty when the process that asked lived, and could have kept what it paid for."""
    died_at = deaths.get(purchase.pid)
    if died_at is None or died_at > purchase.served_at + _KEEPING_S:
        return ""
    if died_at <= purchase.served_at + _ON_ITS_WAY_S:
        return "in transit when the process ended"
    between = [strike for strike in strikes if purchase.served_at - _KEEPING_S < strike.at <= died_at]
    if any(strike.pid == purchase.pid and strike.action == "freeze" for strike in between):
        return "the process was frozen, then ended"
    if any(strike.kind in ("postmaster", "PostgreSQL backend", "supervisor") for strike in between):
        return "PostgreSQL was away until the process ended"
    return ""


def _judge_services(outcome: Outcome, system: System) -> None:
    in_progress = system.runs_in_progress()
    outcome.promised("runs in progress", held=in_progress == 0, value=in_progress)
    if in_progress:
        rows = system.rows(
            "SELECT run_id, status, create_timestamp, update_timestamp FROM public.runs WHERE NOT status = ANY(%s)",
            list(_ENDED_RUNS),
        )
        outcome.diagnosis += [f"run in progress: {row}" for row in rows]
    states = {row["job_id"]: row["status"] for row in system.rows("SELECT job_id, status FROM cira.jobs")}
    other, answered = {}, False
    with suppress(CiraError, OSError), system.client() as client:
        other = {
            job_id: shown for job_id, status in states.items() if (shown := client.status(job_id).status) != status
        }
        answered = True
    outcome.promised("REST service answers, as PostgreSQL says", held=answered and not other, value=len(states))
    outcome.diagnosis += [
        f"status over REST: {job_id} {shown}, not {states[job_id]}" for job_id, shown in other.items()
    ]
    assert system.up is not None
    services = system.up.services()
    assert services is not None
    for name, address in (("Dagster's UI", f"{services.ui_url}/server_info"), ("page", f"{services.api_url}/")):
        status = httpx.get(address, timeout=30).status_code
        outcome.promised(f"{name} answers", held=status < 500, value=status)


@contextmanager
def _deaths_watched(system: System) -> Iterator[Mapping[int, float]]:
    """When each process that was seen doing a run was gone, by its pid."""
    deaths: dict[int, float] = {}
    seen: dict[int, float] = {}
    over = threading.Event()

    def watch() -> None:
        while not over.wait(0.5):
            assert system.up is not None
            with suppress(psutil.Error):
                for process in system.up.processes().get("run", []):
                    with suppress(psutil.Error):
                        seen[process.pid] = process.create_time()
            _note_the_dead(seen, deaths)

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield deaths
    finally:
        over.set()
        thread.join()


def _note_the_dead(seen: Mapping[int, float], deaths: dict[int, float]) -> None:
    for pid, created in seen.items():
        if pid in deaths:
            continue
        try:
            process = psutil.Process(pid)
            gone = process.create_time() != created or process.status() == psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            gone = True
        if gone:
            deaths[pid] = time.time()


def _process_at_port(port: int) -> int:
    """The process whose end of a connection on loopback has this port; 0 when it is gone already."""
    for connection in psutil.net_connections("tcp4"):
        if connection.laddr and connection.laddr.port == port and connection.pid:
            return int(connection.pid)
    return 0


@contextmanager
def _folder() -> Iterator[Path]:
    """Stays when a promise did not hold, or this program failed."""
    folder = Path(tempfile.mkdtemp(prefix="cira-chaos-", dir="/tmp"))
    yield folder
    if not (folder / "keep").exists():
        shutil.rmtree(folder, ignore_errors=True)


def _print(console: Console, outcome: Outcome) -> None:
    table = Table("what", "result", box=None, title=outcome.title, title_justify="left")
    for row in outcome.rows:
        table.add_row(*row)
    console.print(table)
    for line in outcome.diagnosis:
        console.print(line, markup=False, soft_wrap=True)
    console.print(f"broken: {', '.join(outcome.broken)}" if outcome.broken else "All promises held.")


if __name__ == "__main__":
    sys.exit(main())
