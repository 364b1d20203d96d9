"""The key and sessions of the person who runs CIRA on this machine, with all rights: the home folder is theirs."""

from __future__ import annotations

import getpass
import secrets
from datetime import timedelta

from cira_pipeline.api.key_secret import Pepper
from cira_pipeline.api.page.session import Session, cookie_of
from cira_pipeline.clock import utc_now
from cira_pipeline.db.access.api_keys import ApiKey, ApiKeyRepository, Scope
from cira_pipeline.db.access.sign_in_links import SignInLinkRepository
from cira_pipeline.db.database import Database
from cira_pipeline.db.schema.tables import MAX_NAME_CHARS

NAME = "local administrator"
CLIENT = "default"
LINK_PATH = "/signin/link"
LINK_VALID = timedelta(minutes=15)
_TOKEN_BYTES = 32


def local_administrator(keys: ApiKeyRepository, pepper: Pepper) -> ApiKey:
    """The key that local sign-ins stand for, made when there is none; its secret is kept nowhere.

    Revoking it ends these sessions; the next sign-in makes another. Raises: StoreUnavailable.
    """
    now = utc_now()
    for key in keys.list(CLIENT):
        if key.name == NAME and Scope.ADMIN in key.scopes and key.pepper_id == pepper.pepper_id and key.valid_at(now):
            return key
    new = pepper.new_key()
    return keys.create(new.key_id, new.secret_hash, pepper.pepper_id, client=CLIENT, scopes=[Scope.ADMIN], name=NAME)


def local_session(keys: ApiKeyRepository, pepper: Pepper, *, lasts: timedelta = timedelta(hours=1)) -> dict[str, str]:
    """Cookies with which a command of this machine asks Dagster's UI. Raises: StoreUnavailable."""
    session = Session.begin(local_administrator(keys, pepper), "", lasts, utc_now())
    return cookie_of(session, pepper)


def sign_in_link(api_url: str, database: Database, pepper: Pepper) -> str:
    """An address that signs its first visitor in as the local administrator. Raises: StoreUnavailable."""
    key = local_administrator(ApiKeyRepository(database), pepper)
    token = secrets.token_urlsafe(_TOKEN_BYTES)
    SignInLinkRepository(database).create(token_hash(pepper, token), key.key_id, _person(), valid=LINK_VALID)
    return f"{api_url}{LINK_PATH}?token={token}"


def token_hash(pepper: Pepper, token: str) -> bytes:
    return pepper.derived(b"sign-in link " + token.encode())


def _person() -> str:
    """The name of the system's user; empty for one without a name, as in some containers."""
    try:
        return getpass.getuser()[:MAX_NAME_CHARS]
    except (KeyError, OSError):
        return ""
