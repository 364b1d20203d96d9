"""Webhook secrets of each client; the secrets themselves are derived from the pepper and never stored."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from pydantic import BaseModel, ConfigDict
from sqlalchemy import Row, func, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from cira_pipeline.db.access.api_keys import new_key_id
from cira_pipeline.db.database import Database
from cira_pipeline.db.schema.tables import MAX_NAME_CHARS, webhook_secrets
from cira_pipeline.errors import KeySettingsInvalid, WebhookSecretExists, WebhookSecretMissing


class SigningId(BaseModel):
    """A row of `webhook_secrets`; tables.py documents the columns."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    signing_id: str
    client: str
    pepper_id: str
    created_at: datetime
    expires_at: datetime | None


class WebhookSecretRepository:
    """Webhook secrets in PostgreSQL. Thread-safe. Raises: StoreUnavailable."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(self, client: str, pepper_id: str) -> SigningId:
        """Creates the client's first secret. Raises: WebhookSecretExists, KeySettingsInvalid."""
        if not 1 <= len(client) <= MAX_NAME_CHARS or not client.isprintable():
            raise KeySettingsInvalid(f"the client's name must have 1 to {MAX_NAME_CHARS} printable characters")
        statement = insert(webhook_secrets).values(signing_id=new_key_id(), client=client, pepper_id=pepper_id)
        try:
            with self._database.begin() as connection:
                return _signing_id(connection.execute(statement.returning(*webhook_secrets.c)).one())
        except IntegrityError as error:
            raise WebhookSecretExists(f"client {client} already has a webhook secret", client=client) from error

    def rotate(self, client: str, pepper_id: str, *, grace: timedelta) -> tuple[SigningId, SigningId]:
        """Creates a secret; the old one also signs for `grace`. Returns old and new. Raises: WebhookSecretMissing."""
        with self._database.begin() as connection:
            old = connection.execute(
                update(webhook_secrets)
                .where(webhook_secrets.c.client == client, webhook_secrets.c.expires_at.is_(None))
                .values(expires_at=func.now() + grace)
                .returning(*webhook_secrets.c)
            ).one_or_none()
            if old is None:
                raise WebhookSecretMissing(f"client {client} has no webhook secret", client=client)
            values = {"signing_id": new_key_id(), "client": client, "pepper_id": pepper_id}
            new = connection.execute(insert(webhook_secrets).values(values).returning(*webhook_secrets.c)).one()
            return _signing_id(old), _signing_id(new)

    def signing(self, client: str) -> Sequence[SigningId]:
        """All secrets that sign now, newest first; empty when the client has none."""
        statement = (
            select(*webhook_secrets.c)
            .where(
                webhook_secrets.c.client == client,
                or_(webhook_secrets.c.expires_at.is_(None), webhook_secrets.c.expires_at > func.now()),
            )
            .order_by(webhook_secrets.c.expires_at.desc().nulls_first(), webhook_secrets.c.created_at.desc())
        )
        with self._database.begin() as connection:
            return [_signing_id(row) for row in connection.execute(statement)]


def _signing_id(row: Row[Any]) -> SigningId:
    return SigningId.model_validate(dict(row._mapping))
