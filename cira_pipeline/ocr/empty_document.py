"""DoclingDocument without pages, written without loading docling-core, which takes two seconds."""

from __future__ import annotations

import json
from typing import Any

_NODE: dict[str, Any] = {"parent": None, "children": [], "meta": None, "name": "_root_", "label": "unspecified"}
_EMPTY: dict[str, Any] = {
    "schema_name": "DoclingDocument",
    "version": "1.10.0",
    "origin": None,
    "furniture": {"self_ref": "#/furniture", "content_layer": "furniture", **_NODE},
    "body": {"self_ref": "#/body", "content_layer": "body", **_NODE},
    **{name: [] for name in ("groups", "texts", "pictures", "tables", "key_value_items", "form_items")},
    "pages": {},
}


def empty_docling_document(name: str) -> bytes:
    """JSON of docling-core's schema, in UTF-8."""
    return json.dumps({**_EMPTY, "name": name}).encode()
