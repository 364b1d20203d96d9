"""The service as it runs, over real HTTP, PostgreSQL and Valkey, and keys for two clients."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
import uvicorn
from pydantic import SecretStr

from cira_pipeline.api.app import create_app
from cira_pipeline.api.server import server_config
from cira_pipeline.api.services import Services, open_services
from cira_pipeline.db.access.api_keys import Scope
from cira_pipeline.db.database import Database
from cira_pipeline.settings import Settings
from tests.health.dagster_instance import Dagster, dagster_over

ALL_OF_A_CLIENT = (Scope.SUBMIT, Scope.READ, Scope.REVIEW)


@dataclass
class RunningApi:
    url: str
    services: Services
    _clients: list[httpx.Client] = field(default_factory=list)

    def key(self, client: str = "acme", *scopes: Scope, **limits: int) -> str:
        new = self.services.pepper.new_key()
        self.services.keys.create(
            new.key_id,
            new.secret_hash,
            self.services.pepper.pepper_id,
            client=client,
            scopes=scopes or ALL_OF_A_CLIENT,
            requests_per_minute=limits.get("requests_per_minute", 100_000),
            jobs_per_day=limits.get("jobs_per_day", 10_000),
        )
        return new.text

    def client(self, client: str = "acme", *scopes: Scope, **limits: int) -> httpx.Client:
        return self.client_with(self.key(client, *scopes, **limits))

    def client_with(self, key: str | None) -> httpx.Client:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        client = httpx.Client(base_url=self.url, headers=headers, timeout=60, trust_env=False)
        self._clients.append(client)
        return client

    def close(self) -> None:
        for client in self._clients:
            client.close()


@pytest.fixture
def api_settings(migrated_database_url: str, redis_url: str, tmp_path: Path) -> Settings:
    return Settings(
        home=tmp_path / "home",
        postgres_url=SecretStr(migrated_database_url),
        redis_url=SecretStr(redis_url),
        api_key_pepper=SecretStr("the pepper of the tests, long enough to be one"),
    )


@pytest.fixture
def dagster(database: Database, migrated_database_url: str, tmp_path: Path) -> Iterator[Dagster]:
    """Dagster's instance over the same database, as its daemon keeps it."""
    with dagster_over(migrated_database_url, tmp_path / "dagster") as running:
        yield running.works()


@pytest.fixture
def start_api() -> Iterator[Callable[[Settings], RunningApi]]:
    """Starts services with settings of the test's own; all are stopped at its end."""
    running: list[tuple[uvicorn.Server, threading.Thread, RunningApi]] = []

    def start(settings: Settings) -> RunningApi:
        services = open_services(settings)
        listener = socket.create_server(("127.0.0.1", 0))
        config = server_config(create_app(services), settings)
        # Nobody waits for what a test left under way.
        config.timeout_graceful_shutdown = 1
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        api = RunningApi(f"http://127.0.0.1:{listener.getsockname()[1]}", services)
        running.append((server, thread, api))
        deadline = time.monotonic() + 60
        while not server.started:
            assert thread.is_alive(), "the service ended while starting"
            assert time.monotonic() < deadline, "the service did not start"
            time.sleep(0.01)
        return api

    yield start
    for server, thread, api in running:
        api.close()
        server.should_exit = True
        thread.join(timeout=30)


@pytest.fixture
def api(start_api: Callable[[Settings], RunningApi], api_settings: Settings, database: Database) -> RunningApi:
    return start_api(api_settings)
