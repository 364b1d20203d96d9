"""HTTP connections to exactly the address that was checked, bounded by the download's deadline."""

from __future__ import annotations

import errno
import ipaddress
import socket
import ssl
from collections.abc import Iterable
from functools import partial
from typing import Any

import httpcore

from cira_pipeline.errors import CiraError, SourceNotFound, SourceUnavailable
from cira_pipeline.intake.addresses import Address, AddressGuard, Resolver
from cira_pipeline.intake.deadline import Deadline, within


class GuardedBackend(httpcore.NetworkBackend):
    """Resolves a host once, checks all its addresses, and connects to one of them.

    If the name were passed on, it would be resolved a second time, perhaps to another address (DNS rebinding). The name
    is still used for `Host` and TLS, which httpcore takes from the URL.
    """

    def __init__(self, guard: AddressGuard, resolver: Resolver, deadline: Deadline) -> None:
        self._guard = guard
        self._resolver = resolver
        self._deadline = deadline
        self._sockets = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        """Raises `AddressRefused`, `SourceNotFound`, `SourceUnavailable`, `DownloadTimedOut` and httpcore's own."""
        failure: httpcore.NetworkError | httpcore.TimeoutException | None = None
        for address in self._addresses(host, port):
            try:
                stream = self._sockets.connect_tcp(
                    str(address), port, _shorter(timeout, self._deadline), local_address, socket_options
                )
            except (httpcore.NetworkError, httpcore.TimeoutException) as error:
                failure = error
            else:
                return _DeadlineStream(stream, self._deadline)
        raise failure or SourceUnavailable(f"{host} has no address")

    def _addresses(self, host: str, port: int) -> tuple[Address, ...]:
        try:
            answers = [str(ipaddress.ip_address(host))]
        except ValueError:
            answers = list(self._looked_up(host, port))
        return self._guard.checked(host, answers)

    def _looked_up(self, host: str, port: int) -> Iterable[str]:
        try:
            return within(self._deadline, partial(self._resolver, host, port))
        except socket.gaierror as error:
            raise _name_failure(host, error) from error


class _DeadlineStream(httpcore.NetworkStream):
    """Bounds all reads and writes together by the download's deadline."""

    def __init__(self, stream: httpcore.NetworkStream, deadline: Deadline) -> None:
        self._stream = stream
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, _shorter(timeout, self._deadline))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, _shorter(timeout, self._deadline))

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        stream = self._stream.start_tls(ssl_context, server_hostname, _shorter(timeout, self._deadline))
        return _DeadlineStream(stream, self._deadline)

    def close(self) -> None:
        self._stream.close()

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


def certificate_failure(error: BaseException) -> ssl.SSLCertVerificationError | None:
    """The certificate verification error that caused an httpcore error, if there is one."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, ssl.SSLCertVerificationError):
            return seen
        seen = seen.__cause__ or seen.__context__
    return None


def _shorter(timeout: float | None, deadline: Deadline) -> float:
    left = deadline.left_s()
    return left if timeout is None else min(timeout, left)


def _name_failure(host: str, error: socket.gaierror) -> CiraError:
    if error.errno in (socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME), errno.ENOENT):
        return SourceNotFound(f"there is no host {host}", host=host)
    return SourceUnavailable(f"the name {host} could not be resolved: {error.strerror}", host=host)
