"""DAGSTER_HOME of the embedded Dagster: the project's dagster.yaml, and a workspace naming the shared code server."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

from cira_pipeline.errors import ConfigurationError

LOCATION_NAME = "cira"
DEFINITIONS_MODULE = "cira_pipeline.definitions"


def prepare_dagster_home(folder: Path, *, code_server_socket: Path) -> Path:
    """Fill `folder`; returns the workspace file. An edited project file takes effect at the next start."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    shutil.copyfile(_instance_file(), folder / "dagster.yaml")
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


def _instance_file() -> Path:
    """dagster.yaml of the checkout, or the copy that an installed package carries."""
    package = Path(__file__).parents[1]
    for candidate in (package.parent / "dagster.yaml", package / "dagster.yaml"):
        if candidate.is_file():
            return candidate
    raise ConfigurationError("dagster.yaml is missing from this installation of CIRA: install it again")
