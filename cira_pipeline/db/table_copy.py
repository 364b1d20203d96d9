"""Copies all rows of schema `cira` to files and back, in the text format of PostgreSQL's COPY.

The migrations create the tables, so a file holds rows only, and any later version of PostgreSQL or of CIRA can read it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

import psycopg
from psycopg import sql
from sqlalchemy import Connection, text

from cira_pipeline.db.schema.tables import SCHEMA
from cira_pipeline.errors import BackupDamaged, StoreUnavailable

_BLOCK_BYTES = 1 << 20
# Alembic's own table, which the migrations write.
_VERSION_TABLE = "alembic_version"
# Fixed value formats for writing and reading, independent of the server's configuration.
_SESSION = (
    "SET LOCAL statement_timeout = 0",
    "SET LOCAL idle_in_transaction_session_timeout = 0",
    "SET LOCAL datestyle = 'ISO, YMD'",
    "SET LOCAL intervalstyle = 'postgres'",
    "SET LOCAL extra_float_digits = 1",
)


class _Writable(Protocol):
    def write(self, data: Any, /) -> object: ...


class _Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


def prepare(connection: Connection) -> None:
    """Sets up the transaction for `copy_out` and `copy_in`: no time limits, fixed value formats."""
    for statement in _SESSION:
        connection.execute(text(statement))


def table_names(connection: Connection) -> Sequence[str]:
    """Names of CIRA's tables, in alphabetical order."""
    return connection.scalars(
        text("""
            SELECT relname FROM pg_class
            WHERE relnamespace = to_regnamespace(:schema) AND relkind = 'r' AND relname <> :version_table
            ORDER BY relname
        """),
        {"schema": SCHEMA, "version_table": _VERSION_TABLE},
    ).all()


@contextmanager
def without_foreign_keys(connection: Connection) -> Iterator[None]:
    """Drops the foreign keys for the block and restores them at its end, as tables refer to each other in cycles.

    Raises: BackupDamaged when a row refers to a missing row.
    """
    keys = connection.execute(
        text("""
            SELECT c.conrelid::regclass::text AS of_table, quote_ident(c.conname) AS name,
                   pg_get_constraintdef(c.oid) AS definition
            FROM pg_constraint c WHERE c.contype = 'f' AND c.connamespace = to_regnamespace(:schema)
            ORDER BY 1, 2
        """),
        {"schema": SCHEMA},
    ).all()
    driver = _driver(connection)
    for key in keys:
        driver.execute(_ddl(f"ALTER TABLE {key.of_table} DROP CONSTRAINT {key.name}"))
    yield
    with _errors():
        for key in keys:
            driver.execute(_ddl(f"ALTER TABLE {key.of_table} ADD CONSTRAINT {key.name} {key.definition}"))


def columns_of(connection: Connection, table: str) -> tuple[str, ...]:
    """Columns with stored values; generated columns are computed again."""
    names = connection.scalars(
        text("""
            SELECT attname FROM pg_attribute
            WHERE attrelid = to_regclass(:table) AND attnum > 0 AND NOT attisdropped AND attgenerated = ''
            ORDER BY attnum
        """),
        {"table": f"{SCHEMA}.{table}"},
    )
    return tuple(names)


def copy_out(connection: Connection, table: str, columns: Sequence[str], stream: _Writable) -> int:
    """Writes the rows of `table`, in COPY's text format; returns how many. Raises: StoreUnavailable."""
    statement = sql.SQL("COPY {} ({}) TO STDOUT").format(_table(table), _columns(columns))
    with _errors(), _driver(connection).cursor() as cursor:
        with cursor.copy(statement) as blocks:
            for block in blocks:
                stream.write(block)
        return cursor.rowcount


def copy_in(connection: Connection, table: str, columns: Sequence[str], stream: _Readable) -> int:
    """Inserts the rows that `copy_out` wrote, without CIRA's triggers, whose effects are among the rows already.

    Raises: BackupDamaged when PostgreSQL rejects the rows; StoreUnavailable.
    """
    triggers = sql.SQL("ALTER TABLE {} {} TRIGGER USER")
    statement = sql.SQL("COPY {} ({}) FROM STDIN").format(_table(table), _columns(columns))
    with _errors(), _driver(connection).cursor() as cursor:
        cursor.execute(triggers.format(_table(table), sql.SQL("DISABLE")))
        with cursor.copy(statement) as rows:
            while block := stream.read(_BLOCK_BYTES):
                rows.write(block)
        count = cursor.rowcount
        cursor.execute(triggers.format(_table(table), sql.SQL("ENABLE")))
    return count


def counters(connection: Connection) -> dict[str, int]:
    """The last value used of each sequence."""
    rows = connection.execute(
        text("SELECT sequencename, last_value FROM pg_sequences WHERE schemaname = :schema AND last_value IS NOT NULL"),
        {"schema": SCHEMA},
    )
    return {row.sequencename: row.last_value for row in rows}


def set_counter(connection: Connection, sequence: str, last_value: int) -> None:
    """Continues `sequence` after `last_value`, so that no number is used twice."""
    connection.execute(
        text("SELECT setval(to_regclass(:sequence), :last_value)"),
        {"sequence": f"{SCHEMA}.{sequence}", "last_value": last_value},
    )


def has_rows(connection: Connection, table: str) -> bool:
    return bool(connection.scalar(text(f'SELECT EXISTS (SELECT 1 FROM {SCHEMA}."{table}")')))  # noqa: S608


def _ddl(statement: str) -> bytes:
    """A statement whose names and definitions come from PostgreSQL's catalogue, already quoted."""
    return statement.encode()


def _table(name: str) -> sql.Identifier:
    return sql.Identifier(SCHEMA, name)


def _columns(names: Sequence[str]) -> sql.Composed:
    return sql.SQL(", ").join(sql.Identifier(name) for name in names)


def _driver(connection: Connection) -> psycopg.Connection[Any]:
    driver = connection.connection.driver_connection
    if not isinstance(driver, psycopg.Connection):
        raise TypeError(f"psycopg expected, {type(driver).__name__} found")
    return driver


@contextmanager
def _errors() -> Iterator[None]:
    """Translates errors of COPY, which bypasses the translation in SQLAlchemy."""
    try:
        yield
    except (psycopg.DataError, psycopg.IntegrityError, psycopg.ProgrammingError) as error:
        raise BackupDamaged(f"PostgreSQL rejects the rows: {_first_line(error)}") from error
    except psycopg.Error as error:
        raise StoreUnavailable(f"PostgreSQL: {_first_line(error)}") from error


def _first_line(error: psycopg.Error) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
