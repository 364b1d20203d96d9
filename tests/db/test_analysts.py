from __future__ import annotations

import logging
from urllib.parse import quote, urlsplit
from uuid import uuid4

import psycopg
import pytest
from sqlalchemy import text

from cira_pipeline.db.database import Database
from cira_pipeline.db.schema import analysts

_VIEWS = ("invoices", "invoice_lines", "invoice_costs", "review_queue")


@pytest.fixture
def analyst(database, migrated_database_url):
    """A person's own login that was given the role."""
    name = f"anna_{uuid4().hex[:8]}"
    with database.begin() as connection:
        connection.execute(text("CREATE TABLE public.runs (secret text)"))
        connection.execute(text(f"CREATE ROLE {name} LOGIN IN ROLE cira_analyst"))
        connection.execute(text(f"ALTER ROLE {name} SET search_path = cira"))
    # The superuser connects, and is Anna from the first statement on: the test server may ask for passwords.
    with psycopg.connect(migrated_database_url, autocommit=True) as connection:
        connection.execute(f"SET SESSION AUTHORIZATION {name}")
        connection.execute("SET search_path = cira")
        yield connection
    with psycopg.connect(migrated_database_url, autocommit=True) as connection:
        connection.execute(f"DROP ROLE {name}")


def test_an_analyst_reads_every_view_and_table(analyst):
    with analyst.cursor() as cursor:
        tables = cursor.execute(
            "SELECT relname FROM pg_class WHERE relnamespace = 'cira'::regnamespace AND relkind IN ('r', 'v')"
        ).fetchall()
        assert {name for (name,) in tables} >= {*_VIEWS, "records", "record_taxes", "cost_entries"}
        for name in {name for (name,) in tables} - {"api_keys"}:
            cursor.execute(f"SELECT * FROM {name} LIMIT 1")


def test_an_analyst_sees_whose_keys_there_are_and_not_their_secrets(analyst):
    analyst.execute("SELECT key_id, client, last_used_at FROM api_keys")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        analyst.execute("SELECT secret_hash FROM api_keys")


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE records SET verdict = 'accepted'",
        "DELETE FROM jobs",
        "TRUNCATE record_findings",
        "INSERT INTO labels VALUES (repeat('a', 64), '{}', 'x')",
        "DROP VIEW invoices",
        "CREATE TABLE cira.mine (a int)",
        "CREATE TABLE public.mine (a int)",
        "SELECT * FROM public.runs",
    ],
)
def test_an_analyst_changes_nothing_and_sees_nothing_of_dagsters(analyst, statement):
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        analyst.execute(statement)


def test_tables_of_later_versions_can_be_read_too(database, analyst):
    with database.begin() as connection:
        connection.execute(text("CREATE TABLE cira.of_tomorrow (a int)"))
    analyst.execute("SELECT * FROM of_tomorrow")


def test_one_login_for_a_tool_reads_with_limits_and_its_password_is_kept_hashed(database, migrated_database_url):
    password = "pässword 'x'"
    database.migrate(analyst_password=password)
    try:
        with database.begin() as connection:
            secret = connection.scalar(
                text("SELECT rolpassword FROM pg_authid WHERE rolname = 'cira_analyst' AND rolcanlogin")
            )
        assert secret.startswith("SCRAM-SHA-256$")
        url = urlsplit(migrated_database_url)
        host = url.netloc.rpartition("@")[2]
        login = url._replace(netloc=f"cira_analyst:{quote(password)}@{host}").geturl()
        with psycopg.connect(login, autocommit=True) as connection:
            assert connection.execute("SELECT count(*) FROM invoices").fetchone() == (0,)
            assert connection.execute("SHOW default_transaction_read_only").fetchone() == ("on",)
            assert connection.execute("SHOW statement_timeout").fetchone() == ("5min",)
    finally:
        with database.begin() as connection:
            connection.execute(text("ALTER ROLE cira_analyst NOLOGIN PASSWORD NULL"))


@pytest.fixture
def modest_url(database_url):
    """A database whose owner, CIRA's user, may create nothing else in the cluster."""
    name = f"modest_{uuid4().hex[:8]}"
    url = urlsplit(database_url)
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(f"CREATE ROLE {name} LOGIN PASSWORD 'modest'")
        connection.execute(f'ALTER DATABASE "{url.path.lstrip("/")}" OWNER TO {name}')
    yield url._replace(netloc=f"{name}:modest@{url.netloc.rpartition('@')[2]}").geturl()
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(f"DROP OWNED BY {name}")
        connection.execute(f'ALTER DATABASE "{url.path.lstrip("/")}" OWNER TO CURRENT_USER')
        connection.execute(f"DROP ROLE {name}")


def test_a_role_of_somebody_else_is_used_as_it_is(database, modest_url, caplog):
    modest = Database(modest_url)
    with caplog.at_level(logging.WARNING):
        modest.migrate(analyst_password="not mine to set")
    assert "owned by another user" in caplog.text
    with modest.begin() as connection:
        assert connection.scalar(text("SELECT has_table_privilege('cira_analyst', 'cira.invoices', 'SELECT')"))
    modest.dispose()


def test_cira_starts_where_it_may_not_create_roles_and_says_so(modest_url, caplog, monkeypatch):
    monkeypatch.setattr(analysts, "ANALYST_ROLE", f"absent_{uuid4().hex[:8]}")
    modest = Database(modest_url)
    with caplog.at_level(logging.WARNING):
        modest.migrate()
    assert modest.is_migrated()
    assert "may not be created" in caplog.text
    modest.dispose()
