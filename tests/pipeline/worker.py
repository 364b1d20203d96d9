"""A processor built from settings alone, and a process that streams the jobs it is told: a Dagster run without Dagster.

`python -m tests.pipeline.worker SECONDS` reads its settings from the environment and job ids from standard input, a
line of them at a time, and says `done` after each line. A question stays claimed for SECONDS after its deadline.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from cira_pipeline.costs.budgets import Budgets
from cira_pipeline.costs.ledger import Ledger
from cira_pipeline.costs.prices import PriceList
from cira_pipeline.db.database import Database
from cira_pipeline.db.documents.extractions import ExtractionRepository
from cira_pipeline.db.documents.objects import ObjectStore
from cira_pipeline.db.documents.readings import ReadingRepository
from cira_pipeline.db.documents.repository import DocumentRepository
from cira_pipeline.db.jobs.repository import JobRepository
from cira_pipeline.db.jobs.stage_timings import StageTimings
from cira_pipeline.db.jobs.status_cache import StatusCache
from cira_pipeline.db.records.confirmations import ConfirmationRepository
from cira_pipeline.db.records.labels import LabelRepository
from cira_pipeline.db.records.repository import RecordRepository
from cira_pipeline.intake.fetch import Fetcher
from cira_pipeline.intake.isolated import recogniser_from_settings
from cira_pipeline.jobs import JobId, Stage
from cira_pipeline.ocr.open_reader import reader_from_settings
from cira_pipeline.pipeline.engines import engines_from_settings
from cira_pipeline.pipeline.paid_answers import AFTER_THE_DEADLINE_S, paid_answers
from cira_pipeline.pipeline.processor import Processor
from cira_pipeline.pipeline.stream import stream
from cira_pipeline.pipeline.supplier_memory import supplier_memory
from cira_pipeline.settings import Settings


@contextmanager
def opened(settings: Settings, after_the_deadline_s: float = AFTER_THE_DEADLINE_S) -> Iterator[Processor]:
    assert settings.postgres_url is not None
    redis_url = settings.redis_url.get_secret_value() if settings.redis_url else None
    database = Database(settings.postgres_url.get_secret_value(), pool_size=settings.stage_threads + 2)
    objects = ObjectStore(settings.object_store_url)
    prices, ledger = PriceList.load(settings.price_list), Ledger(database, Budgets.from_settings(settings))
    fetcher = Fetcher(settings)
    try:
        yield Processor(
            settings=settings,
            jobs=JobRepository(database, StatusCache(redis_url, settings.status_ttl_s)),
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
            reader=reader_from_settings(settings),
            engines=engines_from_settings(
                settings,
                paid_answers(database, settings, prices, ledger, after_the_deadline_s=after_the_deadline_s),
            ),
            memory=supplier_memory(settings, database, objects),
        )
    finally:
        fetcher.close()
        database.dispose()


def main() -> None:
    with opened(Settings(), float(sys.argv[1])) as processor:
        for line in sys.stdin:
            for _ in stream(
                processor, [JobId(each) for each in line.split()], tuple(Stage), run_id=f"run-{os.getpid()}"
            ):
                pass
            print("done", flush=True)


if __name__ == "__main__":
    main()
