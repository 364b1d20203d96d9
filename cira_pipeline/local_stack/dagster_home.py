"""DAGSTER_HOME of the embedded Dagster: the project's dagster.yaml, and a workspace naming the shared code server."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

from cira_pipeline.errors import ConfigurationError
from cira_pipeline.settings import inherited_environment

LOCATION_NAME = "cira"
DEFINITIONS_MODULE = "cira_pipeline.definitions"


def prepare_dagster_home(folder: Path, *, code_server_socket: Path) -> Path:
    """Fill `folder`; returns the workspace file. An edited project file takes effect at the next start."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    shutil.copyfile(code_folder() / "dagster.yaml", folder / "dagster.yaml")
    workspace = folder / "workspace.yaml"
    server = {"socket": str(code_server_socket), "location_name": LOCATION_NAME}
    # JSON is YAML.
    workspace.write_text(json.dumps({"load_from": [{"grpc_server": server}]}, indent=2) + "\n")
    return workspace


def dagster_storage_url(postgres_url: str, *, relaxed: bool) -> str:
    """The URL as dagster-postgres needs it: the psycopg2 driver named, tables in schema `public`.

    `relaxed` lets a commit return before it is on disk, on Dagster's own connections only
    (docs/decisions/0005-dagster-durability.md). Raises ConfigurationError when it is no PostgreSQL URL.
    """
    try:
        parts = urlsplit(postgres_url)
    except ValueError:
        # Not chained: the cause may quote the URL with its password.
        raise ConfigurationError("CIRA_POSTGRES_URL is no URL: postgresql://user:password@host/database") from None
    if not parts.scheme.startswith("postgres"):
        raise ConfigurationError("CIRA_POSTGRES_URL must start with postgresql://")
    query = dict(parse_qsl(parts.query))
    wanted = ["-csearch_path=public", *(["-csynchronous_commit=off"] if relaxed else [])]
    query["options"] = " ".join([*wanted, query["options"]] if "options" in query else wanted)
    return urlunsplit(parts._replace(scheme="postgresql+psycopg2", query=urlencode(query, quote_via=quote)))


def code_environment() -> dict[str, str]:
    """Variables by which Dagster's processes import CIRA's `assets`, `resources` and `sensors`, and no others."""
    path = os.pathsep.join(filter(None, (str(code_folder()), inherited_environment().get("PYTHONPATH"))))
    # Without the second, `python -m` looks into the working folder first.
    return {"PYTHONPATH": path, "PYTHONSAFEPATH": "1"}


def code_folder() -> Path:
    """Where the Dagster code and dagster.yaml are: the top of a checkout, or a folder of the installed package.

    The one place that knows of both (docs/decisions/0031-names-in-the-wheel.md).
    """
    package = Path(__file__).parents[1]
    for candidate in (package / "dagster_code", package.parent):
        if (candidate / "dagster.yaml").is_file():
            return candidate
    raise ConfigurationError("dagster.yaml is missing from this installation of CIRA: install it again")
