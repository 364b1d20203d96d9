"""The chaos benchmark in small: no job and no cent is lost when everything fails at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.chaos import Chaos, Plan

SMALL = Plan(
    jobs=24,
    workers=2,
    threads=5,
    kills=1,
    outage_s=4,
    timeout_s=2,
    deadline_s=8,
    after_the_deadline_s=5,
    breaker_reset_s=2,
    on_the_way_s=1,
    most_s=1_500,
)


@pytest.mark.slow
# Half a minute on an idle machine; a busy one needs minutes for the workers to load alone.
@pytest.mark.timeout(1_700)
def test_every_job_ends_and_every_cent_is_booked_once_whatever_fails(
    migrated_database_url: str, redis_url: str, tmp_path: Path
) -> None:
    outcome = Chaos(SMALL, migrated_database_url, redis_url, tmp_path).run()
    assert outcome.broken == [], "\n".join(f"{what}: {value}" for what, value in outcome.rows)
