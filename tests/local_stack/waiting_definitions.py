"""Definitions for trying the supervisor: an asset whose runs wait for a file, and say who they are."""

import os
import time
from pathlib import Path

import dagster as dg


class WaitConfig(dg.Config):
    folder: str


@dg.asset
def waiting(context: dg.AssetExecutionContext, config: WaitConfig) -> None:
    """Writes its process id to FOLDER/RUN_ID.pid and ends when FOLDER/go is there."""
    folder = Path(config.folder)
    draft = folder / f"{context.run_id}.draft"
    draft.write_text(str(os.getpid()))
    draft.rename(folder / f"{context.run_id}.pid")
    while not (folder / "go").exists():
        time.sleep(0.1)


@dg.asset
def at_once() -> None:
    """Ends at once, and asks for no configuration."""


defs = dg.Definitions(assets=[waiting, at_once], executor=dg.in_process_executor)
