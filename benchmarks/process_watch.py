"""Measures peak memory and processor time of a group of processes."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

import psutil


@dataclass
class Watched:
    """Proportional set sizes: a page that several processes share counts once among them."""

    all_bytes: int = 0
    largest_bytes: int = 0
    """The most that one process held."""
    cpu_s: dict[str, float] = field(default_factory=dict)
    """By role of the process. Of a process that has ended, the time after its last sample is missing."""


@contextmanager
def processes_watched(
    processes: Callable[[], Iterable[psutil.Process]],
    every_s: float,
    role: Callable[[psutil.Process], str] = lambda _process: "all",
) -> Iterator[Watched]:
    watched, over = Watched(), threading.Event()
    roles: dict[psutil.Process, str] = {}
    before: dict[psutil.Process, float] = {}
    after: dict[psutil.Process, float] = {}

    def look() -> None:
        sizes = [0]
        # A process may end between being found and being looked at.
        with suppress(psutil.Error):
            for process in processes():
                with suppress(psutil.Error):
                    if process not in roles:
                        roles[process] = role(process)
                    after[process] = _cpu_s(process)
                    sizes.append(process.memory_full_info().pss)
        watched.all_bytes = max(watched.all_bytes, sum(sizes))
        watched.largest_bytes = max(watched.largest_bytes, *sizes)

    def watch() -> None:
        while not over.wait(every_s):
            look()

    look()
    before |= after
    watching = threading.Thread(target=watch, daemon=True)
    watching.start()
    try:
        yield watched
    finally:
        over.set()
        watching.join()
        look()
        by_role: defaultdict[str, float] = defaultdict(float)
        for process, seconds in after.items():
            by_role[roles[process]] += seconds - before.get(process, 0)
        watched.cpu_s = dict(sorted(by_role.items(), key=lambda each: -each[1]))


def _cpu_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system
