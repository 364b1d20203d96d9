"""Partition keys of run batches."""

from __future__ import annotations

from cira_pipeline.db.schema.migrations.sql_script import refuse_downgrade, run_sql_scripts

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_sql_scripts(__file__)


def downgrade() -> None:
    refuse_downgrade("drop which key stands for which jobs")
