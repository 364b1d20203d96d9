"""`cira migrate`, for those who start the services by other means than `cira up`."""

from __future__ import annotations

from cira_pipeline.db.database import Database


def test_an_empty_database_gets_its_tables_and_doing_it_again_does_no_harm(
    without_services, database_url, monkeypatch
) -> None:
    monkeypatch.setenv("CIRA_POSTGRES_URL", database_url)
    first, second = without_services("migrate"), without_services("migrate")
    assert (first.status, first.stdout) == (0, "The tables were migrated to this version.\n")
    assert (second.status, second.stdout) == (0, "The tables were already up to date.\n")
    database = Database(database_url)
    try:
        assert database.is_migrated()
    finally:
        database.dispose()


def test_a_database_that_cannot_be_reached_is_named_without_its_password(without_services, monkeypatch) -> None:
    monkeypatch.setenv("CIRA_POSTGRES_URL", "postgresql://cira:hunter2@127.0.0.1:1/cira")
    answer = without_services("migrate")
    assert answer.status == 1
    assert "127.0.0.1" in answer.stderr
    assert "hunter2" not in answer.stderr + answer.stdout
