"""Resource for downloading invoices."""

import dagster as dg
from pydantic import Field

from cira_pipeline.intake.fetch import Fetcher
from cira_pipeline.settings import Settings


class FetcherResource(dg.ConfigurableResource):  # type: ignore[type-arg]
    """Safe downloads from http(s), file and s3 URLs."""

    fetch_timeout_s: float = Field(60, gt=0, description="seconds for a whole download, redirects included")
    fetch_max_bytes: int = Field(50_000_000, gt=0, description="largest accepted document, in bytes")
    fetch_allowed_hosts: list[str] = Field([], description="hosts or networks that are allowed although not public")

    def overrides(self) -> dict[str, object]:
        return {
            "fetch_timeout_s": self.fetch_timeout_s,
            "fetch_max_bytes": self.fetch_max_bytes,
            "fetch_allowed_hosts": tuple(self.fetch_allowed_hosts),
        }

    def fetcher(self, settings: Settings) -> Fetcher:
        return Fetcher(settings)
