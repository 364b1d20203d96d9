from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from cira_pipeline.db.database import Database
from cira_pipeline.health.work_state import WorkState, WorkWatch
from cira_pipeline.settings import Settings
from tests.conftest import temporary_database
from tests.health.dagster_instance import Dagster, dagster_over


@pytest.fixture
def migrated_database_url(postgres_url: str, template_with_dagster: str) -> Iterator[str]:
    """A fresh database with CIRA's and Dagster's tables, dropped afterwards."""
    yield from temporary_database(postgres_url, template=template_with_dagster)


@pytest.fixture
def settings(migrated_database_url: str, tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home", postgres_url=SecretStr(migrated_database_url))


@pytest.fixture
def dagster(database: Database, migrated_database_url: str, tmp_path: Path) -> Iterator[Dagster]:
    with dagster_over(migrated_database_url, tmp_path / "dagster") as running:
        yield running


def state_of(settings: Settings) -> WorkState:
    watch = WorkWatch(settings)
    try:
        return watch.read()
    finally:
        watch.close()
