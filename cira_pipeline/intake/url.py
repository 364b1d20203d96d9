"""Normalises URLs to one spelling each, and refuses URLs that CIRA cannot fetch.

Two spellings of one URL are one job, so that an invoice is not paid twice because a client wrote `HTTP://` in capitals.
"""

from __future__ import annotations

import ipaddress
import os
import re
import socket
from pathlib import Path
from urllib.parse import quote, unquote_to_bytes, urlsplit

import idna

from cira_pipeline.errors import UrlInvalid, UrlSchemeUnsupported

MAX_URL_LENGTH = 8192
MAX_S3_KEY_BYTES = 1024

_DEFAULT_PORTS = {"http": 80, "https": 443}
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff]")
_PATH_SAFE = "/%:@!$&'()*+,;=~"
_QUERY_SAFE = _PATH_SAFE + "?[]"
_S3_SAFE = "/:@!$&'()*+,;=~"
_STRAY_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
_HOST_NAME = re.compile(r"(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*")
_BRACKETED = re.compile(r"\[[0-9A-Fa-f:.%]*:[^\[\]]*\](:[0-9]*)?")
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,253}[A-Za-z0-9]")
_NUMERIC_LABEL = re.compile(r"0x[0-9a-f]*|[0-9]+")
_S3_VERSION = re.compile(r"(?P<key>.*)\?versionId=(?P<version>[^&?#]+)", re.DOTALL)


def normalise_url(url: str) -> str:
    """The normalised spelling under which a URL is stored (RFC 3986, 6.2; hosts by UTS 46 and IDNA 2008).

    http(s): scheme and host in lower case, host in ASCII; default port, fragment and dot segments removed; characters
    percent-encoded where necessary. Existing escapes are unchanged: signatures are computed over them.
    file: an absolute path without dot segments (RFC 8089); `file:name.pdf` is relative to the working folder.
    s3: `s3://bucket/key`, the key percent-encoded, with `?versionId=` where given.

    Raises `UrlInvalid` or `UrlSchemeUnsupported`. Messages never repeat a query or credentials.
    """
    text = url.strip(" ")
    if not text:
        raise UrlInvalid("the URL is empty")
    if len(text) > MAX_URL_LENGTH:
        raise UrlInvalid(f"the URL is longer than {MAX_URL_LENGTH} characters")
    scheme, colon, rest = text.partition(":")
    scheme = scheme.lower()
    if not colon or not re.fullmatch(r"[a-z][a-z0-9+.-]*", scheme):
        raise UrlInvalid("the URL has no scheme; expected one such as https://")
    if scheme not in ("http", "https", "file", "s3"):
        raise UrlSchemeUnsupported(f"URLs with the scheme {scheme}: are not supported", scheme=scheme)
    if found := _CONTROL.search(rest):
        raise UrlInvalid(f"the URL contains the control character U+{ord(found.group()):04X}")
    try:
        normalised = _normalise_rest(scheme, rest)
    except UnicodeError as error:
        raise UrlInvalid("the URL contains invalid Unicode") from error
    except ValueError as error:
        # Raised by the standard library's parser: an unbalanced bracket, or a port that is no number.
        raise UrlInvalid("the URL's host or port is malformed") from error
    if len(normalised) > MAX_URL_LENGTH:
        raise UrlInvalid(f"the URL, percent-encoded, is longer than {MAX_URL_LENGTH} characters")
    return normalised


def display_url(url: str) -> str:
    """A normalised URL for messages and logs: without its query, which often holds a signature."""
    shown, question, _ = url.partition("?")
    return f"{shown}?..." if question else shown


def source_host(url: str) -> str | None:
    """The host with its port, or `s3://` and the bucket, of a normalised URL: `jobs.source_host`. `None` for files."""
    parts = urlsplit(url)
    match parts.scheme:
        case "file":
            return None
        case "s3":
            return f"s3://{parts.netloc}"
        case _:
            return parts.netloc


def path_of(file_url: str) -> Path:
    """The absolute path of a normalised file:// URL."""
    return Path(os.fsdecode(unquote_to_bytes(file_url.removeprefix("file://"))))


def s3_location(s3_url: str) -> tuple[str, str, str | None]:
    """Bucket, key and version of a normalised s3:// URL."""
    address, _, version = s3_url.removeprefix("s3://").partition("?versionId=")
    bucket, _, key = address.partition("/")
    return bucket, unquote_to_bytes(key).decode(), unquote_to_bytes(version).decode() or None


def s3_url(bucket: str, key: str, version: str | None = None) -> str:
    """The normalised URL of an S3 object, for any characters in its key."""
    address = f"s3://{bucket}/{quote(key, safe=_S3_SAFE)}"
    return f"{address}?versionId={quote(version, safe='')}" if version else address


