"""Temporary PostgreSQL, Valkey, Dagster instance and generated invoices for benchmarks, on this machine."""

from __future__ import annotations

import os
import platform
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from urllib.parse import urlsplit

import dagster as dg

from cira_pipeline.clock import utc_now
from cira_pipeline.db.database import Database
from cira_pipeline.db.jobs.batches import BatchRepository, OpenBatch, RunSizes
from cira_pipeline.db.jobs.repository import JobRepository, Submission
from cira_pipeline.jobs import JobId, JobStatus, Stage
from cira_pipeline.local_stack.dagster_home import dagster_storage_url, prepare_dagster_home
from cira_pipeline.local_stack.postgres import EmbeddedPostgres
from cira_pipeline.local_stack.sentinel import start_sentinel
from cira_pipeline.local_stack.valkey import EmbeddedValkey
from cira_pipeline.pipeline.processor import JobContext, Processor
from cira_pipeline.samples.generator import LabelledKind, Order, labelled_document
from cira_pipeline.settings import Settings, inherited_environment

TEXT_AND_XML: tuple[LabelledKind, ...] = ("pdf-text", "xml")


@dataclass
class BenchHouse:
    folder: Path
    settings: Settings
    database: Database
    jobs: JobRepository
    instance: dg.DagsterInstance
    kinds: tuple[LabelledKind, ...]
    definitions: dg.Definitions = field(repr=False)
    made: int = 0

    def documents(self, count: int) -> list[Path]:
        """New documents, all different."""
        order, paths = Order(seed=7_000, kinds=self.kinds), []
        for number in range(self.made, self.made + count):
            document = labelled_document(order, number)
            path = self.folder / "documents" / Path(document.name).name
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(document.content)
            paths.append(path)
        self.made += count
        return paths

    def submit(self, count: int) -> list[JobId]:
        submissions = [Submission(path.as_uri()) for path in self.documents(count)]
        return [each.job.job_id for each in self.jobs.submit(submissions)]

    def path_of(self, job_id: JobId) -> Path:
        return Path(urlsplit(self.jobs.get(job_id).url).path)

    @contextmanager
    def opened(self) -> Iterator[Processor]:
        resource = self.definitions.resources["processor"]  # type: ignore[index]
        with dg.build_resources({"processor": resource}) as resources, resources.processor.opened() as processor:
            yield processor

    def warm(self, processor: Processor) -> None:
        plain_loop(processor, self.submit(2 * len(self.kinds)))
        jobs = self.submit(2)
        self.add_keys(jobs)
        self.run(jobs)

    def add_keys(self, jobs: Sequence[JobId]) -> None:
        self.instance.add_dynamic_partitions("invoice_jobs", list(jobs))

    def run(self, jobs: Sequence[JobId]) -> str:
        """A run over the range of these keys; returns its id."""
        tags = {"dagster/asset_partition_range_start": jobs[0], "dagster/asset_partition_range_end": jobs[-1]}
        return self._run(None, tags)

    def plan_batch(self, jobs: Sequence[JobId]) -> OpenBatch:
        """One partition key for all of these jobs, which must be all that are queued."""
        batches = BatchRepository(self.database)
        sizes = RunSizes(
            most_jobs=len(jobs), small_runs=1, wait_s=0, most_runs=1, jobs_at_once=len(jobs), one_key_from=1
        )
        assert batches.plan(sizes, open_runs={}, positions=lambda _: {}, now=utc_now()) == len(jobs)
        (batch,) = batches.open()
        self.instance.add_dynamic_partitions("invoice_jobs", [batch.batch_id])
        return batch

    def run_batch(self, batch: OpenBatch) -> str:
        """A run of the batch's key; returns its id."""
        return self._run(batch.partition_key, {"cira/batch": batch.batch_id})

    def planned_run(self, jobs: Sequence[JobId], keys: str) -> Callable[[], str]:
        """Plans the jobs; the returned function runs them and returns the run's id.

        `keys`: one for each job (`job`) or one for all (`batch`).
        """
        if keys == "batch":
            batch = self.plan_batch(jobs)
            return lambda: self.run_batch(batch)
        self.add_keys(jobs)
        return lambda: self.run(jobs)

    def _run(self, partition_key: str | None, tags: Mapping[str, str]) -> str:
        job = self.definitions.get_job_def("process_invoices")
        result = job.execute_in_process(instance=self.instance, partition_key=partition_key, tags=dict(tags))
        assert result.success
        return result.run_id

    def event_count(self, run_id: str) -> int:
        return len(self.instance.all_logs(run_id))

    def require_done(self, jobs: Sequence[JobId]) -> None:
        ends = {self.jobs.get(job).status for job in jobs}
        assert ends <= {JobStatus.SUCCEEDED, JobStatus.REJECTED}, ends


@contextmanager
def bench_house(kinds: tuple[LabelledKind, ...] = TEXT_AND_XML, **given: object) -> Iterator[BenchHouse]:
    with ExitStack() as closing:
        folder = Path(closing.enter_context(tempfile.TemporaryDirectory(prefix="cira-bench-", dir="/tmp")))
        environment = inherited_environment()
        sentinel = start_sentinel(folder, environment=environment)
        closing.callback(sentinel.communicate)
        postgres = EmbeddedPostgres(folder / "postgres", environment=environment, marked_by=folder)
        valkey = EmbeddedValkey(folder / "valkey", environment=environment, marked_by=folder)
        for server in (postgres, valkey):
            server.start()
            closing.callback(server.stop)
        os.environ |= {
            "CIRA_HOME": str(folder),
            "CIRA_POSTGRES_URL": postgres.url(),
            "CIRA_REDIS_URL": valkey.url(),
            "CIRA_FILE_ROOTS": str(folder / "documents"),
            "DAGSTER_POSTGRES_URL": dagster_storage_url(postgres.url(), relaxed=True),
            "DAGSTER_HOME": str(folder / "dagster"),
            **{f"CIRA_{name.upper()}": str(value) for name, value in given.items()},
        }
        prepare_dagster_home(folder / "dagster", code_server_socket=folder / "none.socket")
        settings = Settings(_env_file=None)
        database = Database(postgres.url())
        closing.callback(database.dispose)
        database.migrate()

        from cira_pipeline.definitions import definitions

        instance = closing.enter_context(dg.DagsterInstance.get())
        jobs = JobRepository(database)
        yield BenchHouse(folder, settings, database, jobs, instance, kinds, definitions(settings))


def plain_loop(processor: Processor, jobs: Sequence[JobId]) -> None:
    """Processes one job after the other, stage after stage, without orchestration."""
    for job_id in jobs:
        job_context = JobContext(processor.jobs.get(job_id))
        for stage in Stage:
            job_context.job = processor.jobs.start(job_id, stage, "bench") or job_context.job
            result = processor.run(job_context, stage)
        processor.jobs.succeed(job_id, result.record.verdict)  # type: ignore[union-attr]


def machine() -> str:
    packages = ", ".join(f"{name} {version(name)}" for name in ("dagster", "docling-slim", "rapidocr", "onnxruntime"))
    load = os.getloadavg()[0]
    return (
        f"{os.cpu_count()} processors, {platform.machine()}, Python {platform.python_version()}, {packages}; "
        f"load of the last minute: {load:.1f}"
    )
