"""The contract, OpenAPI 3.1: what FastAPI derives from the routes, and what it does not know of them.

python -m cira_pipeline.api.openapi docs/openapi.json
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from cira_pipeline.api.problem_models import Problem

_DESCRIPTION = """\
Submit invoice URLs, follow them, fetch validated records with evidence for every value.

Every error is a problem (RFC 9457) with a stable `code`; docs/errors.md lists all. Every request but those under
`service` carries a key: `Authorization: Bearer cira_...`. A key sees its own client's jobs only; another client's job
is answered like one that does not exist. docs/api.md shows all of it with examples.
"""
_KEY = {
    "type": "http",
    "scheme": "bearer",
    "description": "A key of `cira keys create`: `Authorization: Bearer cira_...`",
}
_SCHEMAS = "#/components/schemas/{model}"


def describe(app: FastAPI) -> None:
    """Makes `app.openapi()` answer the whole contract."""

    def contract() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _contract(app)
        return app.openapi_schema

    app.openapi = contract  # type: ignore[method-assign]


def as_text(app: FastAPI) -> str:
    """The committed form."""
    return json.dumps(app.openapi(), indent=2, ensure_ascii=False) + "\n"


def _contract(app: FastAPI) -> dict[str, Any]:
    schema = get_openapi(
        title=app.title,
        version=app.version,
        openapi_version="3.1.0",
        description=_DESCRIPTION,
        routes=app.routes,
        webhooks=app.webhooks.routes,
        separate_input_output_schemas=False,
    )
    schemas = schema.setdefault("components", {}).setdefault("schemas", {})
    problem = Problem.model_json_schema(ref_template=_SCHEMAS)
    schemas.update(problem.pop("$defs", {}))
    schemas["Problem"] = problem
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    schema["components"]["schemas"] = dict(sorted(schemas.items()))
    # The front door asks for the key, before there is a route that could declare it.
    schema["components"]["securitySchemes"] = {"key": _KEY}
    for path, operations in schema["paths"].items():
        if path.startswith("/v1/") or path == "/metrics":
            for operation in operations.values():
                operation["security"] = [{"key": []}]
    return schema


def main(arguments: list[str]) -> int:
    from cira_pipeline.api.app import create_app
    from cira_pipeline.api.services import open_services
    from cira_pipeline.settings import Settings

    if len(arguments) != 1:
        sys.stderr.write("usage: python -m cira_pipeline.api.openapi docs/openapi.json\n")
        return 2
    with tempfile.TemporaryDirectory() as home:
        # Nothing is contacted; the contract is the same wherever the services are.
        settings = Settings(home=Path(home), postgres_url="postgresql://nobody@localhost/none", redis_url=None)
        Path(arguments[0]).write_text(as_text(create_app(open_services(settings))), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
