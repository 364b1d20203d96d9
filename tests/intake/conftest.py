from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cira_pipeline.intake.addresses import Resolver, system_resolver
from cira_pipeline.intake.fetch import Fetcher
from cira_pipeline.settings import Settings
from tests.intake.hostile_server import HostileServer

NewFetcher = Callable[..., Fetcher]


@pytest.fixture
def server() -> Iterator[HostileServer]:
    started = HostileServer()
    yield started
    started.close()


@pytest.fixture
def new_fetcher(tmp_path: Path) -> Iterator[NewFetcher]:
    """Makes fetchers that may reach 127.0.0.1 and nothing else of this machine, and give up soon."""
    made: list[Fetcher] = []

    def new(*, resolver: Resolver = system_resolver, **changed: Any) -> Fetcher:
        values: dict[str, Any] = {
            "home": tmp_path / "home",
            "fetch_allowed_hosts": ("127.0.0.1",),
            "fetch_timeout_s": 10,
            "fetch_stall_timeout_s": 5,
            "fetch_attempts": 1,
            "fetch_max_bytes": 100_000,
        }
        made.append(Fetcher(Settings(_env_file=None, **(values | changed)), resolver=resolver))
        return made[-1]

    yield new
    for fetcher in made:
        fetcher.close()
