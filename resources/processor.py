"""Resource that combines all connections into the processor of the four stages."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import dagster as dg
from dagster import ResourceDependency

from cira_pipeline.costs.budgets import Budgets
from cira_pipeline.costs.ledger import Ledger
from cira_pipeline.costs.prices import PriceList
from cira_pipeline.custom.declaration_file import own_rules
from cira_pipeline.db.documents.extractions import ExtractionRepository
from cira_pipeline.db.documents.readings import ReadingRepository
from cira_pipeline.db.documents.repository import DocumentRepository
from cira_pipeline.db.jobs.repository import JobRepository
from cira_pipeline.db.jobs.stage_timings import StageTimings
from cira_pipeline.db.records.confirmations import ConfirmationRepository
from cira_pipeline.db.records.labels import LabelRepository
from cira_pipeline.db.records.repository import RecordRepository
from cira_pipeline.intake.isolated import recogniser_from_settings
from cira_pipeline.pipeline.paid_answers import paid_answers
from cira_pipeline.pipeline.processor import Processor
from cira_pipeline.pipeline.supplier_memory import supplier_memory
from cira_pipeline.settings import Settings
from cira_pipeline.validation.severities import severities_of
from resources.extraction import ExtractionResource
from resources.fetcher import FetcherResource
from resources.object_store import ObjectStoreResource
from resources.postgres import PostgresResource
from resources.reader import ReaderResource
from resources.redis import RedisResource

if TYPE_CHECKING:
    from cira_pipeline.pipeline.model_batches import ModelBatchPoller


class ProcessorResource(dg.ConfigurableResource):  # type: ignore[type-arg]
    """The processor of the invoice assets, built from the other resources."""

    postgres: ResourceDependency[PostgresResource]
    redis: ResourceDependency[RedisResource]
    object_store: ResourceDependency[ObjectStoreResource]
    fetcher: ResourceDependency[FetcherResource]
    reader: ResourceDependency[ReaderResource]
    extraction: ResourceDependency[ExtractionResource]

    @contextmanager
    def opened(self) -> Iterator[Processor]:
        """A processor for one run; connections that belong to the process stay open after it."""
        settings = self._settings()
        # An unknown rule, or a mistake in a declared field or rule, stops the run at its start, not each of its jobs.
        severities_of(settings.rule_severity)
        own_rules(settings.custom_fields)
        database = self.postgres.database()
        objects = self.object_store.object_store()
        prices, ledger = PriceList.load(settings.price_list), Ledger(database, Budgets.from_settings(settings))
        answers = paid_answers(database, settings, prices, ledger)
        fetcher = self.fetcher.fetcher(settings)
        try:
            yield Processor(
                settings=settings,
                jobs=JobRepository(database, self.redis.status_cache()),
                documents=DocumentRepository(database, objects),
                readings=ReadingRepository(database, objects),
                extractions=ExtractionRepository(database),
                records=RecordRepository(database),
                confirmations=ConfirmationRepository(database),
                labels=LabelRepository(database),
                timings=StageTimings(database),
                ledger=ledger,
                prices=prices,
                fetcher=fetcher,
                recognise=recogniser_from_settings(settings),
                reader=self.reader.open_reader(settings),
                engines=self.extraction.engines(settings, answers),
                memory=supplier_memory(settings, database, objects),
            )
        finally:
            fetcher.close()

    @contextmanager
    def opened_batches(self) -> "Iterator[ModelBatchPoller]":
        """The poller of model batches."""
        # Imported here: the openai package takes a second, which most installations do not need.
        from cira_pipeline.pipeline.model_batches import opened_batches

        settings = self._settings()
        ledger = Ledger(self.postgres.database(), Budgets.from_settings(settings))
        with opened_batches(settings, self.postgres.database(), PriceList.load(settings.price_list), ledger) as batches:
            yield batches

    def describe(self) -> str:
        """One log line on the policy in force, and the reason where it is not the configured one."""
        settings = self._settings()
        if settings.effective_policy is settings.policy:
            return f"policy {settings.policy}"
        return f"policy {settings.effective_policy} instead of {settings.policy}, because no model is configured"

    def _settings(self) -> Settings:
        overrides = self.fetcher.overrides() | self.reader.overrides() | self.extraction.overrides()
        return Settings().model_copy(update=overrides)
