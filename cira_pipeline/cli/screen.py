"""Console output of the commands: results on standard output, progress on standard error, formatting of values."""

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

# Log file for the stack traces of unexpected errors; the terminal shows one line.

LOG = Path(".cira/logs/cira.log")


def note_unexpected(error: BaseException, log: Path = LOG) -> str:
    """Appends the stack trace to `log` (mode 600); returns the text to print."""
    what = f"Unexpected error: {type(error).__name__}: {str(error).partition(chr(10))[0]} [internal_error]"
    try:
        log.parent.mkdir(parents=True, exist_ok=True)
        log.touch(mode=0o600)
        with log.open("a") as file:
            file.write(f"\n{datetime.now(UTC).isoformat()}\n{''.join(traceback.format_exception(error))}")
    except OSError:
        return f"{what}\n  Run again with `cira --debug ...` for the stack trace."
    return f"{what}\n  The stack trace is in {log}; `cira --debug ...` shows it."


# Lines written to a file or a pipe are never wrapped.
_UNFOLDED = 100_000
# Escape sequences in an untrusted invoice must not reach the terminal; line feeds and tabs would break the columns.
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]+")


def screen(stream: TextIO | None = None) -> Console:
    """Console for results: wrapped to the width of a terminal; one row per line in a file or pipe."""
    console = Console(file=stream or sys.stdout, highlight=False, emoji=False, markup=False)
    return console if console.is_terminal else Console(file=console.file, width=_UNFOLDED, highlight=False, emoji=False)


def progress_console() -> Console:
    """Console for progress on standard error; `is_terminal` is false if it is redirected."""
    return Console(stderr=True)


def columns(*names: str) -> Table:
    """A table without borders, with two spaces between columns."""
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    for name in names:
        table.add_column(name, no_wrap=True)
    return table


def printable(text: str, style: str = "") -> Text:
    """Untrusted text, safe to print: control characters are replaced by spaces, so it stays on one line."""
    return Text(_CONTROLS.sub(" ", text), style)


def usd(amount: Decimal) -> str:
    """An amount in USD with four decimals; a smaller positive amount is shown as `<0.0001 USD`, not as zero."""
    if 0 < amount < Decimal("0.0001"):
        return "<0.0001 USD"
    return f"{amount:.4f} USD"


def counted(number: int, noun: str) -> str:
    """The number and the noun, in the plural unless the number is 1."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
