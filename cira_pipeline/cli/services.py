"""What commands that talk to running services work with."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from cira_pipeline.cli.connect import connected_settings
from cira_pipeline.settings import Settings
from cira_pipeline.storage.database import Database
from cira_pipeline.storage.jobs import JobRepository
from cira_pipeline.storage.status_cache import StatusCache


@dataclass(frozen=True)
class Connected:
    settings: Settings
    database: Database
    jobs: JobRepository


@contextmanager
def connected() -> Iterator[Connected]:
    """The database and the jobs, closed at the end of the block. Raises: ConfigurationError, ServiceUnreachable."""
    settings = connected_settings()
    redis_url = settings.redis_url.get_secret_value() if settings.redis_url else None
    database = Database(settings.postgres_url.get_secret_value() if settings.postgres_url else "")
    try:
        database.ping()
        yield Connected(settings, database, JobRepository(database, StatusCache(redis_url, settings.status_ttl_s)))
    finally:
        database.dispose()
