"""What a worker calls in place of the reader: a converter that does to its process what a hostile file does."""

from __future__ import annotations

import ctypes
import os
import stat
import sys
import time
from contextlib import suppress
from pathlib import Path

from cira_pipeline.errors import ReadingFailed, ReadingTimedOut
from cira_pipeline.sandbox.messages import Message, step_begins

CRASHING, ENDLESS = b"\n%crashing\n", b"\n%endless\n"
"""Comments after a PDF's end."""


def echo(request: Message) -> Message:
    return Message({"pid": os.getpid(), **request.facts}, request.content)


def environment(_request: Message) -> Message:
    return Message({"names": sorted(os.environ), "values": sorted(os.environ.values())})


def act(request: Message) -> Message:
    """Does what the document says, and echoes all others."""
    acts = {
        b"crash": lambda: ctypes.string_at(0),
        b"exit": lambda: os._exit(3),
        b"hang": lambda: ctypes.CDLL(None).pause(),
        b"hang holding the interpreter": lambda: ctypes.PyDLL(None).pause(),
        b"swell": _swell,
        b"claim": lambda: bytearray(1 << 40),
        b"compute": _compute,
        b"compute half the time": _compute_half_the_time,
        b"crash late": _crash_late,
        b"page after page": _page_after_page,
        b"an endless page": _endless_page,
        b"refuse": _refuse,
        b"give up": _give_up,
    }
    act = acts.get(request.content)
    if act is not None:
        act()
    return echo(request)


def crash_once(request: Message) -> Message:
    """Crashes the first worker that gets the document; its content names a file that remembers that."""
    seen = Path(request.content.decode())
    if not seen.exists():
        seen.touch()
        ctypes.string_at(0)
    return echo(request)


def garbage(_request: Message) -> Message:
    """Answers past all rules, as a worker that a document has taken over would."""
    for descriptor in list(Path("/proc/self/fd").iterdir()):
        number = int(descriptor.name)
        with suppress(OSError):
            if number > sys.stderr.fileno() and stat.S_ISSOCK(os.fstat(number).st_mode):
                os.write(number, b"\xff" * 4096)
    os._exit(0)


def read(request: Message) -> Message:
    """The real reader, which a document marked at its end crashes or holds up."""
    from cira_pipeline.ocr import in_worker

    if request.content.endswith(CRASHING):
        ctypes.string_at(0)
    if request.content.endswith(ENDLESS):
        ctypes.PyDLL(None).pause()
    return in_worker.read(request)


def _swell() -> None:
    held = []
    while True:
        held.append(b"x" * 20_000_000)
        time.sleep(0.005)


def _compute() -> None:
    while True:
        pass


def _compute_half_the_time() -> None:
    """A second of work on a machine whose other half works for others."""
    ends_at = time.process_time() + 1
    while (started := time.process_time()) < ends_at:
        while time.process_time() < started + 0.05:
            pass
        time.sleep(0.05)


def _crash_late() -> None:
    time.sleep(2)
    ctypes.string_at(0)


def _page_after_page() -> None:
    for _ in range(6):
        step_begins()
        time.sleep(0.3)


def _endless_page() -> None:
    step_begins()
    _compute()


def _refuse() -> None:
    raise ReadingFailed("page 2 is damaged", page=2)


def _give_up() -> None:
    raise ReadingTimedOut("time is up")
