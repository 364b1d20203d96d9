"""Specifications of the four assets and their checks, as Dagster shows them."""

from __future__ import annotations

import warnings

import dagster as dg
from dagster import PreviewWarning

from assets.partitions import invoice_jobs
from cira_pipeline.jobs import Stage
from cira_pipeline.models import EngineName

GROUP = "invoices"
COST_CHECK = "cost"

_DESCRIPTIONS = {
    Stage.RAW_DOCUMENT: (
        "The document at the job's URL, downloaded once, recognised by its content and stored under its SHA-256."
    ),
    Stage.OCR_TEXT: (
        "The document as text lines with page, box and confidence, read by Docling: native text where a page has it, "
        "OCR elsewhere. Stored by document and reader version."
    ),
    Stage.EXTRACTED_FIELDS: (
        f"Fields proposed by the engines ({', '.join(EngineName)}), each with its position in the document. "
        "A model's answer is paid only once."
    ),
    Stage.VALIDATED_RECORD: (
        "The canonical invoice after all validation rules, with its verdict; one row of cira.invoices."
    ),
}

_KINDS = {
    Stage.RAW_DOCUMENT: {"python"},
    Stage.OCR_TEXT: {"python", "docling"},
    Stage.EXTRACTED_FIELDS: {"python", "openai"},
    Stage.VALIDATED_RECORD: {"python", "postgres"},
}

STAGES = tuple(Stage)


def asset_key(stage: Stage) -> dg.AssetKey:
    return dg.AssetKey(stage.value)


invoice_specs = [
    dg.AssetSpec(
        asset_key(stage),
        deps=[asset_key(STAGES[position - 1])] if position else [],
        description=_DESCRIPTIONS[stage],
        group_name=GROUP,
        kinds=_KINDS[stage],
        skippable=True,
        partitions_def=invoice_jobs,
    )
    for position, stage in enumerate(STAGES)
]

with warnings.catch_warnings():
    # Dagster calls partitioned checks a preview. The release is pinned, and tests cover the parts in use.
    warnings.simplefilter("ignore", category=PreviewWarning)
    invoice_check_specs = [
        dg.AssetCheckSpec(
            "consistency",
            asset=asset_key(Stage.VALIDATED_RECORD),
            description="The record passed every validation rule of severity error (docs/validation.md).",
            partitions_def=invoice_jobs,
        ),
        dg.AssetCheckSpec(
            "accuracy",
            asset=asset_key(Stage.VALIDATED_RECORD),
            description="Share of labelled fields that are correct. A document without a label is `unlabelled` and "
            "warns, as its accuracy was not measured.",
            partitions_def=invoice_jobs,
        ),
        dg.AssetCheckSpec(
            COST_CHECK,
            asset=asset_key(Stage.VALIDATED_RECORD),
            description="Cost of the job so far, compared with the budget per invoice (CIRA_COST_BUDGET_USD).",
            partitions_def=invoice_jobs,
        ),
    ]
