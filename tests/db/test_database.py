from __future__ import annotations

import socket

import pytest
from sqlalchemy import text

from cira_pipeline.db.database import Database
from cira_pipeline.errors import ConfigurationError, ServiceUnreachable, StoreUnavailable


@pytest.fixture
def nobody():
    """A database at a port where nobody answers."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        database = Database(f"postgresql://cira:secret@127.0.0.1:{listener.getsockname()[1]}/cira")
        yield database
        database.dispose()


def test_a_database_that_is_not_there_is_named_without_its_password(nobody):
    with pytest.raises(ServiceUnreachable, match=r"PostgreSQL.*refused") as caught:
        nobody.ping()
    assert caught.value.retryable
    assert "secret" not in f"{caught.value} {caught.value.detail} {nobody.address}"


@pytest.mark.parametrize("work", [Database.migrate, Database.is_migrated])
def test_work_without_a_database_can_be_tried_again(nobody, work):
    with pytest.raises(StoreUnavailable) as caught:
        work(nobody)
    assert caught.value.retryable


def test_a_password_that_is_refused_is_no_stack_trace(database_url):
    database = Database(database_url.rsplit("/", 1)[0] + "/no_such_database")
    with pytest.raises(ServiceUnreachable, match="no_such_database"):
        database.ping()


@pytest.mark.parametrize(
    "url",
    [
        "mysql://user:secret@host/db",
        "not a url secret",
        "postgresql://user:secret@host:x/db",
        "postgresql://user:with@secret@host/db",
    ],
)
def test_a_wrong_url_is_named_without_its_password(url):
    with pytest.raises(ConfigurationError, match="CIRA_POSTGRES_URL") as caught:
        Database(url)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg", "postgresql+psycopg2"])
def test_every_usual_spelling_of_the_url_works(migrated_database_url, scheme):
    database = Database(scheme + migrated_database_url[migrated_database_url.index("://") :])
    database.ping()
    database.dispose()


def test_a_statement_that_hangs_ends_and_can_be_tried_again(database):
    with database.begin() as connection:
        connection.execute(text("SET LOCAL statement_timeout = 50"))
        with pytest.raises(StoreUnavailable, match="timeout"):
            connection.execute(text("SELECT pg_sleep(30)"))


def test_connections_have_time_limits_and_speak_utc(database):
    with database.begin() as connection:
        assert connection.scalar(text("SHOW statement_timeout")) == "1min"
        assert connection.scalar(text("SHOW idle_in_transaction_session_timeout")) == "10min"
        assert connection.scalar(text("SHOW timezone")) == "UTC"


def test_a_connection_that_was_cut_off_is_replaced(database):
    with database.begin() as connection:
        victim = connection.scalar(text("SELECT pg_backend_pid()"))
    other = Database(database.engine.url.render_as_string(hide_password=False))
    with other.begin() as connection:
        connection.execute(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": victim})
    other.dispose()
    database.ping()


def test_a_connection_cut_off_in_the_middle_can_be_tried_again(database):
    other = Database(database.engine.url.render_as_string(hide_password=False))

    def cut_off() -> None:
        with database.begin() as connection:
            victim = connection.scalar(text("SELECT pg_backend_pid()"))
            with other.begin() as killer:
                killer.execute(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": victim})
            connection.execute(text("SELECT 1"))

    with pytest.raises(StoreUnavailable):
        cut_off()
    other.dispose()
    database.ping()


def test_an_error_inside_the_block_takes_everything_back(database):
    def half_done() -> None:
        with database.begin() as connection:
            connection.execute(
                text("INSERT INTO cira.labels (document_sha256, fields, source) VALUES (repeat('a', 64), '{}', 'x')")
            )
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        half_done()
    with database.begin() as connection:
        assert connection.scalar(text("SELECT count(*) FROM cira.labels")) == 0
