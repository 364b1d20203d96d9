"""A log that another process appends to is cut when it has grown long, without that process noticing."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from cira_pipeline.storage.disk_space import is_out_of_space


def shorten(log: Path, max_bytes: int) -> None:
    """Keep one earlier part beside it (`.log.1`) and begin anew; what is written meanwhile may be lost.

    The file stays the same, for it is open for appending elsewhere. On a full disk nothing is kept. Raises: OSError.
    """
    try:
        if log.stat().st_size <= max_bytes:
            return
    except FileNotFoundError:
        return
    earlier = log.with_suffix(".log.1")
    try:
        shutil.copyfile(log, earlier)
        earlier.chmod(0o600)
    except OSError as error:
        if not is_out_of_space(error):
            raise
        earlier.unlink(missing_ok=True)
    os.truncate(log, 0)
