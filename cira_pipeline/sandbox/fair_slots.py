"""Slots shared fairly among owners (clients): one owner can never take all of them.

An owner that holds none gets any free slot. One that holds some may take another only while at least as many stay free
as it holds, or `spare` when that is fewer, and never more than `usual` (a dynamic threshold: A. K. Choudhury and
E. L. Hahne, IEEE/ACM Transactions on Networking 6(2), 1998). A freed slot goes to the waiting owner that holds fewest.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_WAIT_S = 0.2

_owner: ContextVar[str] = ContextVar("owner", default="")


@contextmanager
def on_behalf_of(owner: str) -> Iterator[None]:
    """Attributes worker requests of this thread to `owner` inside the block. Nested blocks: the innermost wins."""
    token = _owner.set(owner)
    try:
        yield
    finally:
        _owner.reset(token)


def current_owner() -> str:
    """The owner of this thread's requests; empty for work without a client, which shares as one owner."""
    return _owner.get()


class FairSlots:
    """`usual` slots and `spare` ones, shared among owners. Thread-safe."""

    def __init__(self, usual: int, spare: int = 0) -> None:
        self.total = usual + spare
        self._usual = usual
        self._spare = spare
        self._held: Counter[str] = Counter()
        self._waiting: list[str] = []
        """The owner of each waiting ticket, first come first."""
        self._changed = threading.Condition()

    @contextmanager
    def slot(self, owner: str, raise_if_stopped: Callable[[], None]) -> Iterator[int]:
        """Holds a slot for `owner`; yields how many the owner then holds. `raise_if_stopped` ends a useless wait."""
        held = self._take(owner, raise_if_stopped)
        try:
            yield held
        finally:
            with self._changed:
                self._held[owner] -= 1
                self._held += Counter()  # drops owners without slots
                self._changed.notify_all()

    def _take(self, owner: str, raise_if_stopped: Callable[[], None]) -> int:
        with self._changed:
            self._waiting.append(owner)
            try:
                while self._next() != owner:
                    raise_if_stopped()
                    self._changed.wait(_WAIT_S)
            finally:
                self._waiting.remove(owner)
                self._changed.notify_all()
            self._held[owner] += 1
            return self._held[owner]

    def _next(self) -> str | None:
        """The owner that gets the next free slot."""
        able = [owner for owner in self._waiting if self._may_take(owner)]
        return min(able, key=lambda owner: self._held[owner], default=None)

    def _may_take(self, owner: str) -> bool:
        held, free = self._held[owner], self.total - self._held.total()
        return free > 0 and (held == 0 or (held < self._usual and free > min(held, self._spare)))
