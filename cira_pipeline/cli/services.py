"""Connection of commands to the database and the job queue, by settings or a running `cira up`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from cira_pipeline.db.database import Database
from cira_pipeline.db.jobs.repository import JobRepository
from cira_pipeline.db.jobs.status_cache import StatusCache
from cira_pipeline.errors import ServiceUnreachable
from cira_pipeline.local_stack.running import running_services
from cira_pipeline.settings import Settings, load_settings


def connected_settings() -> Settings:
    """Settings with the addresses of PostgreSQL, Redis, the object store and Dagster's UI.

    They come from the environment or from the `cira up` that runs in this folder. Raises: ConfigurationError when a
    setting is invalid, ServiceUnreachable when no database is configured or running.
    """
    settings = load_settings()
    running = running_services(settings.home)
    if running is not None:
        settings = running.fill_in(settings)
    if settings.postgres_url is None:
        raise ServiceUnreachable(
            "no database: CIRA_POSTGRES_URL is not set and no `cira up` is running in this folder; "
            "start one with `cira up` in another terminal, or set CIRA_POSTGRES_URL"
        )
    return settings


@dataclass(frozen=True)
class Connected:
    """Settings, database and job queue of a command."""

    settings: Settings
    database: Database
    jobs: JobRepository


@contextmanager
def connected() -> Iterator[Connected]:
    """Connects to the database; closes it at the end of the block. Raises: ConfigurationError, ServiceUnreachable."""
    settings = connected_settings()
    database = Database(settings.postgres_url.get_secret_value() if settings.postgres_url else "")
    try:
        database.ping()
        yield Connected(
            settings, database, JobRepository(database, StatusCache(settings.redis_address, settings.status_ttl_s))
        )
    finally:
        database.dispose()
