"""Validation of callback URLs: TLS and a public address are required, unless an operator allows exceptions."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from cira_pipeline.db.schema.tables import MAX_CALLBACK_CHARS
from cira_pipeline.errors import UrlInvalid, UrlSchemeUnsupported
from cira_pipeline.intake.addresses import AddressGuard
from cira_pipeline.intake.url import normalise_url
from cira_pipeline.settings import Settings


def callback_guard(settings: Settings) -> AddressGuard:
    """The guard for callback addresses, separate from the one for downloads. Raises: ConfigurationError."""
    return AddressGuard(settings.webhook_allowed_hosts, setting="CIRA_WEBHOOK_ALLOWED_HOSTS")


def checked_callback(url: str, settings: Settings) -> str:
    """The normalised callback URL. A host name's address is checked at every attempt, when it is resolved.

    Raises: UrlInvalid, UrlSchemeUnsupported, AddressRefused.
    """
    normalised = normalise_url(url)
    parts = urlsplit(normalised)
    if parts.scheme != "https" and not (parts.scheme == "http" and settings.webhook_allow_http):
        raise UrlSchemeUnsupported(f"a callback must be an https: URL, not {parts.scheme}:", scheme=parts.scheme)
    if len(normalised) > MAX_CALLBACK_CHARS:
        raise UrlInvalid(f"the callback is longer than {MAX_CALLBACK_CHARS} characters")
    host = parts.hostname or ""
    try:
        address = str(ipaddress.ip_address(host))
    except ValueError:
        return normalised
    callback_guard(settings).checked(host, [address])
    return normalised
