"""A thread that does one step again and again and cannot be ended by what a step raises."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

_log = logging.getLogger(__name__)


class Watch:
    """Calls `step` every `every_s` seconds from `start` until `stopping` is set.

    An exception of a step is told by `say` (a repetition of the same one only in the log), counted, and survived.
    Should the thread end for another reason all the same, `alive` turns false: the supervisor then ends with an error,
    for a service that nothing watches is worse than one that is known to be down.
    """

    def __init__(
        self,
        name: str,
        step: Callable[[], None],
        *,
        every_s: float,
        stopping: threading.Event,
        say: Callable[[str], None],
    ) -> None:
        self.name = name
        self.failures = 0
        self._step = step
        self._every_s = every_s
        self._stopping = stopping
        self._say = say
        self._told: str | None = None
        self._thread = threading.Thread(target=self._run, name=f"watch over {name}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()

    def join(self, timeout_s: float) -> None:
        self._thread.join(timeout_s)

    def _run(self) -> None:
        while not self._stopping.wait(self._every_s):
            try:
                self._step()
            except Exception as error:  # noqa: BLE001 - whatever it is, the watch goes on
                self._survive(error)
            else:
                self._told = None

    def _survive(self, error: Exception) -> None:
        self.failures += 1
        what = f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"
        _log.warning("watch over %s: failure %d", self.name, self.failures, exc_info=error)
        if what != self._told:
            self._told = what
            self._say(f"The watch over {self.name} goes on after an error: {what}")
