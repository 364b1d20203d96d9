"""All tables and the analysts' views."""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name in ("0001_tables.sql", "0001_views.sql"):
        statements = (Path(__file__).parent / name).read_text("utf-8")
        # Without parameters psycopg sends the whole script at once and leaves percent signs alone.
        op.get_bind().exec_driver_sql(statements, execution_options={"no_parameters": True})


def downgrade() -> None:
    raise NotImplementedError("restore a backup: going back would drop every record")
