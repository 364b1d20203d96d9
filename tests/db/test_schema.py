from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, text

from cira_pipeline.db.database import Database
from cira_pipeline.db.schema.tables import SCHEMA, metadata

_IN_SCHEMA = "WHERE relnamespace = 'cira'::regnamespace AND relname <> 'alembic_version'"
_CATALOG = {
    "constraints": f"""
        SELECT relname, conname, pg_get_constraintdef(c.oid) FROM pg_constraint c JOIN pg_class r ON r.oid = conrelid
        {_IN_SCHEMA} ORDER BY 1, 2""",
    "indexes": """
        SELECT tablename, indexname, indexdef FROM pg_indexes
        WHERE schemaname = 'cira' AND tablename <> 'alembic_version' ORDER BY 1, 2""",
    "columns": f"""
        SELECT relname, attname, format_type(atttypid, atttypmod), attnotnull, attidentity, attgenerated, collname,
               pg_get_expr(adbin, adrelid), col_description(r.oid, attnum)
        FROM pg_attribute a
        JOIN pg_class r ON r.oid = attrelid
        LEFT JOIN pg_attrdef d ON d.adrelid = attrelid AND d.adnum = attnum
        LEFT JOIN pg_collation l ON l.oid = attcollation
        {_IN_SCHEMA} AND relkind = 'r' AND attnum > 0 ORDER BY 1, 2""",
    "comments": f"SELECT relname, obj_description(r.oid) FROM pg_class r {_IN_SCHEMA} AND relkind = 'r' ORDER BY 1",
}


def _catalog(connection: Connection, what: str) -> list[tuple]:
    return [tuple(row) for row in connection.execute(text(_CATALOG[what]))]


def test_migrations_build_the_tables_the_code_works_with(database):
    with database.begin() as connection:
        context = MigrationContext.configure(
            connection,
            opts={
                "version_table_schema": SCHEMA,
                "include_schemas": True,
                "include_name": lambda name, kind, _: name == SCHEMA if kind == "schema" else True,
                "compare_type": True,
                "compare_server_default": True,
            },
        )
        assert compare_metadata(context, metadata) == []


@pytest.mark.parametrize("what", list(_CATALOG))
def test_migrations_and_tables_agree_on_what_alembic_does_not_compare(database, database_url, what):
    from_tables = Database(database_url)
    try:
        with from_tables.begin() as connection:
            connection.execute(text("CREATE SCHEMA cira"))
            metadata.create_all(connection)
            expected = _catalog(connection, what)
    finally:
        from_tables.dispose()
    with database.begin() as connection:
        assert _catalog(connection, what) == expected
    assert expected


def test_processes_that_start_at_once_migrate_once(database_url):
    def start(_: int) -> bool:
        database = Database(database_url)
        try:
            database.migrate()
            return database.is_migrated()
        finally:
            database.dispose()

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(start, range(4))) == [True] * 4


def test_a_database_without_tables_is_told_apart_from_a_migrated_one(database_url, database):
    empty = Database(database_url)
    try:
        assert not empty.is_migrated()
        assert database.is_migrated()
    finally:
        empty.dispose()


def test_a_failing_migration_leaves_nothing_half_done(database_url):
    database = Database(database_url)
    try:
        with database.begin() as connection:
            connection.execute(text("CREATE SCHEMA cira"))
            connection.execute(text("CREATE TABLE cira.records (in_the_way int)"))
        with pytest.raises(Exception, match="already exists"):
            database.migrate()
        with database.begin() as connection:
            names = connection.scalars(
                text("SELECT relname FROM pg_class WHERE relnamespace = 'cira'::regnamespace AND relkind = 'r'")
            )
            assert list(names) == ["records"]
    finally:
        database.dispose()


def test_schema_public_stays_dagsters(database):
    with database.begin() as connection:
        assert connection.scalar(text("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")) == 0
        assert connection.scalar(text("SELECT to_regclass('cira.alembic_version') IS NOT NULL"))


def test_no_table_view_or_column_is_without_its_meaning(database):
    with database.begin() as connection:
        silent = connection.execute(
            text("""
            SELECT relname, attname FROM pg_class c JOIN pg_attribute a ON attrelid = c.oid
            WHERE relnamespace = 'cira'::regnamespace AND relkind IN ('r', 'v') AND attnum > 0
              AND (coalesce(obj_description(c.oid), '') = '' OR coalesce(col_description(c.oid, attnum), '') = '')
            """)
        ).all()
    assert silent == []


def test_the_queue_is_found_without_touching_finished_jobs(database):
    """A sensor asks every few seconds: with a million finished jobs it must not read them."""
    with database.begin() as connection:
        connection.execute(
            text("""
            INSERT INTO cira.jobs (job_id, url, client, source, status, finished_at)
            SELECT 'inv_' || lpad(number::text, 26, '0'), 'https://a.example/' || number, 'default', 'cli',
                   'cancelled', now()
            FROM generate_series(1, 5000) number
            """)
        )
        connection.execute(text("ANALYZE cira.jobs"))
        for question in (
            "SELECT job_id FROM cira.jobs WHERE status = 'queued' AND batch_id IS NULL ORDER BY job_id LIMIT 100",
            "SELECT batch_id FROM cira.jobs WHERE status IN ('queued', 'running')",
            "SELECT * FROM cira.review_queue LIMIT 50",
        ):
            plan = "\n".join(connection.scalars(text(f"EXPLAIN {question}")))
            assert "Seq Scan on jobs" not in plan, plan
