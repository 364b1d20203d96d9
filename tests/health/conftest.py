from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from cira_pipeline.db.database import Database
from cira_pipeline.health.work_state import WorkState, WorkWatch
from cira_pipeline.settings import Settings
from tests.health.dagster_instance import Dagster, dagster_over


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
