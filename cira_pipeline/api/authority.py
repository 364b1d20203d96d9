"""Parsing of the untrusted headers `Host` and `Origin`."""

from __future__ import annotations

import re
from ipaddress import IPv6Address
from urllib.parse import urlsplit

# RFC 9110, 7.2; of the registered names of RFC 3986, 3.2.2, only the characters used in host names.
_AUTHORITY = re.compile(r"(?:[A-Za-z0-9._~-]{1,255}|\[(?P<six>[0-9A-Fa-f:.]{2,45})\])(?::(?P<port>[0-9]{0,5}))?")
_LARGEST_PORT = 65535


def is_authority(text: str) -> bool:
    """Whether `text` is `host` or `host:port`, an IPv6 address in brackets."""
    found = _AUTHORITY.fullmatch(text)
    if found is None or int(found["port"] or 0) > _LARGEST_PORT:
        return False
    if found["six"] is None:
        return True
    try:
        IPv6Address(found["six"])
    except ValueError:
        return False
    return True


def authority_of(origin: str) -> str | None:
    """`host:port` of an `Origin`; `None` when it is `null` or malformed."""
    try:
        return urlsplit(origin).netloc or None
    except ValueError:
        return None
