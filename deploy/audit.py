"""`python audit.py LOCK`: known vulnerabilities of the packages that a lock file pins, by pip-audit and an OSV feed.

Ends with 0 when every package was looked up and none has a known vulnerability, with 1 when one has, and with 3 when
the feed did not answer or not for every package: nothing found is then no result.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

OSV = "https://api.osv.dev/v1/query"
CLEAN, VULNERABLE, NOT_CHECKED = 0, 1, 3
REQUEST_TIMEOUT_S = 15
WHOLE_TIMEOUT_S = 1_200


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("lock", type=Path, help="a requirements file with hashes")
    parser.add_argument("--feed", default=OSV, help=f"URL of an OSV query service (default: {OSV})")
    parser.add_argument(
        "--ignore", action="append", default=[], help="id of a vulnerability that was judged; repeatable"
    )
    given = parser.parse_args(arguments)
    pinned = set(re.findall(r"^([A-Za-z0-9._-]+)==", given.lock.read_text("utf-8"), re.MULTILINE))
    dependencies, why = _looked_up(given.lock, given.feed, given.ignore)
    if dependencies is None:
        print(f"No vulnerability feed: {given.feed} did not answer. Nothing was checked.\n{why}", file=sys.stderr)
        return NOT_CHECKED
    skipped = sorted(pinned - {each["name"] for each in dependencies if "vulns" in each})
    found = [(each, vulnerability) for each in dependencies for vulnerability in each.get("vulns", ())]
    for each, vulnerability in found:
        mended = ", ".join(vulnerability["fix_versions"]) or "no release yet"
        aliases = " ".join(vulnerability.get("aliases", ()))
        print(f"{each['name']} {each['version']}: {vulnerability['id']} {aliases} (fixed in: {mended})")
    looked_up = len(pinned) - len(skipped)
    print(f"{looked_up} of {len(pinned)} packages looked up at {given.feed}, {len(found)} known problems.")
    if found:
        return VULNERABLE
    if skipped or not pinned:
        print(f"Not looked up: {', '.join(skipped) or 'the file pins no package'}", file=sys.stderr)
        return NOT_CHECKED
    return CLEAN


def _looked_up(lock: Path, feed: str, ignored: Sequence[str]) -> tuple[list[dict[str, Any]] | None, str]:
    """What pip-audit says of each package, or None and the last line of its trouble."""
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "audit.json"
        command = [
            *(sys.executable, "-m", "pip_audit", "--vulnerability-service", "osv", "--osv-url", feed),
            *("--requirement", str(lock), "--require-hashes", "--disable-pip", "--progress-spinner", "off"),
            *("--timeout", str(REQUEST_TIMEOUT_S), "--format", "json", "--output", str(output)),
            *("--cache-dir", folder),
            *(part for each in ignored for part in ("--ignore-vuln", each)),
        ]
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=WHOLE_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            return None, f"pip-audit took more than {WHOLE_TIMEOUT_S} s"
        if not output.exists():
            return None, (done.stderr.strip().splitlines() or [f"pip-audit ended with {done.returncode}"])[-1]
        return json.loads(output.read_text("utf-8"))["dependencies"], ""


if __name__ == "__main__":
    sys.exit(main())
