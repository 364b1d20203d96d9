"""Where the service is: the one origin that ever gets the key."""

from __future__ import annotations

import httpx

from cira_pipeline.errors import ConfigurationError
from cira_pipeline.shown_url import shown_url


def base_of(url: str) -> str:
    """`url` without the slash at its end. Raises: ConfigurationError, which does not repeat a password in it."""
    try:
        parsed = httpx.URL(url.strip())
    except (httpx.InvalidURL, TypeError) as error:
        raise ConfigurationError("the address of the service is no URL") from error
    if parsed.scheme not in ("http", "https") or not parsed.host:
        raise ConfigurationError("the address of the service starts with https:// or http:// and names a host")
    if parsed.userinfo or parsed.query or parsed.fragment:
        raise ConfigurationError(
            f"the address of the service is a scheme, a host and a path at the most: {shown_url(url)}"
        )
    return str(parsed).rstrip("/")


def headers_of(key: str) -> dict[str, str]:
    """Raises: ConfigurationError for what cannot be a key."""
    key = key.strip()
    if not key or not key.isascii() or not key.isprintable():
        raise ConfigurationError("the key is empty or holds characters that no key has; `cira keys create` makes one")
    return {"Authorization": f"Bearer {key}", "Accept": "application/json, application/problem+json, */*;q=0.5"}
