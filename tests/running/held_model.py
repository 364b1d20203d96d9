"""A model that answers from labels, and keeps one question waiting as long as a test wants."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

from tests.azure_standin import LabelAnswers


class HeldModel:
    """`answered` holds every question that was; one with `hold_when` in it is held, unbilled, until `let_go`."""

    def __init__(self, labels: list[Mapping[str, Any]], *, hold_when: str) -> None:
        self.answered: list[str] = []
        self.waiting = threading.Event()
        self._hold_when = hold_when
        self._answers = LabelAnswers(labels)
        self._gone = threading.Event()

    def __call__(self, message: str) -> Mapping[str, Any]:
        if self._hold_when in message and not self._gone.is_set():
            self.waiting.set()
            self._gone.wait(timeout=300)
            # Whoever asked is dead; a server that notices does not send an answer, and so does not bill one.
            raise ConnectionAbortedError
        self.answered.append(message)
        return self._answers(message)

    def let_go(self) -> None:
        self._gone.set()
