"""Column comment as worded in the table of invoice fields."""

from __future__ import annotations

from alembic import op

from cira_pipeline.db.schema.migrations.sql_script import refuse_downgrade

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for column in ("cira.record_lines.unit", "cira.invoice_lines.unit"):
        op.execute(f"COMMENT ON COLUMN {column} IS 'BT-130, UN/ECE Rec 20 code from XML or the word printed'")


def downgrade() -> None:
    refuse_downgrade("bring back an outdated comment")
