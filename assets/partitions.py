"""The partitions of every invoice asset: one key a job id, added by the sensor `new_invoices` and by nothing else."""

from __future__ import annotations

import dagster as dg

PARTITIONS_NAME = "invoice_jobs"
invoice_jobs = dg.DynamicPartitionsDefinition(name=PARTITIONS_NAME)

BATCH_TAG = "cira/batch"
"""Run tag with the id of the batch a run was asked for; a retried run inherits it."""
