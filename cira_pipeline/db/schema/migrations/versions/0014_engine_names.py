"""Engines are registered in the code alone: the database checks the form of their names."""

from __future__ import annotations

from cira_pipeline.db.schema.migrations.sql_script import refuse_downgrade, run_sql_scripts

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_sql_scripts(__file__)


def downgrade() -> None:
    refuse_downgrade("refuse the records of newer engines")
