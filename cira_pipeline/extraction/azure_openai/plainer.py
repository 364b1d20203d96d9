"""The same request without what its deployment does not take, for questions that nobody answers back at once.

`dialect.py` learns this from a server that answers at once; a batch says it a day later, of every line.
"""

from __future__ import annotations

import json
from typing import Any

NAMES = ("max_tokens", "temperature", "seed", "json_schema")
"""What can be left out, as complaints name it."""


def named_in(complaint: str) -> str | None:
    """Which of `NAMES` a server minds; `None` when it is something else."""
    complaint = complaint.lower()
    if "max_tokens" in complaint:
        return "max_tokens"
    if any(word in complaint for word in ("response_format", "json_schema")):
        return "json_schema"
    return next((name for name in ("temperature", "seed") if name in complaint), None)


def without(body: str, name: str) -> str | None:
    """The request `body`, JSON, without `name`; `None` when that is left out already."""
    request: dict[str, Any] = json.loads(body)
    if name == "max_tokens" and "max_tokens" in request:
        request["max_completion_tokens"] = request.pop("max_tokens")
    elif name == "json_schema" and request.get("response_format", {}).get("type") == "json_schema":
        request["response_format"] = {"type": "json_object"}
    elif name in ("temperature", "seed") and name in request:
        del request[name]
    else:
        return None
    return json.dumps(request)
