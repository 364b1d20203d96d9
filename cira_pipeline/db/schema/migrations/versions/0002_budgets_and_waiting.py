"""Jobs that wait, reservations of budgets, what was spent by period, and the view of daily costs."""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    statements = (Path(__file__).parent / "0002_budgets_and_waiting.sql").read_text("utf-8")
    # Without parameters psycopg sends the whole script at once and leaves percent signs alone.
    op.get_bind().exec_driver_sql(statements, execution_options={"no_parameters": True})


def downgrade() -> None:
    raise NotImplementedError("restore a backup: going back would drop what was spent and why jobs wait")
