"""The download of invoices."""

import dagster as dg
from pydantic import Field

from cira_pipeline.intake.fetch import Fetcher
from cira_pipeline.settings import Settings


class FetcherResource(dg.ConfigurableResource):  # type: ignore[type-arg]
    """Safe fetch of http(s), file and s3 URLs."""

    fetch_timeout_s: float = Field(60, gt=0, description="whole download, redirects included")
    fetch_max_bytes: int = Field(50_000_000, gt=0, description="largest document accepted")
    fetch_allowed_hosts: list[str] = Field([], description="hosts or networks fetched although not public")

    def overrides(self) -> dict[str, object]:
        return {
            "fetch_timeout_s": self.fetch_timeout_s,
            "fetch_max_bytes": self.fetch_max_bytes,
            "fetch_allowed_hosts": tuple(self.fetch_allowed_hosts),
        }

    def fetcher(self, settings: Settings) -> Fetcher:
        return Fetcher(settings)
