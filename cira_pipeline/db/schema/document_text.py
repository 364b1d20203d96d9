"""Column types for text and JSON from documents.

Documents can hold characters that PostgreSQL rejects: NUL, and halves of surrogate pairs. They are replaced with U+FFFD
REPLACEMENT CHARACTER, so that one odd byte never stops a job.
"""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import Text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator


def storable(text: str) -> str:
    """`text` with every character that PostgreSQL rejects replaced with U+FFFD."""
    if text.isascii() and "\x00" not in text:
        return text
    return text.replace("\x00", "\ufffd").encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def storable_json(value: Any) -> str:
    """`value` as JSON that PostgreSQL accepts; amounts become strings."""
    text = json.dumps(value, default=str)
    return json.dumps(_storable_parts(value), default=str) if _may_hold_unstorable(text) else text


def _may_hold_unstorable(json_text: str) -> bool:
    """Whether the JSON has escapes of NUL, or of surrogates, which may be halves. Most documents have neither."""
    return "\\u0000" in json_text or "\\ud" in json_text


def _storable_parts(value: Any) -> Any:
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, dict):
        return {_storable_parts(key): _storable_parts(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_storable_parts(each) for each in value]
    return value


class DocumentText(TypeDecorator[str]):
    """Column type `text` for untrusted text."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        return None if value is None else storable(value)


class DocumentTexts(TypeDecorator[list[str]]):
    """Column type `text[]` for untrusted texts."""

    impl = ARRAY(Text)
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> list[str] | None:
        return None if value is None else [storable(each) for each in value]


class DocumentJson(TypeDecorator[Any]):
    """Column type `jsonb` for untrusted strings. Accepts what `json.dumps` accepts; amounts must be strings."""

    impl = JSONB
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:
        return value if value is None or not _may_hold_unstorable(json.dumps(value)) else _storable_parts(value)
