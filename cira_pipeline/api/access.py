"""API key authentication, with a cache of a few seconds so that polling does not load PostgreSQL."""

from __future__ import annotations

import asyncio
import hmac
import logging
import time
from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

from starlette.concurrency import run_in_threadpool

from cira_pipeline.api.key_secret import Pepper, parse_key
from cira_pipeline.clock import utc_now
from cira_pipeline.db.access.api_keys import ApiKey, ApiKeyRepository, Scope, StoredKey
from cira_pipeline.errors import KeyInvalid, KeyMissing, ScopeMissing, StoreUnavailable

USE_NOTED_EVERY_S = 60.0
REMEMBERED_S = 15.0
"""Seconds for which a key is cached; every process rejects a revoked key after this time at the latest."""
_MAX_REMEMBERED = 10_000

_log = logging.getLogger(__name__)


class _Remembered(NamedTuple):
    stored: StoredKey | None
    until: float


class Access:
    """Authenticates API keys, for one event loop. Secrets are not cached: each request's is hashed and compared."""

    def __init__(
        self,
        keys: ApiKeyRepository,
        pepper: Pepper,
        *,
        now: Callable[[], datetime] = utc_now,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._keys = keys
        self._pepper = pepper
        self._now = now
        self._monotonic = monotonic
        self._remembered: dict[str, _Remembered] = {}
        self._asking: dict[str, asyncio.Task[StoredKey | None]] = {}
        self._noted: dict[str, float] = {}
        self._noting: set[asyncio.Task[None]] = set()

    async def key_of(self, authorization: str | None) -> ApiKey:
        """The valid key in an `Authorization: Bearer` header. Raises: KeyMissing, KeyInvalid, StoreUnavailable."""
        scheme, _, text = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not text.strip():
            raise KeyMissing("the request has no API key")
        parsed = parse_key(text.strip())
        if parsed is None:
            raise KeyInvalid("the API key is malformed")
        key_id, secret = parsed
        stored = await self._stored(key_id)
        # Hashed even if the key does not exist, so that response times do not reveal which keys do.
        presented = self._pepper.hash(secret)
        if stored is None or not hmac.compare_digest(presented, stored.secret_hash):
            raise KeyInvalid("the API key is unknown")
        return self._valid(stored)

    async def key_by_id(self, key_id: str) -> ApiKey:
        """The valid key of a signed session. Raises: KeyInvalid, StoreUnavailable."""
        stored = await self._stored(key_id)
        if stored is None:
            raise KeyInvalid("the API key is unknown")
        return self._valid(stored)

    def _valid(self, stored: StoredKey) -> ApiKey:
        if not stored.key.valid_at(self._now()):
            raise KeyInvalid("the API key was revoked or has expired")
        self._note_use(stored.key.key_id)
        return stored.key

    def _note_use(self, key_id: str) -> None:
        now = self._monotonic()
        if now - self._noted.get(key_id, -USE_NOTED_EVERY_S) < USE_NOTED_EVERY_S:
            return
        if len(self._noted) >= _MAX_REMEMBERED:
            self._noted.clear()
        self._noted[key_id] = now
        task = asyncio.create_task(self._write_use(key_id))
        # The loop itself keeps only a weak reference.
        self._noting.add(task)
        task.add_done_callback(self._noting.discard)

    async def _write_use(self, key_id: str) -> None:
        try:
            await run_in_threadpool(self._keys.note_use, key_id)
        except StoreUnavailable as error:
            # Does not affect the request; the next use after a minute is recorded again.
            _log.warning("the use of key %s could not be recorded: %s", key_id, error)

    async def _stored(self, key_id: str) -> StoredKey | None:
        remembered = self._remembered.get(key_id)
        if remembered is not None and self._monotonic() < remembered.until:
            return remembered.stored
        # Concurrent requests with the same key share one query.
        task = self._asking.get(key_id)
        if task is None:
            task = self._asking[key_id] = asyncio.create_task(self._look_up(key_id))
            task.add_done_callback(lambda _done: self._asking.pop(key_id, None))
        return await asyncio.shield(task)

    async def _look_up(self, key_id: str) -> StoredKey | None:
        stored = await run_in_threadpool(self._keys.get, key_id)
        if len(self._remembered) >= _MAX_REMEMBERED:
            self._remembered.clear()
        self._remembered[key_id] = _Remembered(stored, self._monotonic() + REMEMBERED_S)
        return stored


def demand(key: ApiKey, scope: Scope) -> None:
    """Requires a scope. Raises: ScopeMissing."""
    if not key.allows(scope):
        raise ScopeMissing(f"the API key {key.key_id} does not have the scope {scope}", scope=scope)
