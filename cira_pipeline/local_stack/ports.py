"""Which loopback port a service gets: the usual one, or any free one when that is taken."""

from __future__ import annotations

import fcntl
import os
import socket
import tempfile
from contextlib import closing
from pathlib import Path

LOOPBACK = "127.0.0.1"

# Port -> descriptor of its lock file, held until this process ends.
_claimed: dict[int, int] = {}


def free_port(usual: int | None = None) -> int:
    """`usual` when nothing on this machine listens there, otherwise a port the system picks.

    A usual port is claimed for this process: seconds pass until its service listens, and another `cira up` that starts
    meanwhile must not choose the same. Programs other than CIRA may still be faster.
    """
    if usual is not None and _claim(usual) and _free(usual):
        return usual
    with closing(socket.socket(socket.AF_INET, socket.SOCK_STREAM)) as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def listening(port: int) -> bool:
    """Whether something answers on the loopback port."""
    with closing(socket.socket(socket.AF_INET, socket.SOCK_STREAM)) as probe:
        probe.settimeout(1)
        return probe.connect_ex((LOOPBACK, port)) == 0


def listening_at(path: Path) -> bool:
    """Whether something answers on the Unix socket."""
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)) as probe:
        probe.settimeout(1)
        return probe.connect_ex(str(path)) == 0


def _claim(port: int) -> bool:
    """Whether no other process of this user has chosen the port; the system ends a claim with its process."""
    if port in _claimed:
        return True
    path = Path(tempfile.gettempdir()) / f"cira-{os.getuid()}-port-{port}.lock"
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    except OSError:
        return True  # no place for lock files: then as without them
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return False
    _claimed[port] = descriptor
    return True


def _free(port: int) -> bool:
    # A service that listens on all addresses or on IPv6 only leaves the loopback address bindable on some systems.
    for family, address in ((socket.AF_INET, LOOPBACK), (socket.AF_INET, ""), (socket.AF_INET6, "::1")):
        with closing(socket.socket(family, socket.SOCK_STREAM)) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((address, port))
            except OSError as error:
                if family is socket.AF_INET6 and not isinstance(error, PermissionError) and error.errno not in (48, 98):
                    continue  # a machine without IPv6
                return False
    return True
