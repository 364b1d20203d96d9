"""Steps of a long request: a worker reports each one it begins, so that the time of one page can be limited."""

from __future__ import annotations

import socket
import threading

from cira_pipeline.isolation.messages import Message, packed

_lock = threading.Lock()
_channel: socket.socket | None = None


def report_steps_to(channel: socket.socket) -> None:
    """From now on this process is a worker."""
    global _channel
    _channel = channel


def step_begins() -> None:
    """Ends the time of the step before. Does nothing outside of a worker."""
    if _channel is not None:
        send(_channel, Message({"step": True}))


def send(channel: socket.socket, message: Message) -> None:
    """Whole, whichever threads of this process send at once."""
    with _lock:
        channel.sendall(packed(message))
