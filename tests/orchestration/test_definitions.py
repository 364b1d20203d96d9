"""Dagster's own tools must accept what `cira up` and a production deployment load."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent


@pytest.mark.parametrize(
    "command",
    [
        ("dagster", "definitions", "validate", "-w", "workspace.yaml"),
        ("dg", "check", "defs"),
    ],
    ids=["dagster definitions validate", "dg check defs"],
)
def test_dagster_loads_the_code_location(command: tuple[str, ...], tmp_path: Path) -> None:
    # A home of its own: dagster.yaml names the database of a running service, which validating does not need.
    environment = {
        **os.environ,
        "DAGSTER_HOME": str(tmp_path),
        "CIRA_POSTGRES_URL": "postgresql://nobody@localhost/none",
    }
    done = subprocess.run(
        [str(BIN / command[0]), *command[1:]],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_secrets_are_names_of_variables_in_the_definitions(monkeypatch: pytest.MonkeyPatch) -> None:
    from cira_pipeline.definitions import definitions
    from cira_pipeline.settings import Settings

    settings = Settings(postgres_url="postgresql://u:hunter2@db/cira", azure_openai_api_key="hunter2")
    shown = str(definitions(settings).resources["processor"])
    assert "hunter2" not in shown
