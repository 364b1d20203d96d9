"""The most memory that processes hold together while something goes on."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import psutil


@dataclass
class Peak:
    """Proportional set sizes: a page that several processes share counts once among them."""

    all_bytes: int = 0
    largest_bytes: int = 0
    """The most that one process held."""


@contextmanager
def memory_watched(processes: Callable[[], Iterable[psutil.Process]], every_s: float) -> Iterator[Peak]:
    peak, over = Peak(), threading.Event()

    def watch() -> None:
        while not over.wait(every_s):
            sizes = [0]
            # A process may end between being found and being looked at.
            with suppress(psutil.Error):
                found = list(processes())
                for process in found:
                    with suppress(psutil.Error):
                        sizes.append(process.memory_full_info().pss)
            peak.all_bytes = max(peak.all_bytes, sum(sizes))
            peak.largest_bytes = max(peak.largest_bytes, *sizes)

    watching = threading.Thread(target=watch, daemon=True)
    watching.start()
    try:
        yield peak
    finally:
        over.set()
        watching.join()
