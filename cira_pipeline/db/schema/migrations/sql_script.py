"""Shared code of the migrations: runs a migration's SQL script, and refuses downgrades."""

from __future__ import annotations

from pathlib import Path

from alembic import op


def run_sql_scripts(migration: str, *names: str) -> None:
    """Executes SQL scripts within the migration's transaction.

    Parameters
    ----------
    migration
        The migration's `__file__`.
    names
        Scripts in its folder, in order; by default the one with the migration's own name and the ending `.sql`.
    """
    path = Path(migration)
    for script in [path.with_name(name) for name in names] or [path.with_suffix(".sql")]:
        # Without parameters psycopg sends the whole script at once and leaves percent signs alone.
        op.get_bind().exec_driver_sql(script.read_text("utf-8"), execution_options={"no_parameters": True})


def refuse_downgrade(loss: str) -> None:
    """Raises NotImplementedError: migrations go one way. `loss`: what going back would destroy."""
    raise NotImplementedError(f"migrations cannot be undone: restore a backup; going back would {loss}")
