"""PostgreSQL access: connection pool, time limits, error translation and schema migrations."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import ArgumentError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from cira_pipeline.db.dead_connections import replace_dead_connections
from cira_pipeline.db.liveness_lock import LivenessLock
from cira_pipeline.db.schema.analysts import admit_analysts
from cira_pipeline.db.schema.tables import SCHEMA
from cira_pipeline.errors import ConfigurationError, DiskFull, ServiceUnreachable, StoreUnavailable
from cira_pipeline.shown_url import shown_url

CONNECT_TIMEOUT_S = 5
STATEMENT_TIMEOUT_S = 60
POOL_TIMEOUT_S = 30
# "cira" in ASCII: advisory lock that serialises the migrations of this database.
MIGRATION_LOCK = 0x63697261


class Database:
    """PostgreSQL with CIRA's tables in schema `cira`; other schemas are never touched.

    `url` is `postgresql://user:password@host:port/database`. Connects at the first use. Thread-safe.

    Raises: ConfigurationError when `url` is not a PostgreSQL URL. All work through `engine` raises StoreUnavailable
    when PostgreSQL cannot be reached, closes the connection, or a statement exceeds the time limit.
    """

    def __init__(self, url: str, *, pool_size: int = 10) -> None:
        self._url = _psycopg_url(url)
        self.engine = _engine(self._url, pool_size)
        self.presence = LivenessLock(self.engine)

    @property
    def address(self) -> str:
        """Host, port and database, for messages."""
        return shown_url(self._url.set(drivername="postgresql").render_as_string(hide_password=True))

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        """A transaction, committed at the end of the block. Raises: StoreUnavailable."""
        with _waiting_for_a_connection(), self.engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def single(self) -> Iterator[Connection]:
        """A connection for frequent single statements, each committed by itself without BEGIN and COMMIT.

        Raises: StoreUnavailable.
        """
        with (
            _waiting_for_a_connection(),
            self.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection,
        ):
            yield connection

    def ping(self) -> None:
        """Checks that PostgreSQL answers. Raises: ServiceUnreachable."""
        try:
            with self.begin() as connection:
                connection.execute(text("SELECT 1"))
        except StoreUnavailable as error:
            raise ServiceUnreachable(error.message, **error.detail) from error

    def migrate(self, *, analyst_password: str | None = None) -> None:
        """Migrates schema `cira` to this version's tables and admits the analysts' role.

        All or nothing, and safe when many processes start at once: they wait for each other. With `analyst_password`
        the role `cira_analyst` may log in with it. Raises: StoreUnavailable.
        """
        with self.begin() as connection:
            migrate_within(connection)
            admit_analysts(connection, analyst_password)

    def is_migrated(self) -> bool:
        """Whether the schema is exactly the one of this version. Raises: StoreUnavailable."""
        with self.begin() as connection:
            return revision_within(connection) == known_revisions()[0]

    def dispose(self) -> None:
        """Closes all idle connections."""
        self.presence.close()
        self.engine.dispose()


def migrate_within(connection: Connection, *, to: str = "head") -> None:
    """Migrates schema `cira` to revision `to` in the connection's transaction; concurrent migrations wait."""
    connection.execute(text("SET LOCAL statement_timeout = 0"))
    connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": MIGRATION_LOCK})
    # Checked first: CREATE SCHEMA needs a right on the whole database even when the schema exists.
    if connection.scalar(text("SELECT to_regnamespace(:schema) IS NULL"), {"schema": SCHEMA}):
        connection.execute(text(f"CREATE SCHEMA {SCHEMA}"))
        connection.execute(text(f"COMMENT ON SCHEMA {SCHEMA} IS 'Invoices: jobs, results and costs of CIRA'"))
    config = _alembic()
    config.attributes["connection"] = connection
    command.upgrade(config, to)


def revision_within(connection: Connection) -> str | None:
    """The revision of schema `cira`; `None` without tables."""
    return MigrationContext.configure(connection, opts={"version_table_schema": SCHEMA}).get_current_revision()


def known_revisions() -> tuple[str, ...]:
    """Every revision that this version can migrate from, newest first, its own included."""
    return tuple(script.revision for script in ScriptDirectory.from_config(_alembic()).walk_revisions())


def _psycopg_url(url: str) -> URL:
    """Any spelling of a PostgreSQL URL, converted for the driver psycopg 3."""
    try:
        parsed = make_url(url.strip())
    except (ArgumentError, ValueError):
        # Not chained: the cause quotes the URL with its password.
        raise ConfigurationError(
            "CIRA_POSTGRES_URL is not a URL; expected postgresql://user:password@host/database"
        ) from None
    if parsed.get_backend_name() not in ("postgresql", "postgres"):
        raise ConfigurationError(f"CIRA_POSTGRES_URL starts with {parsed.drivername}://; expected postgresql://")
    if "@" in (parsed.host or ""):
        # The rest of the password would be parsed as the host, and every error shows the host.
        raise ConfigurationError("CIRA_POSTGRES_URL has more than one @: write @ as %40 in user name and password")
    return parsed.set(drivername="postgresql+psycopg")


def _engine(url: URL, pool_size: int) -> Engine:
    own_options = [
        "-c timezone=UTC",
        f"-c statement_timeout={STATEMENT_TIMEOUT_S * 1000}",
        f"-c idle_in_transaction_session_timeout={10 * STATEMENT_TIMEOUT_S * 1000}",
    ]
    given_options = url.query.get("options", ())
    options = [given_options] if isinstance(given_options, str) else list(given_options)
    engine = create_engine(
        url,
        pool_size=pool_size,
        max_overflow=pool_size,
        pool_timeout=POOL_TIMEOUT_S,
        pool_recycle=1800,
        connect_args={
            "connect_timeout": CONNECT_TIMEOUT_S,
            "application_name": "cira",
            "options": " ".join([*own_options, *options]),
            "keepalives_idle": 30,
            "keepalives_interval": 10,
            "keepalives_count": 3,
        },
    )
    event.listen(engine, "handle_error", _translate)
    replace_dead_connections(engine)
    return engine


def _translate(context: ExceptionContext) -> None:
    """Translates connection failures and timeouts into StoreUnavailable, and a full disk into DiskFull."""
    if context.is_pre_ping or isinstance(context.original_exception, psycopg.errors.ProgrammingError):
        return
    if context.is_disconnect or isinstance(context.sqlalchemy_exception, OperationalError):
        reason = str(context.original_exception).strip().splitlines()
        full = isinstance(context.original_exception, psycopg.errors.DiskFull)
        kind = DiskFull if full else StoreUnavailable
        raise kind(f"PostgreSQL: {reason[0] if reason else 'no answer'}") from context.original_exception


@contextmanager
def _waiting_for_a_connection() -> Iterator[None]:
    try:
        yield
    except PoolTimeoutError as error:
        raise StoreUnavailable(f"PostgreSQL: no free connection within {POOL_TIMEOUT_S} s") from error


def _alembic() -> Config:
    config = Config()
    # ConfigParser reads a lone percent sign as the start of a placeholder.
    location = str(Path(__file__).parent / "schema" / "migrations").replace("%", "%%")
    config.set_main_option("script_location", location)
    config.set_main_option("path_separator", "os")
    return config
