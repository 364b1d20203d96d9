"""A tenth of a month through sensor, daemon, runs and tables: nothing lost, nothing twice."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from rich.console import Console

from benchmarks.ten_thousand import processed

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3_600)]

COUNT = 1_000


@pytest.fixture
def folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="cira-month-", dir="/tmp"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def test_no_invoice_of_a_thousand_is_lost_or_done_twice(
    folder: Path, record_property: Callable[[str, object], None]
) -> None:
    outcome = processed(folder, COUNT, Console(stderr=True))
    # How quick is quick enough is the benchmark's to say, on a machine that does nothing else.
    record_property("invoices an hour", f"{outcome.per_hour:,.0f}")
    record_property("MB at the most", f"{outcome.watched.all_bytes / 1e6:,.0f}")
    assert outcome.lost == dict.fromkeys(outcome.lost, 0), outcome.why
    assert outcome.twice == dict.fromkeys(outcome.twice, 0)
