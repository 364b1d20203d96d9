"""The wheel in an environment of its own, outside of a checkout: what `pip install` gives people."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

REPOSITORY = Path(__file__).parents[1]
UV = Path(sys.executable).parent / "uv"
PATIENCE_S = 1_200
NOT_INHERITED = ("CIRA_", "DAGSTER_", "PYTHON", "VIRTUAL_ENV")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(REPOSITORY, tmp_path_factory.mktemp("wheel"))


def test_the_wheel_overwrites_no_other_packages_files(wheel: Path) -> None:
    assert owned(wheel) == {"cira_pipeline", f"{'-'.join(wheel.name.split('-')[:2])}.dist-info"}


@pytest.mark.slow
@pytest.mark.timeout(2 * PATIENCE_S)
def test_what_is_installed_without_a_checkout_runs_the_demo(wheel: Path, services_folder: Path) -> None:
    environment = install(wheel, services_folder / "installed")
    working = services_folder / "elsewhere"
    # A user's own folder of the same name must not be taken for CIRA's.
    (working / "resources").mkdir(parents=True)
    (working / "resources" / "__init__.py").write_text("raise RuntimeError('not the package of CIRA')\n")
    shown = run(environment / "bin" / "cira", "demo", "--once", folder=working)
    assert "All 24 jobs ended as expected." in shown


def build(project: Path, folder: Path) -> Path:
    run(UV, "build", "--wheel", "--no-build-isolation", "--python", sys.executable, "--out-dir", folder, project)
    (built,) = folder.glob("*.whl")
    return built


def install(wheel: Path, environment: Path) -> Path:
    """Into an empty environment, with what it declares to need."""
    python = environment / "bin" / "python"
    run(UV, "venv", "--python", sys.executable, environment)
    run(UV, "pip", "install", "--python", python, "--constraint", REPOSITORY / "requirements.lock", wheel)
    return environment


def owned(wheel: Path) -> set[str]:
    """What it puts into `site-packages`."""
    with ZipFile(wheel) as archive:
        names = archive.namelist()
    assert len(names) == len(set(names))
    return {name.partition("/")[0] for name in names}


def run(*command: str | Path, folder: Path | None = None) -> str:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(NOT_INHERITED)}
    ended = subprocess.run(
        command,
        cwd=folder or REPOSITORY,
        env={**inherited, "COLUMNS": "160", "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout
