"""API keys of the REST service: scopes, rate limits, and use of the daily quota."""

from __future__ import annotations

import secrets
from collections.abc import Collection
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import ColumnElement, Connection, Row, func, insert, or_, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from cira_pipeline.db.database import Database
from cira_pipeline.db.schema.tables import MAX_NAME_CHARS, api_key_usage, api_keys
from cira_pipeline.errors import KeyNotFound, KeySettingsInvalid, QuotaExhausted

KEY_ID_CHARS = "0123456789abcdefghjkmnpqrstvwxyz"
KEY_ID_LENGTH = 16
USED_NOTED_EVERY = timedelta(minutes=1)

_COLUMNS = [column for column in api_keys.c if column.name != "secret_hash"]
# A day of PostgreSQL's clock, in UTC, so that all processes agree when it ends.
_TODAY = func.date(func.timezone("UTC", func.now()))


class Scope(StrEnum):
    """Permissions of a key. `admin` may do everything, and sees every client's jobs.

    `dagster_view` and `dagster_launch` are for Dagster's UI, which shows every client's invoices: the former allows
    reading, the latter also starting, stopping and deleting there.
    """

    SUBMIT = "submit"
    READ = "read"
    REVIEW = "review"
    DAGSTER_VIEW = "dagster_view"
    DAGSTER_LAUNCH = "dagster_launch"
    ADMIN = "admin"


_INCLUDED_IN = {Scope.DAGSTER_VIEW: (Scope.DAGSTER_LAUNCH,)}


class ApiKey(BaseModel):
    """A row of `api_keys` without the hash; tables.py documents the columns. Times are UTC."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    key_id: str
    client: str
    name: str
    scopes: frozenset[Scope]
    pepper_id: str
    requests_per_minute: int
    jobs_per_day: int
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    replaced_by: str | None
    last_used_at: datetime | None

    def allows(self, scope: Scope) -> bool:
        return not self.scopes.isdisjoint({scope, Scope.ADMIN, *_INCLUDED_IN.get(scope, ())})

    def valid_at(self, now: datetime) -> bool:
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)


class StoredKey(BaseModel):
    """A key and the hash of its secret."""

    model_config = ConfigDict(frozen=True)

    key: ApiKey
    secret_hash: bytes = Field(repr=False)


class Quota(BaseModel):
    """Use of the day's quota after a submission."""

    model_config = ConfigDict(frozen=True)

    limit: int
    used: int


