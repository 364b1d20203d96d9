from __future__ import annotations

import socket
import subprocess
import sys
from contextlib import closing

import pytest

from cira_pipeline.local_stack.ports import free_port, listening


@pytest.mark.parametrize("address", ["127.0.0.1", "0.0.0.0"])
def test_a_taken_port_is_left_alone_and_another_one_found(address: str) -> None:
    with closing(socket.socket()) as taken:
        taken.bind((address, 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert listening(port)
        assert free_port(port) != port


def test_the_usual_port_is_taken_when_it_is_free() -> None:
    port = free_port()
    assert free_port(port) == port


def test_two_that_start_at_once_do_not_choose_the_same_port() -> None:
    port = free_port()
    assert free_port(port) == port, "and nothing listens there yet"
    chosen = f"from cira_pipeline.local_stack.ports import free_port; print(free_port({port}))"
    other = subprocess.run([sys.executable, "-c", chosen], capture_output=True, text=True, check=True, timeout=60)
    assert int(other.stdout) != port
