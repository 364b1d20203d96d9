"""Which loopback port a service gets: the usual one, or any free one when that is taken."""

from __future__ import annotations

import socket
from contextlib import closing

LOOPBACK = "127.0.0.1"


def free_port(usual: int | None = None) -> int:
    """`usual` when nothing on this machine listens there, otherwise a port the system picks.

    Another process may still take the port before its user binds it; services that fail to bind are started again.
    """
    if usual is not None and _free(usual):
        return usual
    with closing(socket.socket(socket.AF_INET, socket.SOCK_STREAM)) as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def listening(port: int) -> bool:
    """Whether something answers on the loopback port."""
    with closing(socket.socket(socket.AF_INET, socket.SOCK_STREAM)) as probe:
        probe.settimeout(1)
        return probe.connect_ex((LOOPBACK, port)) == 0


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
