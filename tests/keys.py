"""Keys of CIRA for tests that sign in."""

from __future__ import annotations

from cira_pipeline.api.key_secret import load_pepper
from cira_pipeline.db.access.api_keys import ApiKeyRepository, Scope
from cira_pipeline.db.database import Database
from cira_pipeline.settings import Settings


def new_key(settings: Settings, database: Database, *scopes: Scope, client: str = "default") -> str:
    """The text of a new key with these scopes."""
    pepper = load_pepper(settings)
    new = pepper.new_key()
    ApiKeyRepository(database).create(new.key_id, new.secret_hash, pepper.pepper_id, client=client, scopes=scopes)
    return new.text
