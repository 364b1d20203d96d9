"""All tables and the analysts' views."""

from __future__ import annotations

from cira_pipeline.db.schema.migrations.sql_script import refuse_downgrade, run_sql_scripts

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_sql_scripts(__file__, "0001_tables.sql", "0001_views.sql")


def downgrade() -> None:
    refuse_downgrade("drop every record")
