"""One `cira up` for the tests that leave it as they found it: starting one takes longer than most of them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.local_stack.supervised import Supervised

SECRETS = {"CIRA_ANALYST_PASSWORD": "an analyst's secret", "AWS_SECRET_ACCESS_KEY": "a secret of the store"}


class SharedUp:
    """Started for the first test that needs it, and again after a test that ended it, in a folder of its own."""

    def __init__(self, factory: pytest.TempPathFactory) -> None:
        self._factory = factory
        self._running: Supervised | None = None

    def running(self) -> Supervised:
        if self._running is None or self._running.process.poll() is not None:
            self._running = Supervised(self._factory.mktemp("up") / ".cira", SECRETS)
        self._running.wait_until_ready()
        return self._running

    def end(self) -> None:
        if self._running is not None:
            self._running.end()


@pytest.fixture(scope="package")
def shared_up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SharedUp]:
    shared = SharedUp(tmp_path_factory)
    try:
        yield shared
    finally:
        shared.end()


@pytest.fixture
def up(shared_up: SharedUp) -> Supervised:
    return shared_up.running()
