"""Redis that goes and comes back: nobody waits for it meanwhile, and the log says both once."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
import redis

from cira_pipeline.errors import ConfigurationError
from cira_pipeline.local_stack.valkey import EmbeddedValkey
from cira_pipeline.resilience.breaker import Breaker
from cira_pipeline.resilience.shared_redis import PAUSE_S, SharedRedis
from cira_pipeline.settings import inherited_environment


def test_redis_that_is_away_is_asked_once_a_pause_and_the_log_names_what_holds_meanwhile(
    tmp_path: Path, services_folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    now = [100.0]
    server = EmbeddedValkey(tmp_path / "valkey", environment=inherited_environment(), marked_by=services_folder)
    server.start()
    shared = SharedRedis(server.url(), "each counts alone", monotonic=lambda: now[0])
    asked: list[bool] = []

    def ping(client: redis.Redis) -> bool:
        asked.append(True)
        return bool(client.ping())

    try:
        assert shared.ask(ping) is True
        server.stop()
        with caplog.at_level(logging.WARNING):
            assert [shared.ask(ping) for _ in range(5)] == [None] * 5
            assert len(asked) == 2, "those within the pause are not even tried"
            now[0] += PAUSE_S
            assert shared.ask(ping) is None
            server.start()
            now[0] += PAUSE_S
            assert shared.ask(ping) is True
    finally:
        server.stop()
        shared.close()
    assert [message.partition(" (")[0] for message in caplog.messages] == [
        "Redis is away",
        "Redis is back after 2 failed calls",
    ]
    assert all("each counts alone" in message for message in caplog.messages)


def test_a_wrong_redis_url_is_named_without_its_password_whoever_uses_it() -> None:
    with pytest.raises(ConfigurationError, match="CIRA_REDIS_URL") as caught:
        Breaker("billing", "http://user:secret@host")
    assert "secret" not in str(caught.value)
