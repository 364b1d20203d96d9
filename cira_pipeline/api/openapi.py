"""OpenAPI 3.1 document: FastAPI's schema, plus problem details and API key security."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from cira_pipeline.api.problem_models import Problem

_DESCRIPTION = """\
Submit invoice URLs, poll the jobs and fetch validated records with evidence for every value.

Every error is a problem (RFC 9457) with a stable `code`; docs/errors.md lists all codes. Every request except those
under `service` needs an API key: `Authorization: Bearer cira_...`. A key gives access to the jobs of its own client;
the response for another client's job is the same as for a job that does not exist. docs/api.md has examples.
"""
_KEY = {
    "type": "http",
    "scheme": "bearer",
    "description": "API key from `cira keys create`: `Authorization: Bearer cira_...`",
}
_SCHEMAS = "#/components/schemas/{model}"


def describe(app: FastAPI) -> None:
    """Makes `app.openapi()` return the complete document."""

    def contract() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _contract(app)
        return app.openapi_schema

    app.openapi = contract  # type: ignore[method-assign]


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
    # The key is checked by the middleware, so no route declares it.
    schema["components"]["securitySchemes"] = {"key": _KEY}
    for path, operations in schema["paths"].items():
        if path.startswith("/v1/") or path == "/metrics":
            for operation in operations.values():
                operation["security"] = [{"key": []}]
    return schema
