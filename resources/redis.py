"""Resource for Redis or Valkey: status cache and state shared by processes. Optional; PostgreSQL has the statuses."""

from functools import lru_cache

import dagster as dg
from pydantic import Field

from cira_pipeline.db.jobs.status_cache import StatusCache


class RedisResource(dg.ConfigurableResource):  # type: ignore[type-arg]
    """Write-through status cache."""

    url: str = Field("", description="redis://host:6379/0; empty: no cache. Environment variable CIRA_REDIS_URL")
    status_ttl_s: int = Field(3600, gt=0, description="seconds a job's status stays in the cache")

    def status_cache(self) -> StatusCache:
        return _status_cache(self.url, self.status_ttl_s)


@lru_cache(maxsize=4)
def _status_cache(url: str, ttl_s: int) -> StatusCache:
    return StatusCache(url or None, ttl_s)
