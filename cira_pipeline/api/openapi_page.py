"""Generates docs/openapi.json from the routes: `python -m cira_pipeline.api.openapi_page docs/openapi.json`."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

from fastapi import FastAPI

from cira_pipeline.api.app import create_app
from cira_pipeline.api.services import open_services
from cira_pipeline.settings import Settings


def as_text(app: FastAPI) -> str:
    """The OpenAPI document as it is committed."""
    return json.dumps(app.openapi(), indent=2, ensure_ascii=False) + "\n"


def main(arguments: list[str]) -> int:
    if len(arguments) != 1:
        sys.stderr.write("usage: python -m cira_pipeline.api.openapi_page docs/openapi.json\n")
        return 2
    with tempfile.TemporaryDirectory() as home:
        # No service is contacted.
        settings = Settings(home=Path(home), postgres_url="postgresql://nobody@localhost/none", redis_url=None)
        Path(arguments[0]).write_text(as_text(create_app(open_services(settings))), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
