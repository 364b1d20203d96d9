"""The REST service as a child of `cira up`."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

import httpx

from cira_pipeline.local_stack.child import CommandChild
from cira_pipeline.local_stack.liveness import http_answers


def api_child(*, environment: Mapping[str, str], folder: Path, log: Path, host: str, port: int) -> CommandChild:
    """Listens on `host` and `port`; ready when it answers. `folder` is the one whose mark it carries."""
    return CommandChild(
        name="api",
        arguments=(sys.executable, "-m", "cira_pipeline.api"),
        environment={**environment, "CIRA_API_HOST": host, "CIRA_API_PORT": str(port)},
        folder=folder,
        log=log,
        ready=lambda: api_answers(f"http://{host}:{port}"),
        still_answers=lambda: http_answers(f"http://{host}:{port}/healthz"),
    )


def api_answers(api_url: str) -> bool:
    try:
        return httpx.get(f"{api_url}/healthz", timeout=5, trust_env=False).is_success
    except httpx.TransportError:
        return False
