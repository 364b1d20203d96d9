"""Jobs that a person launches or backfills from the UI; the sensor requests runs of `process_invoices`."""

from __future__ import annotations

import dagster as dg

from assets.partitions import invoice_jobs
from assets.specs import STAGES, asset_key
from cira_pipeline.jobs import Stage

process_invoices = dg.define_asset_job(
    "process_invoices",
    selection=dg.AssetSelection.assets(*(asset_key(stage) for stage in STAGES)),
    partitions_def=invoice_jobs,
    description="From URL to validated record. Finished work is reused: running it again repeats only what is missing.",
)

extract_again = dg.define_asset_job(
    "extract_again",
    selection=dg.AssetSelection.assets(asset_key(Stage.EXTRACTED_FIELDS), asset_key(Stage.VALIDATED_RECORD)),
    partitions_def=invoice_jobs,
    description="Extraction and validation of documents that were read already, after a change of engine, policy or "
    "prompt.",
)

validate_again = dg.define_asset_job(
    "validate_again",
    selection=dg.AssetSelection.assets(asset_key(Stage.VALIDATED_RECORD)),
    partitions_def=invoice_jobs,
    description="Validation and checks only: after a change of rules or labels.",
)

invoice_asset_jobs = [process_invoices, extract_again, validate_again]
