"""Runs on Celery workers, as on several machines: Dagster's real daemon, a real broker, workers of their own."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest
from celery import Celery
from dagster import DagsterInstance, RunsFilter
from dagster_celery.tags import DAGSTER_CELERY_TASK_ID_TAG
from pydantic import SecretStr

from cira_pipeline.db.database import Database
from cira_pipeline.db.jobs.repository import JobRepository, Submission
from cira_pipeline.jobs import JobId, JobStatus
from cira_pipeline.local_stack.dagster_home import dagster_storage_url
from cira_pipeline.local_stack.processes import FOLDER_MARK
from cira_pipeline.local_stack.valkey import EmbeddedValkey
from cira_pipeline.settings import Settings, inherited_environment
from resources.celery_workers import celery_app
from tests.orchestration.document_server import DocumentServer
from tests.orchestration.invoice_pdf import invoice_pdf
from tests.running.graphql import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

ROOT = Path(__file__).parents[2]
WORKERS = ("one", "two")


@dataclass
class Cluster:
    """A daemon, and two workers that have nothing in common but the services and the folder of documents."""

    home: Path
    environment: dict[str, str]
    jobs: JobRepository
    server: DocumentServer
    celery: Celery
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(self, name: str, *module: str) -> None:
        with (self.home / f"{name}.log").open("wb") as log:
            self.processes[name] = subprocess.Popen(
                [sys.executable, "-m", *module],
                cwd=ROOT,
                env=self.environment,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def start_worker(self, name: str) -> None:
        self.start(
            name,
            *("celery", "--app", "resources.celery_workers", "worker", "--hostname", f"{name}@test"),
            *("--concurrency", "1", "--queues", "dagster", "--loglevel", "info"),
        )

    def kill(self, name: str) -> None:
        """Its process and all below it at once, as when the machine loses power."""
        process = self.processes.pop(name)
        family = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
        for each in family:
            with suppress(psutil.NoSuchProcess):
                os.kill(each.pid, signal.SIGKILL)
        process.wait()

    def log(self, name: str) -> str:
        return (self.home / f"{name}.log").read_text(errors="replace")

    def worker_of(self, run_id: str) -> str | None:
        """The worker whose log tells that it took the run's task."""
        with DagsterInstance.from_config(str(self.home)) as instance:
            run = instance.get_run_by_id(run_id)
        task_id = run.tags[DAGSTER_CELERY_TASK_ID_TAG] if run else ""
        return next((name for name in WORKERS if f"[{task_id}] received" in self.log(name)), None)

    def wait_until_ended(self, job_ids: list[JobId]) -> None:
        try:
            wait_until(
                lambda: all(self.jobs.get(job_id).status.final for job_id in job_ids), "all jobs ended", timeout_s=400
            )
        except AssertionError as in_vain:
            logs = "\n".join(f"--- {name}\n{self.log(name)[-4000:]}" for name in ("daemon", *WORKERS))
            raise AssertionError(f"{in_vain}\n{self.jobs.list()}\n{logs}") from None


@pytest.fixture(scope="module")
def broker_url(services_folder: Path) -> Iterator[str]:
    """A Valkey of its own: Celery's keys have fixed names."""
    server = EmbeddedValkey(services_folder / "broker", environment=inherited_environment(), marked_by=services_folder)
    server.start()
    try:
        yield server.url()
    finally:
        server.stop()


