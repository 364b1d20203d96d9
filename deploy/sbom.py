"""`python sbom.py PYTHON LOCK OUTPUT`: the bill of materials of the image, as CycloneDX JSON.

Components, licences and who needs whom come from the environment of PYTHON, in which LOCK is installed; the hashes come
from LOCK. Raises SystemExit with the reason when the two differ or the document is not valid CycloneDX.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

VERSION = SchemaVersion.V1_6
PROJECT = Path(__file__).parents[1] / "pyproject.toml"


def main(python: str, lock: Path, output: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / "environment.json"
        subprocess.run(
            [
                *(sys.executable, "-m", "cyclonedx_py", "environment", python, "--pyproject", str(PROJECT)),
                *("--mc-type", "application", "--spec-version", VERSION.to_version()),
                *("--output-reproducible", "--output-format", "JSON", "--output-file", str(made)),
            ],
            check=True,
        )
        bill = json.loads(made.read_text("utf-8"))
    hashes = locked_hashes(lock.read_text("utf-8"))
    components = {_normal(each["name"]): each for each in bill["components"]}
    if components.keys() != hashes.keys():
        sys.exit(f"{lock} and the environment differ: {', '.join(sorted(components.keys() ^ hashes.keys()))}")
    for name, component in components.items():
        version, digests = hashes[name]
        if component["version"] != version:
            sys.exit(f"{name} is {component['version']} in the environment and {version} in {lock}")
        # One for each file of the release: which of them is installed depends on the platform.
        component["hashes"] = [{"alg": "SHA-256", "content": digest} for digest in digests]
    text = json.dumps(bill, indent=2) + "\n"
    if (wrong := JsonStrictValidator(VERSION).validate_str(text)) is not None:
        sys.exit(f"not valid CycloneDX {VERSION.to_version()}: {wrong}")
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(text, "utf-8")
    print(f"{len(components)} components in {output}")


def locked_hashes(lock: str) -> dict[str, tuple[str, list[str]]]:
    """Version and SHA-256 sums by normalised name, of a requirements file with hashes."""
    found: dict[str, Any] = {}
    for requirement in re.split(r"\n(?=[A-Za-z0-9])", lock):
        pinned = re.match(r"([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^\s;\\]+)", requirement)
        if pinned is not None:
            found[_normal(pinned[1])] = (pinned[2], re.findall(r"--hash=sha256:([0-9a-f]{64})", requirement))
    return found


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
