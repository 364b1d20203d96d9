"""Format and hashing of API keys (docs/decisions/0010-api.md explains the choice of HMAC instead of argon2).

A key is `cira_KEYID_SECRET`: the id identifies the row, which has the hash of the secret of 256 random bits.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
from pathlib import Path
from typing import NamedTuple

from cira_pipeline.db.access.api_keys import KEY_ID_CHARS, KEY_ID_LENGTH, new_key_id
from cira_pipeline.errors import ConfigurationError
from cira_pipeline.settings import Settings

PEPPER_FILE = "key-pepper"
_SECRET_BYTES = 32
_LEAST_PEPPER_CHARS = 32
_KEY = re.compile(rf"cira_([{KEY_ID_CHARS}]{{{KEY_ID_LENGTH}}})_([0-9a-f]{{{2 * _SECRET_BYTES}}})")


class NewKey(NamedTuple):
    """A newly created key; `text` is the whole key, shown once and not stored."""

    key_id: str
    text: str
    secret_hash: bytes


class Pepper:
    """Secret that API keys are hashed with; without it, a copy of the database is useless for using or making keys."""

    def __init__(self, secret: str) -> None:
        self._secret = secret.encode()
        self.pepper_id = self.derived(b"which pepper")[:4].hex()

    def hash(self, secret: str) -> bytes:
        """The hash of a key's secret."""
        return self.derived(b"api key " + secret.encode())

    def derived(self, purpose: bytes) -> bytes:
        """32 bytes derived for `purpose`, independent of those for other purposes (HMAC-SHA-256, RFC 2104)."""
        return hmac.digest(self._secret, purpose, hashlib.sha256)

    def new_key(self) -> NewKey:
        """A new random key with the hash of its secret."""
        key_id, secret = new_key_id(), secrets.token_hex(_SECRET_BYTES)
        return NewKey(key_id, f"cira_{key_id}_{secret}", self.hash(secret))


def parse_key(text: str) -> tuple[str, str] | None:
    """Id and secret of a well-formed key, else `None`."""
    match = _KEY.fullmatch(text)
    return (match[1], match[2]) if match else None


def load_pepper(settings: Settings) -> Pepper:
    """The pepper from CIRA_API_KEY_PEPPER, or from HOME/key-pepper, which is created if missing.

    Raises: ConfigurationError when the pepper is too short, or the file cannot be read or created.
    """
    if settings.api_key_pepper is not None:
        secret, where = settings.api_key_pepper.get_secret_value(), "CIRA_API_KEY_PEPPER"
    else:
        path = settings.home / PEPPER_FILE
        where = str(path)
        try:
            secret = _kept_in(path)
        except OSError as error:
            raise ConfigurationError(f"{where} cannot be read or created: {error.strerror}") from error
    if len(secret) < _LEAST_PEPPER_CHARS:
        raise ConfigurationError(f"{where} has fewer than {_LEAST_PEPPER_CHARS} characters; use a long random value")
    return Pepper(secret)


def _kept_in(path: Path) -> str:
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_hex(_SECRET_BYTES))
            file.flush()
            os.fsync(file.fileno())
        try:
            # Unlike a rename, a link never replaces a pepper that another process has created meanwhile.
            os.link(draft, path)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return path.read_text().strip()
