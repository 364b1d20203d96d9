"""Generates the synchronous client from the asynchronous one: `make client`, or with a path to write it elsewhere."""

import subprocess
import sys
import tempfile
from pathlib import Path

import unasync

REPOSITORY = Path(__file__).parents[2]
CLIENT = REPOSITORY / "cira_pipeline" / "client"
HEADER = "# Generated from async_client.py: change that file and run `make client`.\n"
# What unasync does not know by itself.
NAMES = {
    "AsyncClient": "Client",
    "asyncio": "time",
    "aclose": "close",
    "aread": "read",
    "aiter_bytes": "iter_bytes",
    "aiter_lines": "iter_lines",
}


def sync_client() -> str:
    """The text of sync_client.py."""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "async_client.py"
        source.write_text((CLIENT / source.name).read_text("utf-8"), "utf-8")
        unasync.unasync_files([str(source)], [unasync.Rule(source.name, "sync_client.py", NAMES)])
        text = HEADER + (Path(folder) / "sync_client.py").read_text("utf-8")
    # Names have other places in the alphabet, and lines have become shorter.
    return _ruff("format", text=_ruff("check", "--select=I", "--fix-only", text=text))


def _ruff(*arguments: str, text: str) -> str:
    command = (Path(sys.executable).parent / "ruff", *arguments, f"--stdin-filename={CLIENT / 'sync_client.py'}", "-")
    return subprocess.run(command, cwd=REPOSITORY, input=text, capture_output=True, text=True, check=True).stdout


if __name__ == "__main__":
    Path(*sys.argv[1:] or [CLIENT / "sync_client.py"]).write_text(sync_client(), "utf-8")
