"""Sends one webhook over HTTP to an untrusted receiver, with a timeout and a check of the resolved address."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from urllib.parse import urlsplit

import httpcore

from cira_pipeline.errors import (
    DownloadTimedOut,
    SourceNotFound,
    SourceUnavailable,
    WebhookGone,
    WebhookRedirected,
    WebhookRefused,
    WebhookTimedOut,
    WebhookUnreachable,
    WebhookUntrusted,
)
from cira_pipeline.intake.addresses import Resolver, system_resolver
from cira_pipeline.intake.deadline import Deadline
from cira_pipeline.intake.http_connection import GuardedBackend, certificate_failure
from cira_pipeline.resilience.retry_after import retry_after_s
from cira_pipeline.settings import Settings
from cira_pipeline.webhooks.callback import callback_guard, checked_callback

_SENT_ALWAYS = {
    "User-Agent": "CIRA-webhooks",
    "Content-Type": "application/json",
    "Accept-Encoding": "identity",
    "Connection": "close",
}
_DOWN = (408, 425, 429)


@dataclass(frozen=True)
class Delivered:
    """The receiver accepted the event with a 2xx status."""

    http_status: int


class Sender:
    """HTTP/1.1 client for webhooks, with one connection per attempt to the address that was checked.

    Proxies from the environment are not used. Thread-safe. Raises: ConfigurationError.
    """

    def __init__(self, settings: Settings, *, resolver: Resolver = system_resolver) -> None:
        self._settings = settings
        self._guard = callback_guard(settings)
        self._resolver = resolver

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        """Certificates are checked against the system's authorities and certifi's."""
        return httpcore.default_ssl_context()

    def send(self, url: str, headers: Mapping[str, str], body: bytes) -> Delivered:
        """Sends once, within `webhook_timeout_s` from name resolution to the status; the response's body is not read.

        Raises: AddressRefused, UrlInvalid, UrlSchemeUnsupported, WebhookRefused, WebhookRedirected, WebhookGone,
        WebhookTimedOut, WebhookUnreachable, WebhookUntrusted. Details: `http_status` and `retry_after_s` if there were
        any, and `down` if the receiver seems to be down.
        """
        deadline = Deadline.after(self._settings.webhook_timeout_s)
        # Checked again: the settings may have become stricter since the job was submitted.
        parts = urlsplit(checked_callback(url, self._settings))
        target = f"{parts.path}?{parts.query}" if parts.query else parts.path
        address = httpcore.URL(scheme=parts.scheme, host=parts.hostname or "", port=parts.port, target=target)
        backend = GuardedBackend(self._guard, self._resolver, deadline)
        tls = self._tls if parts.scheme == "https" else None
        sent = {"Host": parts.netloc, **_SENT_ALWAYS, "Content-Length": str(len(body)), **headers}
        try:
            with (
                httpcore.HTTPConnection(address.origin, tls, network_backend=backend) as connection,
                connection.stream("POST", address, headers=list(sent.items()), content=body) as response,
            ):
                status, after = response.status, _retry_after(response)
        except (DownloadTimedOut, httpcore.TimeoutException) as error:
            allowed_s = self._settings.webhook_timeout_s
            raise WebhookTimedOut(f"{parts.hostname} did not answer within {allowed_s:g} s", down=True) from error
        except (SourceNotFound, SourceUnavailable) as error:
            raise WebhookUnreachable(error.message, down=True) from error
        except (httpcore.NetworkError, httpcore.ProtocolError) as error:
            if (refused := certificate_failure(error)) is not None:
                raise WebhookUntrusted(
                    f"the TLS certificate of {parts.hostname} is invalid: {refused.verify_message}"
                ) from error
            reason = str(error) or type(error).__name__
            raise WebhookUnreachable(f"the connection to {parts.hostname} failed: {reason}", down=True) from error
        return _judged(parts.hostname or "", status, after)


def _retry_after(response: httpcore.Response) -> float | None:
    values = (value for name, value in response.headers if name.lower() == b"retry-after")
    return retry_after_s(next(values, b"").decode("latin-1"))


def _judged(host: str, status: int, after_s: float | None) -> Delivered:
    if 200 <= status < 300:
        return Delivered(status)
    what = f"{host} answered with status {status}"
    if status == 410:
        raise WebhookGone(what, http_status=status)
    if 300 <= status < 400:
        raise WebhookRedirected(what, http_status=status)
    down = status >= 500 or status in _DOWN
    raise WebhookRefused(what, http_status=status, retry_after_s=after_s if down else None, down=down)
