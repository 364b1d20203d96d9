"""Events of a run are not written over a new connection each."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import psycopg
import pytest

from assets.partitions import PARTITIONS_NAME
from cira_pipeline.local_stack.dagster_home import dagster_storage_url, prepare_dagster_home
from resources.event_batches import keep_connections

EVENTS = 20


@pytest.fixture
def instance(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dg.DagsterInstance]:
    """As `cira up` sets it, over a real PostgreSQL."""
    home = tmp_path / "dagster"
    prepare_dagster_home(home, code_server_socket=home / "none.socket")
    monkeypatch.setenv("DAGSTER_HOME", str(home))
    monkeypatch.setenv("DAGSTER_POSTGRES_URL", dagster_storage_url(database_url, relaxed=True))
    with dg.DagsterInstance.get() as instance:
        instance.add_dynamic_partitions(PARTITIONS_NAME, [f"key-{number}" for number in range(EVENTS)])
        yield instance


def report(instance: dg.DagsterInstance) -> None:
    for number in range(EVENTS):
        instance.report_runless_asset_event(dg.AssetMaterialization("raw_document", partition=f"key-{number}"))


def sessions(database_url: str) -> int:
    """Connections that were ever opened to the database."""
    with psycopg.connect(database_url) as connection:
        row = connection.execute("SELECT sessions FROM pg_stat_database WHERE datname = current_database()").fetchone()
    assert row is not None
    return int(row[0])


def test_a_run_does_not_pay_for_a_connection_with_each_event(instance: dg.DagsterInstance, database_url: str) -> None:
    before = sessions(database_url)
    report(instance)
    without = sessions(database_url) - before
    keep_connections(instance)
    before = sessions(database_url)
    report(instance)
    assert without > EVENTS
    assert sessions(database_url) - before < 6


def test_every_event_can_be_seen_at_once_by_others(instance: dg.DagsterInstance, database_url: str) -> None:
    keep_connections(instance)
    with psycopg.connect(database_url, autocommit=True) as connection:
        for number in range(3):
            instance.report_runless_asset_event(dg.AssetMaterialization("raw_document", partition=f"key-{number}"))
            seen = connection.execute("SELECT count(*) FROM public.event_logs WHERE asset_key IS NOT NULL").fetchone()
            assert seen == (number + 1,)
