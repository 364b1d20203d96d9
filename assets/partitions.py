"""Partitions of the invoice assets: a key is a job's id or a run batch's id, added by the sensor `new_invoices` only.

Only `PartitionKeys.jobs_of` maps a key to its jobs.
"""

from __future__ import annotations

import dagster as dg

PARTITIONS_NAME = "invoice_jobs"
invoice_jobs = dg.DynamicPartitionsDefinition(name=PARTITIONS_NAME)

BATCH_TAG = "cira/batch"
"""Run tag with the id of the run batch; a retried run inherits it."""
CLIENT_TAG = "cira/client"
"""Run tag with the client of the run's jobs. dagster.yaml limits the concurrent runs of one client."""
SIZE_TAG = "cira/size"
"""Run tag, `small` or `large`. dagster.yaml reserves a slot that large runs cannot take."""
