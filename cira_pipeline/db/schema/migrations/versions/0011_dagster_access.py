"""Scopes for Dagster's UI, and one-time sign-in links."""

from __future__ import annotations

from cira_pipeline.db.schema.migrations.sql_script import refuse_downgrade, run_sql_scripts

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_sql_scripts(__file__)


def downgrade() -> None:
    refuse_downgrade("leave keys with scopes that no longer exist")
