"""Downloads from http(s):// URLs of untrusted servers: slow, endless, lying, or redirecting into the own network."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from email.message import Message
from functools import cached_property
from urllib.parse import urljoin, urlsplit

import httpcore

from cira_pipeline.errors import (
    CiraError,
    RedirectRefused,
    SourceAnswerInvalid,
    SourceForbidden,
    SourceNotFound,
    SourceUnavailable,
    SourceUntrusted,
    TooManyRedirects,
    UrlInvalid,
)
from cira_pipeline.intake.addresses import AddressGuard, Resolver
from cira_pipeline.intake.content_encoding import decoded
from cira_pipeline.intake.deadline import Deadline
from cira_pipeline.intake.fetched import Fetched, SizeLimit, name_from_url, plain_file_name
from cira_pipeline.intake.http_connection import GuardedBackend, certificate_failure
from cira_pipeline.intake.url import display_url, normalise_url
from cira_pipeline.resilience.retry_after import retry_after_s

_REDIRECTS = (301, 302, 303, 307, 308)
_NOT_FOUND = (404, 410)
_FORBIDDEN = (401, 403, 407, 451)
_MAY_PASS = (202, 408, 421, 425, 429)
_REQUEST_HEADERS: dict[bytes | str, bytes | str] = {
    "User-Agent": "CIRA-invoice-intake",
    "Accept": "application/pdf, application/xml, text/xml, image/png, image/jpeg, image/tiff, */*;q=0.5",
    # Compressed answers are understood, but an uncompressed file needs no unpacking.
    "Accept-Encoding": "identity",
    "Connection": "close",
}


@dataclass(frozen=True)
class _Redirect:
    location: str


class HttpDownload:
    """Downloads over HTTP/1.1, with one connection for each request, and ignores proxies set in the environment.

    `stall_s`: longest accepted silence within one attempt, in seconds. Thread-safe.
    """

    def __init__(
        self, *, guard: AddressGuard, resolver: Resolver, max_bytes: int, max_redirects: int, stall_s: float
    ) -> None:
        self._guard = guard
        self._resolver = resolver
        self._max_bytes = max_bytes
        self._max_redirects = max_redirects
        self._stall_s = stall_s

    def fetch(self, url: str, deadline: Deadline) -> Fetched:
        """One attempt for a normalised URL; redirects are followed and each hop is checked like the first.

        Raises the leaves of `IntakeError`; `SourceUnavailable` has `retry_after_s` when the server asked for a pause.
        """
        hop = url
        for _ in range(self._max_redirects + 1):
            answer = self._ask(hop, deadline)
            if isinstance(answer, Fetched):
                return answer
            hop = _next_hop(hop, answer.location)
        raise TooManyRedirects(f"{display_url(url)} redirects more than {self._max_redirects} times")

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        """TLS context with the certificate authorities of the system and of certifi, which takes a while to load."""
        return httpcore.default_ssl_context()

    def _ask(self, url: str, deadline: Deadline) -> Fetched | _Redirect:
        parts = urlsplit(url)
        target = f"{parts.path}?{parts.query}" if parts.query else parts.path
        request_url = httpcore.URL(scheme=parts.scheme, host=parts.hostname or "", port=parts.port, target=target)
        backend = GuardedBackend(self._guard, self._resolver, deadline)
        tls = self._tls if parts.scheme == "https" else None
        connection = httpcore.HTTPConnection(request_url.origin, tls, network_backend=backend)
        try:
            with (
                connection,
                connection.stream(
                    "GET",
                    request_url,
                    headers={"Host": parts.netloc, **_REQUEST_HEADERS},
                    extensions={"timeout": dict.fromkeys(("connect", "read", "write"), self._stall_s)},
                ) as response,
            ):
                return self._judged(url, response)
        except httpcore.TimeoutException as error:
            deadline.left_s()
            raise SourceUnavailable(f"{parts.hostname} sent nothing for {self._stall_s:g} s") from error
        except (httpcore.NetworkError, httpcore.ProtocolError) as error:
            raise _connection_failure(parts.hostname, error) from error

    def _judged(self, url: str, response: httpcore.Response) -> Fetched | _Redirect:
        headers = _headers(response)
        location = headers["Location"]
        if response.status in _REDIRECTS and location:
            return _Redirect(location)
        if response.status != 200:
            raise _status_failure(url, response.status, headers)
        limit = SizeLimit(self._max_bytes)
        announced = headers["Content-Length"] or ""
        if announced.isdigit():
            limit.check_announced(int(announced))
        content = b"".join(decoded(response.iter_stream(), headers["Content-Encoding"], limit))
        return Fetched(
            content,
            final_url=url,
            file_name=_claimed_name(headers) or name_from_url(url),
            declared_media_type=headers.get_content_type() if headers["Content-Type"] else None,
        )


def _headers(response: httpcore.Response) -> Message:
    """Header fields with case-insensitive names; of repeated ones the first counts."""
    message = Message()
    for name, value in response.headers:
        message[name.decode("latin-1")] = _text(value)
    return message


def _claimed_name(headers: Message) -> str | None:
    """The file name in `Content-Disposition` (RFC 6266)."""
    try:
        return plain_file_name(headers.get_filename())
    except (TypeError, ValueError):
        # The standard library's parser fails on some malformed parameters; the name is for people only.
        return None


def _text(value: bytes) -> str:
    """Decodes a header: ASCII or Latin-1 by the standard, but file names in UTF-8 are common."""
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value.decode("latin-1")


def _next_hop(url: str, location: str) -> str:
    try:
        target = urljoin(url, location)
    except ValueError as error:
        raise UrlInvalid(f"{display_url(url)} redirects to a URL whose host or port is malformed") from error
    hop = normalise_url(target)
    before, after = urlsplit(url).scheme, urlsplit(hop).scheme
    if after not in ("http", "https"):
        raise RedirectRefused(f"{display_url(url)} redirects to a {after}: URL")
    if (before, after) == ("https", "http"):
        raise RedirectRefused(
            f"{display_url(url)} redirects from https to {display_url(hop)}, which could be modified in transit"
        )
    return hop


def _status_failure(url: str, status: int, headers: Message) -> CiraError:
    what = f"the server answered {display_url(url)} with status {status}"
    if status in _NOT_FOUND:
        return SourceNotFound(what, status=status)
    if status in _FORBIDDEN:
        return SourceForbidden(what, status=status)
    if status in _MAY_PASS or status >= 500:
        return SourceUnavailable(what, status=status, retry_after_s=retry_after_s(headers["Retry-After"]))
    return SourceAnswerInvalid(what, status=status)


def _connection_failure(host: str | None, error: Exception) -> CiraError:
    refused = certificate_failure(error)
    if refused is not None:
        return SourceUntrusted(f"the certificate of {host} is not valid: {refused.verify_message}")
    return SourceUnavailable(f"the connection to {host} failed: {error or type(error).__name__}")
