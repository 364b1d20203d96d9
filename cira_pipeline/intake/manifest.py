"""Reads CSV manifests, which submit many invoices with one file."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path

from cira_pipeline.db.jobs.repository import Submission
from cira_pipeline.db.schema.tables import MAX_NAME_CHARS
from cira_pipeline.errors import IntakeError, ManifestInvalid
from cira_pipeline.intake.url import normalise_url
from cira_pipeline.jobs import Policy

COLUMNS = ("url", "client_reference", "idempotency_key", "policy", "callback")
MAX_MANIFEST_BYTES = 100_000_000
PROBLEMS_SHOWN = 5

_DELIMITERS = ",;\t"


def read_manifest(path: Path, *, client: str = "default") -> list[Submission]:
    """The submissions of a CSV file (RFC 4180) with a header: `url`, and optionally `client_reference`,
    `idempotency_key`, `policy` (a value of `jobs.Policy`) and `callback` (whose address is not checked here).

    Commas, semicolons or tabs; UTF-8 with or without a byte order mark, or UTF-16 with one; blank lines are skipped.
    Either all lines are valid or none is submitted: raises `ManifestInvalid`, which names the first invalid lines and
    has the line numbers in `detail["lines"]`.
    """
    submissions: list[Submission] = []
    problems: list[tuple[int, str]] = []
    for line, row in _rows(_text(path), path):
        try:
            submissions.append(_submission(row, client))
        except (IntakeError, ValueError) as error:
            problems.append((line, error.message if isinstance(error, IntakeError) else str(error)))
    if problems:
        shown = "; ".join(f"line {line}: {problem}" for line, problem in problems[:PROBLEMS_SHOWN])
        more = f"; and {len(problems) - PROBLEMS_SHOWN} more" if len(problems) > PROBLEMS_SHOWN else ""
        raise ManifestInvalid(f"{path}: {shown}{more}", lines=tuple(line for line, _ in problems))
    if not submissions:
        raise ManifestInvalid(f"{path} contains no invoices, only a header")
    return submissions


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_MANIFEST_BYTES + 1)
    except OSError as error:
        raise ManifestInvalid(f"{path} cannot be read: {error.strerror}") from error
    if len(content) > MAX_MANIFEST_BYTES:
        raise ManifestInvalid(f"{path} is larger than {MAX_MANIFEST_BYTES:,} bytes; split it")
    encoding = "utf-16" if content.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ManifestInvalid(
            f"{path}, line {line}: the text is not UTF-8; save it as CSV UTF-8", lines=(line,)
        ) from error


def _rows(text: str, path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """Line number (of the file, from 1) and cells by column, without blank lines and blank cells."""
    filled = _filled_rows(text, path)
    _, first = next(filled, (1, []))
    header = _header(first, path)
    for line, cells in filled:
        if any(cells[len(header) :]):
            raise ManifestInvalid(
                f"{path}, line {line}: {len(cells)} cells under {len(header)} columns; "
                'put a URL that contains the separator in "quotes"',
                lines=(line,),
            )
        yield line, {name: cell for name, cell in zip(header, cells, strict=False) if cell}


def _filled_rows(text: str, path: Path) -> Iterator[tuple[int, list[str]]]:
    """All rows that are not blank, including the header, with trimmed cells."""
    first_line = next((line for line in text.splitlines() if line.strip()), "")
    delimiter = max(_DELIMITERS, key=first_line.count)
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        for row in rows:
            cells = [cell.strip() for cell in row]
            if any(cells):
                yield rows.line_num, cells
    except csv.Error as error:
        raise ManifestInvalid(f"{path}, line {rows.line_num}: {error}", lines=(rows.line_num,)) from error


def _header(cells: list[str], path: Path) -> list[str]:
    header = [name.lower() for name in cells]
    while header and not header[-1]:
        header.pop()
    if "url" not in header:
        raise ManifestInvalid(f"{path}: the first line must be a header with the column `url`", lines=(1,))
    # An unnoticed misspelling of idempotency_key would submit, and pay, every invoice twice.
    if unknown := sorted(set(header) - set(COLUMNS)):
        raise ManifestInvalid(
            f"{path}: unknown columns {', '.join(unknown)}; known are {', '.join(COLUMNS)}", lines=(1,)
        )
    if len(set(header)) < len(header):
        raise ManifestInvalid(f"{path}: the header has a column twice", lines=(1,))
    return header


def _submission(row: dict[str, str], client: str) -> Submission:
    """Converts a row. Raises `IntakeError` or `ValueError` with the fault."""
    if "url" not in row:
        raise ValueError("the url is missing")
    key = row.get("idempotency_key", "")
    if len(key) > MAX_NAME_CHARS or not key.isprintable():
        raise ValueError(f"the idempotency_key must have at most {MAX_NAME_CHARS} characters, all printable")
    policy = row.get("policy")
    if policy is not None and policy not in list(Policy):
        raise ValueError(f"policy {policy[:40]!r} does not exist; expected {', '.join(Policy)}")
    return Submission(
        url=normalise_url(row["url"]),
        client=client,
        idempotency_key=key,
        client_reference=row.get("client_reference"),
        policy=policy,
        callback=normalise_url(row["callback"]) if "callback" in row else None,
        source="manifest",
    )
