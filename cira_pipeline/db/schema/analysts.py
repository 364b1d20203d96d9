"""Analysts' database role: reads schema `cira` without its secrets, changes nothing, sees no other schema."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import psycopg
from psycopg.errors import DuplicateObject, InsufficientPrivilege, UniqueViolation
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from cira_pipeline.db.schema.tables import SCHEMA, metadata

ANALYST_ROLE = "cira_analyst"
ANALYST_STATEMENT_TIMEOUT = "5min"

_log = logging.getLogger(__name__)


def admit_analysts(connection: Connection, password: str | None = None) -> bool:
    """Creates role `cira_analyst` where possible and lets it read schema `cira`, also its future tables.

    The role cannot log in unless `password` is given: people get it with `GRANT cira_analyst TO anna`. When the
    connection's user may not create roles and the role does not exist, a warning is logged; the next start tries
    again. Returns whether the role exists and may read.
    """
    if not _role_exists(connection) and not _create_role(connection):
        _log.warning(
            "role %s is missing and may not be created, so analysts cannot read yet: let an administrator create it",
            ANALYST_ROLE,
        )
        return False
    for statement in (
        f"GRANT USAGE ON SCHEMA {SCHEMA} TO {ANALYST_ROLE}",
        f"GRANT SELECT ON ALL TABLES IN SCHEMA {SCHEMA} TO {ANALYST_ROLE}",
        f"ALTER DEFAULT PRIVILEGES IN SCHEMA {SCHEMA} GRANT SELECT ON TABLES TO {ANALYST_ROLE}",
        *_hide_secrets(),
    ):
        connection.execute(text(statement))
    _set_defaults(connection, password)
    return True


def _hide_secrets() -> Iterator[str]:
    """Hides columns whose name begins with `secret`, which only CIRA reads."""
    for table in metadata.sorted_tables:
        open_columns = [column.name for column in table.columns if not column.name.startswith("secret")]
        if len(open_columns) < len(table.columns):
            yield f"REVOKE SELECT ON {table.fullname} FROM {ANALYST_ROLE}"  # noqa: S608 - names of our own
            yield f"GRANT SELECT ({', '.join(open_columns)}) ON {table.fullname} TO {ANALYST_ROLE}"


def _role_exists(connection: Connection) -> bool:
    return connection.scalar(text("SELECT to_regrole(:role) IS NOT NULL"), {"role": ANALYST_ROLE}) is True


def _create_role(connection: Connection) -> bool:
    try:
        with connection.begin_nested():
            connection.execute(text(f"CREATE ROLE {ANALYST_ROLE} NOLOGIN"))
    except DBAPIError as error:
        # Roles belong to the whole cluster: another database's migration may have created it meanwhile.
        if isinstance(error.orig, DuplicateObject | UniqueViolation):
            return True
        if isinstance(error.orig, InsufficientPrivilege):
            return False
        raise
    return True


def _set_defaults(connection: Connection, password: str | None) -> None:
    """Defaults for logins as the role itself; PostgreSQL does not pass settings on to members of a role."""
    database = connection.dialect.identifier_preparer.quote(str(connection.scalar(text("SELECT current_database()"))))
    in_database = f"ALTER ROLE {ANALYST_ROLE} IN DATABASE {database}"
    statements = [
        f"{in_database} SET search_path = {SCHEMA}",
        f"{in_database} SET default_transaction_read_only = on",
        f"{in_database} SET statement_timeout = '{ANALYST_STATEMENT_TIMEOUT}'",
    ]
    if password is not None:
        statements.append(f"ALTER ROLE {ANALYST_ROLE} LOGIN PASSWORD '{_scram_secret(connection, password)}'")
    try:
        with connection.begin_nested():
            for statement in statements:
                connection.exec_driver_sql(statement)
    except DBAPIError as error:
        if not isinstance(error.orig, InsufficientPrivilege):
            raise
        _log.warning("role %s is owned by another user, so its settings and password are unchanged", ANALYST_ROLE)


def _scram_secret(connection: Connection, password: str) -> str:
    """The password as a SCRAM secret (RFC 5802), so that the server's logs never contain it."""
    driver = connection.connection.driver_connection
    if not isinstance(driver, psycopg.Connection):
        raise TypeError(f"psycopg expected, {type(driver).__name__} found")
    secret = driver.pgconn.encrypt_password(password.encode(), ANALYST_ROLE.encode(), b"scram-sha-256")
    return secret.decode("ascii")
