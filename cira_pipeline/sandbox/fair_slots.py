"""Slots shared among owners (clients): whatever one owner does, some stay free for the others.

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
    """What this thread asks of workers inside the block counts as the owner's. Nested blocks: the innermost counts."""
    token = _owner.set(owner)
    try:
        yield
    finally:
        _owner.reset(token)


def current_owner() -> str:
    """Empty for work that no client is behind, which then shares as one owner does."""
    return _owner.get()


class FairSlots:
    """`usual` slots and `spare` ones. Thread-safe."""

    def __init__(self, usual: int, spare: int = 0) -> None:
        self.total = usual + spare
        self._usual = usual
        self._spare = spare
        self._held: Counter[str] = Counter()
        self._waiting: list[str] = []
        """The owner of each ticket that waits, first come first."""
        self._changed = threading.Condition()

    @contextmanager
    def slot(self, owner: str, go_on: Callable[[], None]) -> Iterator[int]:
        """Holds a slot for `owner`; yields how many the owner then holds. `go_on` raises when waiting has no use."""
        held = self._take(owner, go_on)
        try:
            yield held
        finally:
            with self._changed:
                self._held[owner] -= 1
                self._held += Counter()  # forgets owners without slots
                self._changed.notify_all()

    def _take(self, owner: str, go_on: Callable[[], None]) -> int:
        with self._changed:
            self._waiting.append(owner)
            try:
                while self._next() != owner:
                    go_on()
                    self._changed.wait(_WAIT_S)
            finally:
                self._waiting.remove(owner)
                self._changed.notify_all()
            self._held[owner] += 1
            return self._held[owner]

    def _next(self) -> str | None:
        """The owner that gets the next slot."""
        able = [owner for owner in self._waiting if self._may_take(owner)]
        return min(able, key=lambda owner: self._held[owner], default=None)

    def _may_take(self, owner: str) -> bool:
        held, free = self._held[owner], self.total - self._held.total()
        return free > 0 and (held == 0 or (held < self._usual and free > min(held, self._spare)))
