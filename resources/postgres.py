"""Resource for PostgreSQL with CIRA's tables."""

from functools import lru_cache

import dagster as dg
from pydantic import Field

from cira_pipeline.db.database import Database


class PostgresResource(dg.ConfigurableResource):  # type: ignore[type-arg]
    """Jobs, results and costs in PostgreSQL."""

    url: str = Field(description="postgresql://user:password@host/database; environment variable CIRA_POSTGRES_URL")

    def database(self) -> Database:
        """The database, with one connection pool for the life of the process, so that a sensor tick opens none."""
        return _database(self.url)


@lru_cache(maxsize=4)
def _database(url: str) -> Database:
    return Database(url)
