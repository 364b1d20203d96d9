"""What happens with an error nobody raised on purpose: the trace goes to a log, the person gets one line."""

from __future__ import annotations

import traceback
from datetime import UTC, datetime
from pathlib import Path

LOG = Path(".cira/logs/cira.log")


def note_unexpected(error: BaseException, log: Path = LOG) -> str:
    """Append the stack trace to `log` (mode 600); returns the line to show."""
    what = f"Unexpected error: {type(error).__name__}: {str(error).partition(chr(10))[0]} [internal_error]"
    try:
        log.parent.mkdir(parents=True, exist_ok=True)
        log.touch(mode=0o600)
        with log.open("a") as file:
            file.write(f"\n{datetime.now(UTC).isoformat()}\n{''.join(traceback.format_exception(error))}")
    except OSError:
        return f"{what}\n  Run again with `cira --debug ...` for the stack trace."
    return f"{what}\n  The stack trace is in {log}; `cira --debug ...` shows it."
