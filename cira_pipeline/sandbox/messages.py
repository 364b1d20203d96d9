"""Messages between a process and its worker: JSON and bytes, each prefixed with its length.

Only JSON and nothing executable: a worker that a document has taken over must not take over the requesting process.
"""

from __future__ import annotations

import json
import socket
import struct
import threading
from dataclasses import dataclass
from typing import Any

# Steps of a long request: a worker reports the beginning of each, so that the time of one page can be limited.

_lock = threading.Lock()
_channel: socket.socket | None = None


def report_steps_to(channel: socket.socket) -> None:
    """Makes this process report its steps over `channel`, as a worker."""
    global _channel
    _channel = channel


def step_begins() -> None:
    """Reports the beginning of a step, which ends the time of the step before. Does nothing outside of a worker."""
    if _channel is not None:
        send(_channel, Message({"step": True}))


def send(channel: socket.socket, message: Message) -> None:
    """Sends the whole message, also when several threads of this process send at once."""
    with _lock:
        channel.sendall(packed(message))


_LENGTHS = struct.Struct("!QQ")
HEAD_BYTES = _LENGTHS.size


@dataclass(frozen=True)
class Message:
    """`facts` are JSON; `content` is a document, or what was produced from it."""

    facts: dict[str, Any]
    content: bytes = b""


def packed(message: Message) -> bytes:
    facts = json.dumps(message.facts).encode()
    return b"".join((_LENGTHS.pack(len(facts), len(message.content)), facts, message.content))


def lengths(head: bytes) -> tuple[int, int]:
    """Sizes in bytes of facts and content, decoded from a head of `HEAD_BYTES`."""
    facts, content = _LENGTHS.unpack(head)
    return facts, content


def unpacked(body: bytes, facts_bytes: int) -> Message:
    """Raises: ValueError when the facts are not a JSON object."""
    facts = json.loads(body[:facts_bytes])
    if not isinstance(facts, dict):
        raise ValueError("a message's facts are a JSON object")  # noqa: TRY004 - one kind of error for the receiver
    return Message(facts, body[facts_bytes:])
