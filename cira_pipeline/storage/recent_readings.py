"""Readings of the documents that are in flight, so that the stages after the first do not parse them anew."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Final

from cira_pipeline.values import Reading

MOST_LINES: Final = 5_000
"""All readings kept together: about 25 MB, more than the invoices of one run's threads usually have."""


class RecentReadings:
    """Readings by their key in the object store; the one that was longest unused goes first. Thread-safe."""

    def __init__(self, most_lines: int = MOST_LINES) -> None:
        self._most_lines = most_lines
        self._lines = 0
        self._readings: OrderedDict[str, Reading] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: str) -> Reading | None:
        with self._lock:
            if key not in self._readings:
                return None
            self._readings.move_to_end(key)
            return self._readings[key]

    def keep(self, key: str, reading: Reading) -> None:
        """In place of what was kept under `key`. One with more lines than all may have together is not kept."""
        with self._lock:
            self._lines -= len(self._readings.pop(key).lines) if key in self._readings else 0
            if len(reading.lines) > self._most_lines:
                return
            self._readings[key] = reading
            self._lines += len(reading.lines)
            while self._lines > self._most_lines:
                _, longest_unused = self._readings.popitem(last=False)
                self._lines -= len(longest_unused.lines)