class ApiKeyRepository:
    """API keys and quotas in PostgreSQL. Thread-safe. Raises: StoreUnavailable."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(
        self,
        key_id: str,
        secret_hash: bytes,
        pepper_id: str,
        *,
        client: str,
        scopes: Collection[Scope],
        name: str = "",
        requests_per_minute: int = 1_200,
        jobs_per_day: int = 10_000,
        expires_at: datetime | None = None,
    ) -> ApiKey:
        """Raises: KeySettingsInvalid."""
        _check(client, scopes, name, requests_per_minute, jobs_per_day)
        values = {
            "key_id": key_id,
            "secret_hash": secret_hash,
            "pepper_id": pepper_id,
            "client": client,
            "scopes": sorted(scopes),
            "name": name,
            "requests_per_minute": requests_per_minute,
            "jobs_per_day": jobs_per_day,
            "expires_at": expires_at,
        }
        with self._database.begin() as connection:
            return _key(connection.execute(insert(api_keys).values(values).returning(*_COLUMNS)).one())

    def get(self, key_id: str) -> StoredKey | None:
        with self._database.single() as connection:
            row = connection.execute(select(api_keys).where(api_keys.c.key_id == key_id)).one_or_none()
        return None if row is None else StoredKey(key=_key(row), secret_hash=bytes(row.secret_hash))

    def list(self, client: str | None = None) -> list[ApiKey]:
        """Keys of `client`, or all, oldest first."""
        statement = select(*_COLUMNS).order_by(api_keys.c.created_at, api_keys.c.key_id)
        if client is not None:
            statement = statement.where(api_keys.c.client == client)
        with self._database.begin() as connection:
            return [_key(row) for row in connection.execute(statement)]

    def revoke(self, key_id: str) -> ApiKey:
        """Revokes a key; idempotent. Raises: KeyNotFound."""
        revoked_at = func.coalesce(api_keys.c.revoked_at, func.now())
        with self._database.begin() as connection:
            return _change(connection, key_id, {"revoked_at": revoked_at})

    def rotate(
        self, key_id: str, new_key_id: str, secret_hash: bytes, pepper_id: str, *, grace: timedelta
    ) -> tuple[ApiKey, ApiKey]:
        """Creates a key with the old one's rights; the old one stays valid for `grace`. Returns old and new.

        Raises: KeyNotFound; KeySettingsInvalid when the old key was revoked or rotated before.
        """
        inherited = ("client", "name", "scopes", "requests_per_minute", "jobs_per_day")
        with self._database.begin() as connection:
            old = connection.execute(
                select(api_keys).where(api_keys.c.key_id == key_id).with_for_update()
            ).one_or_none()
            if old is None:
                raise _not_found(key_id)
            if old.revoked_at is not None or old.replaced_by is not None:
                raise KeySettingsInvalid(f"key {key_id} was already revoked or rotated", key_id=key_id)
            values = {name: old._mapping[name] for name in inherited}
            new = connection.execute(
                insert(api_keys)
                .values(key_id=new_key_id, secret_hash=secret_hash, pepper_id=pepper_id, **values)
                .returning(*_COLUMNS)
            ).one()
            ends: ColumnElement[datetime] = func.least(api_keys.c.expires_at, func.now() + grace)
            return _change(connection, key_id, {"replaced_by": new_key_id, "expires_at": ends}), _key(new)

    def note_use(self, key_id: str) -> None:
        """Records that the key was used now; writes once a minute at most."""
        stale = or_(api_keys.c.last_used_at.is_(None), api_keys.c.last_used_at < func.now() - USED_NOTED_EVERY)
        with self._database.single() as connection:
            connection.execute(
                update(api_keys).where(api_keys.c.key_id == key_id, stale).values(last_used_at=func.now())
            )

    def take_quota(self, key: ApiKey, count: int) -> Quota:
        """Counts `count` new jobs against the day's quota, all or none. Raises: QuotaExhausted."""
        statement = upsert(api_key_usage).values(key_id=key.key_id, day=_TODAY, jobs=count)
        used = api_key_usage.c.jobs + statement.excluded.jobs
        with self._database.begin() as connection:
            taken = None
            if count <= key.jobs_per_day:
                taken = connection.scalar(
                    statement.on_conflict_do_update(
                        index_elements=["key_id", "day"], set_={"jobs": used}, where=used <= key.jobs_per_day
                    ).returning(api_key_usage.c.jobs)
                )
            if taken is None:
                raise QuotaExhausted(
                    f"the key's quota is {key.jobs_per_day} jobs a day, of which {_used(connection, key)} are used",
                    limit=key.jobs_per_day,
                    used=_used(connection, key),
                )
        return Quota(limit=key.jobs_per_day, used=int(taken))

    def give_back(self, key: ApiKey, count: int) -> None:
        """Returns `count` jobs to today's quota: they existed already, or the submission failed."""
        if count <= 0:
            return
        with self._database.begin() as connection:
            connection.execute(
                update(api_key_usage)
                .where(api_key_usage.c.key_id == key.key_id, api_key_usage.c.day == _TODAY)
                .values(jobs=func.greatest(api_key_usage.c.jobs - count, 0))
            )


def new_key_id() -> str:
    return "".join(secrets.choice(KEY_ID_CHARS) for _ in range(KEY_ID_LENGTH))


def _check(client: str, scopes: Collection[Scope], name: str, requests_per_minute: int, jobs_per_day: int) -> None:
    problem = None
    if not 1 <= len(client) <= MAX_NAME_CHARS or not client.isprintable():
        problem = f"the client's name must have 1 to {MAX_NAME_CHARS} printable characters"
    elif not scopes:
        problem = f"a key needs at least one scope of {', '.join(Scope)}"
    elif len(name) > MAX_NAME_CHARS:
        problem = f"the key's name must have at most {MAX_NAME_CHARS} characters"
    elif not (0 < requests_per_minute < 2**31 and 0 < jobs_per_day < 2**31):
        problem = "requests per minute and jobs per day must be whole numbers above zero"
    if problem:
        raise KeySettingsInvalid(problem)


def _used(connection: Connection, key: ApiKey) -> int:
    used = connection.scalar(
        select(api_key_usage.c.jobs).where(api_key_usage.c.key_id == key.key_id, api_key_usage.c.day == _TODAY)
    )
    return int(used or 0)


def _change(connection: Connection, key_id: str, values: dict[str, Any]) -> ApiKey:
    statement = update(api_keys).where(api_keys.c.key_id == key_id).values(values).returning(*_COLUMNS)
    row = connection.execute(statement).one_or_none()
    if row is None:
        raise _not_found(key_id)
    return _key(row)


def _not_found(key_id: str) -> KeyNotFound:
    return KeyNotFound(f"API key {key_id} does not exist", key_id=key_id)


def _key(row: Row[Any]) -> ApiKey:
    return ApiKey.model_validate({column.name: row._mapping[column.name] for column in _COLUMNS})
