"""Owners of running jobs, and the time of a confirmation."""

from __future__ import annotations

from cira_pipeline.db.schema.migrations.sql_script import refuse_downgrade, run_sql_scripts

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_sql_scripts(__file__)


def downgrade() -> None:
    refuse_downgrade("mix the time of confirmations into the end of processing")
