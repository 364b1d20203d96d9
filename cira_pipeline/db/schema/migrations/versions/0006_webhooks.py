"""Webhooks, labels submitted with a job, stage timings, and erasures that Dagster's event log must follow."""

from __future__ import annotations

from cira_pipeline.db.schema.migrations.sql_script import refuse_downgrade, run_sql_scripts

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_sql_scripts(__file__)


def downgrade() -> None:
    refuse_downgrade("drop every delivery that is still owed")
