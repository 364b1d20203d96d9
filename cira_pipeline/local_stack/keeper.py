"""Keeps one child running and answering: started again when it ended, ended when it lives and does not answer."""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path

from cira_pipeline.db.disk_space import is_out_of_space
from cira_pipeline.errors import CiraError
from cira_pipeline.local_stack.child import Child

# A log that another process appends to is cut when it has grown long, without that process noticing.


def shorten(log: Path, max_bytes: int) -> None:
    """Keep one earlier part beside it (`.log.1`) and begin anew; what is written meanwhile may be lost.

    The file stays the same, for it is open for appending elsewhere. On a full disk nothing is kept. Raises: OSError.
    """
    try:
        if log.stat().st_size <= max_bytes:
            return
    except FileNotFoundError:
        return
    earlier = log.with_suffix(".log.1")
    try:
        shutil.copyfile(log, earlier)
        earlier.chmod(0o600)
    except OSError as error:
        if not is_out_of_space(error):
            raise
        earlier.unlink(missing_ok=True)
    os.truncate(log, 0)


PROBE_EVERY_S = 5.0
FEWEST_FAILED_PROBES = 3
"""So that a supervisor that itself stood still for long does not take its own pause for the child's."""
_FIRST_RESTART_DELAY_S = 1.0
LONGEST_RESTART_DELAY_S = 60.0
# A child that ran this long had recovered; its next death starts the count anew.
_RECOVERED_AFTER_S = 120.0


class Keeper:
    """One `look` a moment, by one thread; `stop` by another one ends the child for good.

    A child that ran once is never given up: what ends it (a full disk, memory, the database) may take hours to pass.
    """

    def __init__(
        self,
        child: Child,
        *,
        say: Callable[[str], None],
        stopping: threading.Event,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.child = child
        self.restarts = 0
        """How often it was started again."""
        self._say = say
        self._stopping = stopping
        self._monotonic = monotonic
        self._changing = threading.Lock()
        self._in_a_row = 0
        self._started = monotonic()
        self._next_try: float | None = None
        self._next_probe = 0.0
        self._failed_probes = 0
        self._answered = monotonic()

    def look(self) -> None:
        """Raises: whatever starting the child raises that is no CiraError; it is tried again at the next look."""
        if self.child.pid is None:
            self._revive()
        elif self._monotonic() >= self._next_probe:
            self._probe()

    def stop(self) -> None:
        """To be called when `stopping` is set: the child is not started again."""
        with self._changing:
            self.child.stop()

    def _revive(self) -> None:
        now = self._monotonic()
        if self._next_try is None:
            self._in_a_row = 0 if now - self._started > _RECOVERED_AFTER_S else self._in_a_row
            delay = min(_FIRST_RESTART_DELAY_S * 2.0 ** min(self._in_a_row, 10), LONGEST_RESTART_DELAY_S)
            times = f" for the {self._in_a_row + 1}th time in a row" if self._in_a_row > 2 else ""
            self._next_try = now + delay
            self._in_a_row += 1
            self._say(f"{self.child.name} ended{times}; starting it again in {delay:.0f} s (log: {self.child.log})")
        if now < self._next_try:
            return
        self._next_try, self._started = None, now
        with self._changing:
            if self._stopping.is_set():
                return
            self.child.stop()
            self.child.launch()
            self.restarts += 1
        try:
            self.child.wait_until_ready()
        except CiraError as error:
            self._say(f"{self.child.name} did not start: {error.message.splitlines()[0]}")
        else:
            self._say(f"{self.child.name} runs again")
        finally:
            self._heard()

    def _probe(self) -> None:
        began = self._monotonic()
        try:
            answers = self.child.answers()
        finally:
            self._next_probe = self._monotonic() + PROBE_EVERY_S
            self._failed_probes += 1
        if answers:
            self._heard()
            return
        silent_s = began - self._answered
        if self._failed_probes < FEWEST_FAILED_PROBES or silent_s < self.child.silence_patience_s:
            return
        self._say(
            f"{self.child.name} lives but has not answered for {silent_s:.0f} s; ending it (log: {self.child.log})"
        )
        with self._changing:
            self.child.stop()

    def _heard(self) -> None:
        self._failed_probes, self._answered = 0, self._monotonic()