def _normalise_rest(scheme: str, rest: str) -> str:
    match scheme:
        case "s3":
            return _normalise_s3(rest)
        case "file":
            return _normalise_file(rest)
        case _:
            return _normalise_http(f"{scheme}:{rest}")


def _normalise_http(url: str) -> str:
    parts = urlsplit(url)
    port = parts.port
    if "@" in parts.netloc:
        raise UrlInvalid("the URL contains a user name or password")
    if not parts.hostname:
        raise UrlInvalid("the URL has no host")
    if {"[", "]"} & set(parts.netloc) and not _BRACKETED.fullmatch(parts.netloc):
        # Python's versions differ in what they accept as a host here.
        raise UrlInvalid("the URL's host is not an IPv6 address")
    if port == 0:
        raise UrlInvalid("the URL's port is 0")
    host = _normalise_host(parts.hostname)
    shown_port = "" if port in (None, _DEFAULT_PORTS[parts.scheme]) else f":{port}"
    path = _without_dot_segments(quote(_STRAY_PERCENT.sub("%25", parts.path), safe=_PATH_SAFE)) or "/"
    query = quote(_STRAY_PERCENT.sub("%25", parts.query), safe=_QUERY_SAFE)
    return f"{parts.scheme}://{host}{shown_port}{path}{f'?{query}' if query else ''}"


def _normalise_host(host: str) -> str:
    """Lower-case ASCII, without the final dot; addresses in their usual spelling, IPv6 in brackets."""
    if ":" in host:
        try:
            address = ipaddress.IPv6Address(host)
        except ValueError as error:
            raise UrlInvalid("the URL's host is not an IPv6 address") from error
        if address.scope_id is not None:
            raise UrlInvalid("the URL's host is an IPv6 address with a zone")
        return f"[{address.compressed}]"
    try:
        name = host.lower() if host.isascii() else idna.encode(host, uts46=True).decode("ascii")
    except idna.IDNAError as error:
        raise UrlInvalid("the URL's host is not a valid internationalised name") from error
    name = name.removesuffix(".")
    if not _HOST_NAME.fullmatch(name):
        raise UrlInvalid("the URL's host is not a valid name")
    return _normalise_ipv4(name) if _NUMERIC_LABEL.fullmatch(name.rpartition(".")[2]) else name


def _normalise_ipv4(name: str) -> str:
    """Normalises `2130706433`, `0x7f.1` and `0177.0.0.1`, which are all 127.0.0.1 to a resolver, before any check."""
    try:
        return socket.inet_ntoa(socket.inet_aton(name))
    except OSError as error:
        raise UrlInvalid("the URL's host is not an IPv4 address") from error


def _without_dot_segments(path: str) -> str:
    """RFC 3986, 5.2.4, for a path that is empty or starts with a slash. `%2e` is a dot too."""
    kept: list[str] = []
    segments = path.split("/")[1:]
    for position, segment in enumerate(segments):
        plain = segment.lower().replace("%2e", ".")
        if plain not in (".", ".."):
            kept.append(segment)
            continue
        if plain == ".." and kept:
            kept.pop()
        if position == len(segments) - 1:
            kept.append("")
    return "".join(f"/{segment}" for segment in kept)


def _normalise_file(rest: str) -> str:
    parts = urlsplit(f"file:{rest}")
    if parts.netloc.lower() not in ("", "localhost"):
        raise UrlInvalid("a file URL must be file:///path, with three slashes and no host")
    if parts.query:
        raise UrlInvalid("a file URL must have no query; write a ? in a file name as %3F")
    path = os.fsdecode(unquote_to_bytes(parts.path))
    if not path or "\0" in path:
        raise UrlInvalid("the file URL names no file")
    # By the text alone: links are resolved when the file is opened. POSIX gives two leading slashes a meaning of their
    # own.
    return Path(os.path.abspath(re.sub("^/+", "/", path))).as_uri()  # noqa: PTH100


def _normalise_s3(rest: str) -> str:
    if not rest.startswith("//"):
        raise UrlInvalid("an S3 URL must be s3://bucket/key")
    bucket, slash, key_text = rest[2:].partition("/")
    if not _BUCKET.fullmatch(bucket):
        raise UrlInvalid("the S3 URL has no valid bucket name")
    versioned = _S3_VERSION.fullmatch(key_text)
    version = unquote_to_bytes(versioned["version"]).decode() if versioned else None
    key = unquote_to_bytes(_STRAY_PERCENT.sub("%25", versioned["key"] if versioned else key_text)).decode()
    if not slash or not key or key.endswith("/"):
        raise UrlInvalid("the S3 URL names a bucket or a folder, not an object")
    if "\0" in key or len(key.encode()) > MAX_S3_KEY_BYTES:
        raise UrlInvalid(f"the S3 key is longer than {MAX_S3_KEY_BYTES} bytes or contains a zero byte")
    return s3_url(bucket, key, version)
