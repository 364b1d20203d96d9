"""The partitions of every invoice asset: a key is a job id or a batch's id, added by the sensor `new_invoices` alone.

Which jobs a key stands for is told by `PartitionKeys.jobs_of`, and by nothing else.
"""

from __future__ import annotations

import dagster as dg

PARTITIONS_NAME = "invoice_jobs"
invoice_jobs = dg.DynamicPartitionsDefinition(name=PARTITIONS_NAME)

BATCH_TAG = "cira/batch"
"""Run tag with the id of the batch a run was asked for; a retried run inherits it."""
CLIENT_TAG = "cira/client"
"""Run tag with the client whose jobs a run does. dagster.yaml limits the runs of one client at once."""
SIZE_TAG = "cira/size"
"""Run tag, `small` or `large`. dagster.yaml keeps a slot free of large runs."""
