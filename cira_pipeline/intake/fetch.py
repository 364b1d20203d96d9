"""Downloads documents from http(s), file and S3 URLs, with limits, a deadline and retries."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from urllib.parse import urlsplit

from cira_pipeline.intake.addresses import AddressGuard, Resolver, system_resolver
from cira_pipeline.intake.deadline import Deadline
from cira_pipeline.intake.fetched import Fetched
from cira_pipeline.intake.file_download import FileDownload
from cira_pipeline.intake.http_download import HttpDownload
from cira_pipeline.intake.s3_download import S3Download
from cira_pipeline.intake.url import normalise_url, source_host
from cira_pipeline.resilience.retry import RetryPolicy
from cira_pipeline.resilience.source_hosts import source_hosts_from_settings
from cira_pipeline.settings import Settings

__all__ = ["Fetched", "Fetcher"]


class Fetcher:
    """Downloads documents. Thread-safe. Must be closed with `close`.

    `settings` state the limits (`fetch_*`, `file_roots`, `s3_endpoint_url`); `resolver` resolves host names.
    """

    def __init__(self, settings: Settings, *, resolver: Resolver = system_resolver) -> None:
        self.hosts = source_hosts_from_settings(settings)
        self._timeout_s = settings.fetch_timeout_s
        self._retries = RetryPolicy(attempts=settings.fetch_attempts, deadline_s=settings.fetch_timeout_s)
        self._http = HttpDownload(
            guard=AddressGuard(settings.fetch_allowed_hosts),
            resolver=resolver,
            max_bytes=settings.fetch_max_bytes,
            max_redirects=settings.fetch_max_redirects,
            stall_s=settings.fetch_stall_timeout_s,
        )
        self._files = FileDownload((*settings.file_roots, settings.inbox_path), settings.fetch_max_bytes)
        self._s3 = S3Download(settings)

    def fetch(self, url: str) -> Fetched:
        """Downloads a URL's document, at most `fetch_max_bytes` long, within `fetch_timeout_s` in all.

        Temporary failures (resets, silence, 5xx, 429) are retried up to `fetch_attempts` times within that time, unless
        the host is paused. Raises the leaves of `IntakeError`, with `paused_s` for failures of a paused host.
        """
        address = normalise_url(url)
        deadline = Deadline.after(self._timeout_s)
        return self._retries.call(partial(self._one_try, address, deadline))

    def _one_try(self, address: str, deadline: Deadline) -> Fetched:
        host = source_host(address)
        download = self._download_for(address)
        if host is None:
            return download(address, deadline)
        with self.hosts.asking(host, longest_s=deadline.left_s()):
            return download(address, deadline)

    def _download_for(self, address: str) -> Callable[[str, Deadline], Fetched]:
        match urlsplit(address).scheme:
            case "file":
                return self._files.fetch
            case "s3":
                return self._s3.fetch
            case _:
                return self._http.fetch

    def close(self) -> None:
        """Closes connections; downloads under way end by themselves."""
        self._s3.close()
        self.hosts.close()
