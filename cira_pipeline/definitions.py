"""Dagster definitions of CIRA: the code location that workspace.yaml loads.

The composition root, and the only module of `cira_pipeline` that imports Dagster.
"""

from __future__ import annotations

import dagster as dg

from assets.accuracy_report import accuracy_report
from assets.housekeeping import housekeeping_job
from assets.invoices import invoices
from assets.jobs import invoice_asset_jobs
from assets.model_batches import model_batches
from cira_pipeline.settings import Settings
from resources.extraction import ExtractionResource
from resources.fetcher import FetcherResource
from resources.object_store import ObjectStoreResource
from resources.postgres import PostgresResource
from resources.processor import ProcessorResource
from resources.reader import ReaderResource
from resources.redis import RedisResource
from sensors.daily_accuracy import daily_accuracy_report
from sensors.daily_housekeeping import daily_housekeeping
from sensors.erased_jobs import erased_jobs
from sensors.inbox import inbox_sensor
from sensors.model_batches import model_batches_sensor
from sensors.new_invoices import new_invoices_sensor
from sensors.s3_inbox import s3_inbox_sensor


def definitions(settings: Settings) -> dg.Definitions:
    """All assets, jobs, sensors, schedules and resources. Secrets are `EnvVar`s, so the UI never shows them."""
    postgres = PostgresResource(url=dg.EnvVar("CIRA_POSTGRES_URL"))
    redis = RedisResource(
        url=dg.EnvVar("CIRA_REDIS_URL") if settings.redis_url else "", status_ttl_s=settings.status_ttl_s
    )
    object_store = ObjectStoreResource(
        url=settings.object_store_url,
        s3_endpoint_url=settings.s3_endpoint_url or "",
        least_free_bytes=settings.least_free_bytes,
    )
    fetcher = FetcherResource(
        fetch_timeout_s=settings.fetch_timeout_s,
        fetch_max_bytes=settings.fetch_max_bytes,
        fetch_allowed_hosts=list(settings.fetch_allowed_hosts),
    )
    reader = ReaderResource(
        reader=settings.reader,
        docling_serve_url=settings.docling_serve_url or "",
        reading_timeout_s=settings.reading_timeout_s,
        ocr_dpi=settings.ocr_dpi,
    )
    extraction = ExtractionResource(
        policy=settings.policy.value,
        azure_openai_endpoint=settings.azure_openai_endpoint or "",
        azure_openai_deployment=settings.azure_openai_deployment or "",
        azure_openai_model=settings.azure_openai_model,
        azure_openai_api_key=dg.EnvVar("CIRA_AZURE_OPENAI_API_KEY") if settings.azure_openai_api_key else "",
    )
    processor = ProcessorResource(
        postgres=postgres,
        redis=redis,
        object_store=object_store,
        fetcher=fetcher,
        reader=reader,
        extraction=extraction,
    )
    sensors = [new_invoices_sensor(settings), inbox_sensor(settings), erased_jobs]
    if settings.s3_inbox:
        sensors.append(s3_inbox_sensor(settings, settings.s3_inbox))
    if settings.batches_configured:
        sensors.append(model_batches_sensor(settings))
    housekeeping = housekeeping_job(settings)
    return dg.Definitions(
        assets=[invoices(settings), accuracy_report],
        jobs=[*invoice_asset_jobs, model_batches, housekeeping],
        sensors=sensors,
        schedules=[daily_accuracy_report, daily_housekeeping(housekeeping)],
        resources={
            "processor": processor,
            "postgres": postgres,
            "redis": redis,
            "object_store": object_store,
            "fetcher": fetcher,
            "reader": reader,
            "extraction": extraction,
        },
        # One process per run: a run is a single step that streams many jobs and loads Docling once.
        executor=dg.in_process_executor,
    )


defs = definitions(Settings())
