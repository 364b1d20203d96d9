"""The four assets and their checks, as Dagster shows them before anything ran."""

from __future__ import annotations

import warnings

import dagster as dg
from dagster import PreviewWarning

from assets.partitions import invoice_jobs
from cira_pipeline.jobs import Stage

GROUP = "invoices"
COST_CHECK = "cost"

_DESCRIPTIONS = {
    Stage.RAW_DOCUMENT: (
        "The bytes behind the job's URL, fetched once, recognised by their content and kept under their SHA-256."
    ),
    Stage.OCR_TEXT: (
        "The document as text lines with page, box and confidence, read by Docling: native text where a page has it, "
        "OCR where it has not. Kept by document and reader version."
    ),
    Stage.EXTRACTED_FIELDS: (
        "Fields proposed by the engines (einvoice, offline, azure_openai), each with the place it was found at. "
        "A model's answer is paid for once."
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
    # Dagster calls partitioned checks a preview. The release is pinned, and the tests hold what is needed of them.
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
            description="Share of labelled fields that are right. A document without a label is `unlabelled` and "
            "warns: nothing was measured.",
            partitions_def=invoice_jobs,
        ),
        dg.AssetCheckSpec(
            COST_CHECK,
            asset=asset_key(Stage.VALIDATED_RECORD),
            description="What the job has cost so far, against the budget per invoice (CIRA_COST_BUDGET_USD).",
            partitions_def=invoice_jobs,
        ),
    ]
