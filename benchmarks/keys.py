"""Keys of the REST service for benchmarks."""

from __future__ import annotations

from cira_pipeline.api.key_secret import load_pepper
from cira_pipeline.db.access.api_keys import ApiKeyRepository, Scope
from cira_pipeline.db.database import Database
from cira_pipeline.settings import Settings


def new_key(settings: Settings, postgres_url: str, client: str) -> str:
    """A new key with all permissions, and limits that no benchmark reaches."""
    pepper, database = load_pepper(settings), Database(postgres_url)
    try:
        new = pepper.new_key()
        ApiKeyRepository(database).create(
            new.key_id,
            new.secret_hash,
            pepper.pepper_id,
            client=client,
            scopes=list(Scope),
            requests_per_minute=10_000_000,
            jobs_per_day=10_000_000,
        )
    finally:
        database.dispose()
    return new.text
