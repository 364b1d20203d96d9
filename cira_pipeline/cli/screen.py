"""What people and programs see of a command: results on standard output, progress on standard error at a terminal."""

from __future__ import annotations

import re
import sys
import traceback
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import TextIO

from rich.console import Console
from rich.table import Table
from rich.text import Text

# What happens with an error nobody raised on purpose: the trace goes to a log, the person gets one line.

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


# Lines that go into a file or another program are never folded.
_UNFOLDED = 100_000
# Escape sequences in a stranger's invoice must not reach the terminal; line feeds and tabs would break the columns.
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]+")


def screen(stream: TextIO | None = None) -> Console:
    """For results. At a terminal they fit its width; elsewhere one row is one line."""
    console = Console(file=stream or sys.stdout, highlight=False, emoji=False, markup=False)
    return console if console.is_terminal else Console(file=console.file, width=_UNFOLDED, highlight=False, emoji=False)


def progress_console() -> Console:
    """For progress: `is_terminal` says whether anybody looks."""
    return Console(stderr=True)


def columns(*names: str) -> Table:
    """A table without lines, two spaces between its columns."""
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    for name in names:
        table.add_column(name, no_wrap=True)
    return table


def printable(text: str, style: str = "") -> Text:
    """Text of strangers as it may be shown: on one line, nothing in it acts on the terminal."""
    return Text(_CONTROLS.sub(" ", text), style)


def usd(amount: Decimal) -> str:
    """Dollars with four decimals, a hundredth of a cent; what is less is not shown as nothing."""
    if 0 < amount < Decimal("0.0001"):
        return "<0.0001 USD"
    return f"{amount:.4f} USD"


def counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
