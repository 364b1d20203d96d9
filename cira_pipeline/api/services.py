"""Dependencies of the routes: repositories on one connection pool, caches, authentication and webhooks."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from starlette.concurrency import run_in_threadpool

from cira_pipeline.api.access import Access
from cira_pipeline.api.events import JobEvents
from cira_pipeline.api.key_secret import Pepper, load_pepper
from cira_pipeline.api.metrics import Metrics
from cira_pipeline.api.opening import OpeningDocuments
from cira_pipeline.api.rate_limit import RedisFastPath
from cira_pipeline.costs.ledger import Ledger
from cira_pipeline.custom.declaration_file import own_rules
from cira_pipeline.db.access.api_keys import ApiKeyRepository
from cira_pipeline.db.access.webhook_secrets import WebhookSecretRepository
from cira_pipeline.db.database import Database
from cira_pipeline.db.documents.extractions import ExtractionRepository
from cira_pipeline.db.documents.objects import ObjectStore
from cira_pipeline.db.documents.readings import ReadingRepository
from cira_pipeline.db.documents.repository import DocumentRepository
from cira_pipeline.db.jobs.erasure import Erasure
from cira_pipeline.db.jobs.repository import JobRepository
from cira_pipeline.db.jobs.status_cache import JobStatusEntry, StatusCache
from cira_pipeline.db.records.confirmations import ConfirmationRepository
from cira_pipeline.db.records.labels import LabelRepository
from cira_pipeline.db.records.repository import RecordRepository
from cira_pipeline.db.webhooks import WebhookRepository
from cira_pipeline.health.work_state import WorkWatch
from cira_pipeline.jobs import JobId
from cira_pipeline.pipeline.supplier_memory import SupplierMemory, supplier_memory
from cira_pipeline.sandbox.pool import reading_processes
from cira_pipeline.settings import Settings
from cira_pipeline.webhooks.delivering import Deliverer
from cira_pipeline.webhooks.sending import Sender
from cira_pipeline.webhooks.signature import Signer


class StatusReader:
    """Reads statuses that are not cached from PostgreSQL, for one event loop; concurrent requests share one query.

    A status read is written to the cache, which never replaces a newer one.
    """

    def __init__(self, jobs: JobRepository) -> None:
        self._jobs = jobs
        self._reading: dict[JobId, asyncio.Task[JobStatusEntry]] = {}

    async def read(self, job_id: JobId) -> JobStatusEntry:
        """Raises: JobNotFound, StoreUnavailable."""
        task = self._reading.get(job_id)
        if task is None:
            task = self._reading[job_id] = asyncio.create_task(run_in_threadpool(self._jobs.status_from_rows, job_id))
            task.add_done_callback(lambda _done: self._reading.pop(job_id, None))
        # Shielded: a cancelled request must not cancel the query that others wait for.
        return await asyncio.shield(task)


@dataclass(frozen=True)
class Services:
    """All objects that the routes use."""

    settings: Settings
    pepper: Pepper
    database: Database
    objects: ObjectStore
    cache: StatusCache
    fast_path: RedisFastPath
    metrics: Metrics
    access: Access
    keys: ApiKeyRepository
    jobs: JobRepository
    statuses: StatusReader
    documents: DocumentRepository
    readings: ReadingRepository
    extractions: ExtractionRepository
    records: RecordRepository
    labels: LabelRepository
    confirmations: ConfirmationRepository
    memory: SupplierMemory
    ledger: Ledger
    erasure: Erasure
    events: JobEvents
    webhooks: WebhookRepository
    webhook_secrets: WebhookSecretRepository
    signer: Signer
    deliverer: Deliverer
    opening: OpeningDocuments
    work: WorkWatch


def open_services(settings: Settings) -> Services:
    """Creates the services without contacting any of them. Raises: ConfigurationError."""
    own_rules(settings.custom_fields)
    database = Database(settings.postgres_url.get_secret_value() if settings.postgres_url else "", pool_size=10)
    objects = ObjectStore(
        settings.object_store_url,
        s3_endpoint_url=settings.s3_endpoint_url,
        least_free_bytes=settings.least_free_bytes,
    )
    cache = StatusCache(settings.redis_address, settings.status_ttl_s)
    keys = ApiKeyRepository(database)
    jobs = JobRepository(database, cache)
    pepper = load_pepper(settings)
    webhooks = WebhookRepository(database)
    webhook_secrets = WebhookSecretRepository(database)
    signer = Signer(webhook_secrets, pepper.derived, pepper.pepper_id)
    return Services(
        settings=settings,
        pepper=pepper,
        database=database,
        objects=objects,
        cache=cache,
        fast_path=RedisFastPath(settings.redis_address),
        metrics=Metrics(),
        access=Access(keys, pepper),
        keys=keys,
        jobs=jobs,
        statuses=StatusReader(jobs),
        documents=DocumentRepository(database, objects),
        readings=ReadingRepository(database, objects),
        extractions=ExtractionRepository(database),
        records=RecordRepository(database),
        labels=LabelRepository(database),
        confirmations=ConfirmationRepository(database),
        memory=supplier_memory(settings, database, objects),
        ledger=Ledger(database),
        erasure=Erasure(database, objects, jobs, stopping_s=settings.reading_timeout_s + settings.fetch_timeout_s),
        events=JobEvents(database.engine.url),
        webhooks=webhooks,
        webhook_secrets=webhook_secrets,
        signer=signer,
        deliverer=Deliverer(settings, webhooks, signer, Sender(settings)),
        # One more than recognition processes: it stores its document while the others compute.
        opening=OpeningDocuments(at_once=reading_processes(settings) + 1),
        work=WorkWatch(settings),
    )