@contextmanager
def running_cluster(home: Path, postgres_url: str, broker_url: str, services_folder: Path) -> Iterator[Cluster]:
    shutil.copyfile(ROOT / "deploy" / "celery" / "dagster.yaml", home / "dagster.yaml")
    text = (home / "dagster.yaml").read_text()
    (home / "dagster.yaml").write_text(
        text.replace("unreachable_grace_seconds: 60", "unreachable_grace_seconds: 5.0").replace(
            "max_concurrent_runs: 8", f"max_concurrent_runs: {len(WORKERS)}"
        )
    )
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("CIRA_", "DAGSTER_"))}
    environment = inherited | {
        "DAGSTER_HOME": str(home),
        "DAGSTER_POSTGRES_URL": dagster_storage_url(postgres_url, relaxed=True),
        "CIRA_POSTGRES_URL": postgres_url,
        "CIRA_REDIS_URL": broker_url,
        "CIRA_HOME": str(home),
        "CIRA_OBJECT_STORE": (home / "objects").as_uri(),
        "CIRA_FETCH_ALLOWED_HOSTS": "127.0.0.1",
        "CIRA_SENSOR_INTERVAL_S": "1",
        "CIRA_BATCH_MAX_JOBS": "3",
        "OMP_NUM_THREADS": "1",
        # What is left when the tests themselves are killed ends with their services.
        FOLDER_MARK: str(services_folder),
    }
    database = Database(postgres_url)
    app = celery_app(Settings(_env_file=None, redis_url=SecretStr(broker_url)))
    with ExitStack() as stack, DocumentServer().running() as server:
        stack.callback(database.dispose)
        stack.callback(app.close)
        cluster = Cluster(home, environment, JobRepository(database), server, app)
        stack.callback(lambda: [cluster.kill(name) for name in list(cluster.processes)])
        for name in WORKERS:
            cluster.start_worker(name)
        cluster.start("daemon", "dagster._daemon", "run", "--workspace", str(ROOT / "workspace.yaml"))
        yield cluster


@pytest.fixture(scope="module")
def cluster(
    tmp_path_factory: pytest.TempPathFactory,
    postgres_url: str,
    migrated_template: str,
    broker_url: str,
    services_folder: Path,
    monkeypatch_module: pytest.MonkeyPatch,
) -> Iterator[Cluster]:
    from tests.conftest import temporary_database

    home = tmp_path_factory.mktemp("celery")
    for url in temporary_database(postgres_url, template=migrated_template):
        monkeypatch_module.setenv("DAGSTER_POSTGRES_URL", dagster_storage_url(url, relaxed=True))
        monkeypatch_module.setenv("CIRA_REDIS_URL", broker_url)
        with running_cluster(home, url, broker_url, services_folder) as running:
            yield running


@pytest.fixture(scope="module")
def monkeypatch_module() -> Iterator[pytest.MonkeyPatch]:
    with pytest.MonkeyPatch.context() as patch:
        yield patch


def test_invoices_are_spread_over_the_workers_and_each_becomes_one_record(cluster: Cluster) -> None:
    urls = [cluster.server.serve(f"/{n}.pdf", invoice_pdf(f"SPREAD-{n}")) for n in range(12)]
    job_ids = [each.job.job_id for each in cluster.jobs.submit([Submission(url) for url in urls])]
    cluster.wait_until_ended(job_ids)
    ended = [cluster.jobs.get(job_id) for job_id in job_ids]
    assert {job.status for job in ended} == {JobStatus.SUCCEEDED}
    assert {job.attempts for job in ended} == {1}
    assert set(cluster.server.requests.values()) == {1}
    assert {cluster.worker_of(job.run_id or "") for job in ended} == set(WORKERS)


def test_a_worker_that_dies_with_its_machine_loses_no_invoice(cluster: Cluster) -> None:
    url = cluster.server.serve("/held.pdf", invoice_pdf("HELD-1"))
    cluster.server.hold("/held.pdf")
    (submitted,) = cluster.jobs.submit([Submission(url)])
    job_id = submitted.job.job_id
    wait_until(lambda: cluster.server.requests["/held.pdf"] == 1, "the invoice is being fetched", timeout_s=300)
    dead_run = cluster.jobs.get(job_id).run_id
    assert dead_run
    worker = cluster.worker_of(dead_run)
    assert worker
    cluster.kill(worker)
    cluster.server.release("/held.pdf")
    cluster.wait_until_ended([job_id])
    job = cluster.jobs.get(job_id)
    assert (job.status, job.attempts) == (JobStatus.SUCCEEDED, 2)
    assert job.run_id != dead_run
    with DagsterInstance.from_config(str(cluster.home)) as instance:
        (record,) = instance.get_run_records(RunsFilter(run_ids=[dead_run]))
    assert record.dagster_run.is_failure
