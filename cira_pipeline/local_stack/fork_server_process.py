"""The process that readers are forked from, as a child of `cira up` (docs/decisions/0020-forked-readers.md)."""

from __future__ import annotations

import socket
import sys
from collections.abc import Sequence
from pathlib import Path

from cira_pipeline.local_stack.child import CommandChild
from cira_pipeline.sandbox.starting import short_address, worker_environment
from cira_pipeline.settings import inherited_environment

_TIMEOUT_S = 5.0


def fork_server_child(*, address: Path, modules: Sequence[str], folder: Path, log: Path) -> CommandChild:
    """Listens at the Unix socket `address` when `modules` are loaded. `folder` is the one whose mark it carries."""
    return CommandChild(
        name="fork-server",
        arguments=(sys.executable, "-P", "-m", "cira_pipeline.sandbox.fork_server", str(address), *modules),
        # Not what the others get: no secret may be in a process that documents of strangers are opened in.
        environment=worker_environment(inherited_environment()),
        folder=folder,
        log=log,
        ready=lambda: fork_server_answers(address),
        still_answers=lambda: fork_server_answers(address),
    )


def fork_server_answers(address: Path) -> bool:
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as connection, short_address(address) as name:
            connection.settimeout(_TIMEOUT_S)
            connection.connect(name)
    except OSError:
        return False
    return True
