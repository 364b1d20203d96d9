"""How pytest-xdist's workers share the tests out: by file, what may take long first, the heaviest on one worker."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import pytest
from xdist.scheduler import LoadScopeScheduling

# Each of these keeps all of the machine busy for a while. Two at once would only make each other late; beside them,
# the other worker has everything else to do.
_WHOLE_MACHINE = (
    "tests/running/",
    "tests/local_stack/",
    "tests/cli/test_demo.py",
    "tests/pipeline/test_chaos.py",
    "tests/test_wheel.py",
)


class FileByFile(LoadScopeScheduling):
    """A file's fixtures serve all its tests, so one worker does them all. Files come in the order of collection."""

    def _split_scope(self, nodeid: str) -> str:
        return unit_of(nodeid)


def unit_of(nodeid: str) -> str:
    file = nodeid.partition("::")[0]
    return "whole machine" if file.startswith(_WHOLE_MACHINE) else file


def longest_first(items: Sequence[pytest.Item]) -> list[pytest.Item]:
    """What may take long goes first, so that no worker waits for another at the end."""
    patience = defaultdict[str, float](float)
    for item in items:
        unit = unit_of(item.nodeid)
        patience[unit] = max(patience[unit], _patience_s(item))
    return sorted(items, key=lambda item: -patience[unit_of(item.nodeid)])


def _patience_s(item: pytest.Item) -> float:
    """The timeout that a test asks for itself tells how long it may take."""
    timeout, slow = item.get_closest_marker("timeout"), item.get_closest_marker("slow")
    return float(timeout.args[0]) if timeout else float(slow is not None)
