"""What the routes work with: the repositories over one pool of connections, and what stands before them."""

from __future__ import annotations

from dataclasses import dataclass

from cira_pipeline.api.access import Access
from cira_pipeline.api.events import JobEvents
from cira_pipeline.api.key_secret import Pepper, load_pepper
from cira_pipeline.api.metrics import Metrics
from cira_pipeline.api.opening import OpeningDocuments
from cira_pipeline.api.rate_limit import RedisFastPath
from cira_pipeline.api.status_reader import StatusReader
from cira_pipeline.costs.ledger import Ledger
from cira_pipeline.health.work_state import WorkWatch
from cira_pipeline.isolation.pool import reading_processes
from cira_pipeline.processing.supplier_memory import SupplierMemory, supplier_memory
from cira_pipeline.settings import Settings
from cira_pipeline.storage.api_keys import ApiKeyRepository
from cira_pipeline.storage.confirmations import ConfirmationRepository
from cira_pipeline.storage.database import Database
from cira_pipeline.storage.documents import DocumentRepository
from cira_pipeline.storage.erasure import Erasure
from cira_pipeline.storage.extractions import ExtractionRepository
from cira_pipeline.storage.jobs import JobRepository
from cira_pipeline.storage.labels import LabelRepository
from cira_pipeline.storage.objects import ObjectStore
from cira_pipeline.storage.readings import ReadingRepository
from cira_pipeline.storage.records import RecordRepository
from cira_pipeline.storage.status_cache import StatusCache
from cira_pipeline.storage.webhook_secrets import WebhookSecretRepository
from cira_pipeline.storage.webhooks import WebhookRepository
from cira_pipeline.webhooks.delivering import Deliverer
from cira_pipeline.webhooks.sending import Sender
from cira_pipeline.webhooks.signature import Signer


@dataclass(frozen=True)
class Services:
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
    """Nothing is contacted yet. Raises: ConfigurationError."""
    redis_url = settings.redis_url.get_secret_value() if settings.redis_url else None
    database = Database(settings.postgres_url.get_secret_value() if settings.postgres_url else "", pool_size=10)
    objects = ObjectStore(
        settings.object_store_url,
        s3_endpoint_url=settings.s3_endpoint_url,
        least_free_bytes=settings.least_free_bytes,
    )
    cache = StatusCache(redis_url, settings.status_ttl_s)
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
        fast_path=RedisFastPath(redis_url),
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
        # One more than are recognised at once: while those compute, it stores what it has.
        opening=OpeningDocuments(at_once=reading_processes(settings) + 1),
        work=WorkWatch(settings),
    )
