"""One-time sign-in links: stored as hashes, usable once, within their validity."""

from __future__ import annotations

from datetime import timedelta
from typing import NamedTuple

from sqlalchemy import delete, func, insert, update

from cira_pipeline.db.database import Database
from cira_pipeline.db.schema.tables import sign_in_links

_FORGOTTEN_AFTER = timedelta(days=1)


class TakenLink(NamedTuple):
    """The session that a link starts: its key, and the person's name."""

    key_id: str
    person: str


class SignInLinkRepository:
    """Sign-in links in PostgreSQL. Thread-safe. Raises: StoreUnavailable."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(self, token_hash: bytes, key_id: str, person: str, *, valid: timedelta) -> None:
        """Stores a link valid for the time `valid`; also deletes links that expired more than a day ago."""
        with self._database.begin() as connection:
            connection.execute(delete(sign_in_links).where(sign_in_links.c.expires_at < func.now() - _FORGOTTEN_AFTER))
            connection.execute(
                insert(sign_in_links).values(
                    token_hash=token_hash, key_id=key_id, person=person, expires_at=func.now() + valid
                )
            )

    def take(self, token_hash: bytes) -> TakenLink | None:
        """Uses the link up and returns its session; `None` when it was used before or has expired."""
        with self._database.begin() as connection:
            row = connection.execute(
                update(sign_in_links)
                .where(
                    sign_in_links.c.token_hash == token_hash,
                    sign_in_links.c.used_at.is_(None),
                    sign_in_links.c.expires_at > func.now(),
                )
                .values(used_at=func.now())
                .returning(sign_in_links.c.key_id, sign_in_links.c.person)
            ).one_or_none()
        return None if row is None else TakenLink(row.key_id, row.person)
