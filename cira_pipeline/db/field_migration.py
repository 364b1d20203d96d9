"""Writes the migration that brings the tables of records, and the views on them, to the table of fields.

    CIRA_POSTGRES_URL=... python -m cira_pipeline.db.field_migration 0014 delivery_terms

The database must be migrated as far as the existing migrations go; it is only read. Read the SQL before committing it:
it adds tables, columns and comments, and never drops or changes one.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import CheckConstraint, Connection, Table, inspect, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateColumn, CreateTable

from cira_pipeline.db.database import Database
from cira_pipeline.db.schema.tables import ROW_TABLES, SCHEMA, records
from cira_pipeline.errors import ConfigurationError
from cira_pipeline.settings import Settings

_DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call]
# Each view shows all fields of a table, which it calls by this letter.
_VIEWS = {
    "invoices": (records, "r"),
    "invoice_lines": (ROW_TABLES["line_items"], "l"),
    "invoice_taxes": (ROW_TABLES["tax_breakdown"], "p"),
    **{
        f"invoice_{name}": (ROW_TABLES[name], "p")
        for name in ("allowances_charges", "payment_accounts", "payment_discounts", "withholdings", "attachments")
    },
}
_NOT_SHOWN = frozenset({"number_key", "vat_key", "name_key", "updated_at"})

_MIGRATION = '''"""Fields of invoices: {name}."""

from __future__ import annotations

from cira_pipeline.db.schema.migrations.sql_script import refuse_downgrade, run_sql_scripts

revision = "{number}"
down_revision = "{before}"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_sql_scripts(__file__)


def downgrade() -> None:
    refuse_downgrade("drop fields of records")
'''


def field_migration(connection: Connection) -> str:
    """SQL that adds to the database what the tables of records have more than it; empty: nothing."""
    statements = [each for table in (records, *ROW_TABLES.values()) for each in _table(connection, table)]
    statements += [each for view in _VIEWS for each in _view(connection, view)]
    return "".join(f"{each};\n" for each in statements)


def _table(connection: Connection, table: Table) -> Iterator[str]:
    known = inspect(connection)
    if not known.has_table(table.name, schema=SCHEMA):
        yield str(CreateTable(table).compile(dialect=_DIALECT)).strip()
        yield f"COMMENT ON TABLE {table.fullname} IS {_quoted(table.comment)}"
        existing = {}
    else:
        existing = {each["name"]: each["comment"] for each in known.get_columns(table.name, schema=SCHEMA)}
        if known.get_table_comment(table.name, schema=SCHEMA)["text"] != table.comment:
            yield f"COMMENT ON TABLE {table.fullname} IS {_quoted(table.comment)}"
        constraints = {each["name"] for each in known.get_check_constraints(table.name, schema=SCHEMA)}
        for column in table.c:
            if column.name not in existing:  # a new column comes with its constraints
                yield f"ALTER TABLE {table.fullname} ADD COLUMN {CreateColumn(column).compile(dialect=_DIALECT)}"
                continue
            for constraint in column.constraints:
                name = _DIALECT.identifier_preparer.format_constraint(constraint)
                if isinstance(constraint, CheckConstraint) and name not in constraints:
                    yield f"ALTER TABLE {table.fullname} ADD CONSTRAINT {name} CHECK ({constraint.sqltext})"
    for column in table.c:
        if existing.get(column.name) != column.comment:
            yield f"COMMENT ON COLUMN {table.fullname}.{column.name} IS {_quoted(column.comment)}"


def _view(connection: Connection, view: str) -> Iterator[str]:
    """The view with the columns that it lacks at its end, the only place where PostgreSQL adds columns to a view."""
    table, letter = _VIEWS[view]
    shown = {each["name"] for each in inspect(connection).get_columns(view, schema=SCHEMA)}
    added = [each for each in table.c if each.name not in shown and each.name not in _NOT_SHOWN]
    if not added:
        return
    definition = str(
        connection.scalar(text("SELECT pg_get_viewdef(to_regclass(:view), true)"), {"view": f"{SCHEMA}.{view}"})
    )
    columns, rest = definition.split("\n   FROM ", 1)
    more = "".join(f",\n    {letter}.{each.name}" for each in added)
    yield f"CREATE OR REPLACE VIEW {SCHEMA}.{view} AS\n{columns}{more}\n   FROM {rest.rstrip().rstrip(';')}"
    for each in added:
        yield f"COMMENT ON COLUMN {SCHEMA}.{view}.{each.name} IS {_quoted(each.comment)}"


def _quoted(comment: str | None) -> str:
    return "'" + (comment or "").replace("'", "''") + "'"


def main(number: str, name: str) -> None:
    """Writes the two files of the migration into the folder of migrations."""
    folder = Path(__file__).parent / "schema" / "migrations" / "versions"
    before = max(each.name[:4] for each in folder.glob("[0-9]*.py"))
    url = Settings().postgres_url
    if url is None:
        raise ConfigurationError("CIRA_POSTGRES_URL is not set: it names a database with all existing migrations")
    database = Database(url.get_secret_value())
    try:
        with database.begin() as connection:
            script = field_migration(connection)
    finally:
        database.dispose()
    title = name.replace("_", " ")
    (folder / f"{number}_{name}.sql").write_text(f"-- Fields of invoices: {title}.\n\n{script}", "utf-8")
    (folder / f"{number}_{name}.py").write_text(_MIGRATION.format(name=title, number=number, before=before), "utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
