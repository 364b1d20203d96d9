"""Reads labels files: the ground truth of documents, as JSON lines.

One JSON object for each line: `file` (relative to the labels file) or `sha256`, and `fields` with the names of the
canonical invoice, amounts as decimal strings, dates in ISO 8601. `null` means that the document has no such field.
Other keys (`id`, `kind`, `language`, ...) describe the document and are kept.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final

from cira_pipeline.errors import LabelsInvalid
from cira_pipeline.evaluation.comparison import amount, similarity
from cira_pipeline.fields import FieldKind, Term
from cira_pipeline.invoice import HEADER_FIELDS, ROW_TERMS, TERMS
from cira_pipeline.invoice_bounds import MAX_CHARS


@dataclass(frozen=True)
class Label:
    """Ground truth of one document. `file` is `None` where the labels file names the document by its hash."""

    sha256: str
    file: Path | None
    fields: Mapping[str, Any]
    about: Mapping[str, Any]


def read_labels(path: Path) -> tuple[Label, ...]:
    """All labels of the file at `path`, each with the hash of its document.

    Raises: LabelsInvalid naming the line, when the file cannot be read, a line is not a label, a document is missing,
    or one document has two different labels.
    """
    labels: dict[str, Label] = {}
    for where, row in _rows(path):
        label = _label(row, path.parent, where)
        known = labels.setdefault(label.sha256, label)
        if known.fields != label.fields:
            raise LabelsInvalid(f"{where}: an earlier line labels this document differently", sha256=label.sha256)
    return tuple(labels.values())


def check_fields(fields: object, where: str = "label") -> dict[str, Any]:
    """`fields` unchanged, after checking that every name is a field of the canonical invoice and every value valid.

    Raises: LabelsInvalid.
    """
    if not isinstance(fields, Mapping):
        raise LabelsInvalid(f"{where}: `fields` is not an object")
    unknown = sorted(str(name) for name in fields if name not in TERMS)
    if unknown:
        raise LabelsInvalid(f"{where}: no such invoice field: {', '.join(unknown)}", unknown=unknown)
    if not any(name in HEADER_FIELDS for name in fields):
        raise LabelsInvalid(f"{where}: no header field is labelled")
    for name, value in fields.items():
        if name in ROW_TERMS:
            _check_table(name, value, where)
        elif value is not None:
            _check_value(f"{where}: `{name}`", TERMS[name], name, value)
    return dict(fields)


def _rows(path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise LabelsInvalid(f"{path} cannot be read: {error}") from error
    # Not splitlines(): a JSON string may contain U+2028 and similar characters verbatim.
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        where = f"{path.name}, line {number}"
        try:
            # Numbers stay text, because a float would lose cents.
            row = json.loads(line, parse_float=str, parse_int=str)
        except (json.JSONDecodeError, RecursionError) as error:
            raise LabelsInvalid(f"{where}: not JSON: {error}") from error
        if not isinstance(row, dict):
            raise LabelsInvalid(f"{where}: not a JSON object")
        yield where, row


def _label(row: Mapping[str, Any], folder: Path, where: str) -> Label:
    fields = check_fields(row.get("fields"), where)
    about = {name: value for name, value in row.items() if name not in ("fields", "file", "sha256")}
    stated = row.get("sha256")
    if stated is not None and not (isinstance(stated, str) and re.fullmatch(r"[0-9a-f]{64}", stated)):
        raise LabelsInvalid(f"{where}: `sha256` is not 64 lower-case hexadecimal digits")
    name = row.get("file")
    if name is None:
        if stated is None:
            raise LabelsInvalid(f"{where}: neither `file` nor `sha256` is given, so the document is unknown")
        return Label(stated, None, fields, about)
    if not isinstance(name, str):
        raise LabelsInvalid(f"{where}: `file` is not a string")
    file = folder / name
    sha256 = _sha256(file, where)
    if stated not in (None, sha256):
        raise LabelsInvalid(f"{where}: {name} is not the document that was labelled: its SHA-256 is {sha256}")
    return Label(sha256, file, fields, about)


def _sha256(file: Path, where: str) -> str:
    try:
        with file.open("rb") as content:
            return hashlib.file_digest(content, "sha256").hexdigest()
    except (OSError, ValueError) as error:
        raise LabelsInvalid(f"{where}: the document {file} cannot be read: {error}") from error


def _check_table(name: str, rows: object, where: str) -> None:
    if rows is None:
        return
    if not isinstance(rows, list) or not all(isinstance(row, Mapping) for row in rows):
        raise LabelsInvalid(f"{where}: `{name}` is not a list of objects")
    for position, row in enumerate(rows):
        unknown = sorted(str(key) for key in row if key not in ROW_TERMS[name])
        if unknown:
            raise LabelsInvalid(f"{where}: `{name}[{position}]` has no field {', '.join(unknown)}", unknown=unknown)
        for key, value in row.items():
            if value is not None:
                _check_value(f"{where}: `{name}[{position}].{key}`", ROW_TERMS[name][key], key, value)


def _check_value(what: str, term: Term, name: str, value: object) -> None:
    if term.kind is FieldKind.MAP:
        if not isinstance(value, Mapping):
            raise LabelsInvalid(f"{what} is not an object")
    elif term.kind.is_number or term.kind is FieldKind.POSITION:
        if amount(value) is None:
            raise LabelsInvalid(f"{what} is not a decimal number such as 12.50")
    elif not isinstance(value, str) or not (value.strip() or term.group is None):  # a cell may be blank
        raise LabelsInvalid(f"{what} is not a string")
    elif len(value) > MAX_CHARS.get(name, len(value)):
        raise LabelsInvalid(f"{what} is longer than {MAX_CHARS[name]:,} characters")
    elif term.kind is FieldKind.DATE and not _is_date(value):
        raise LabelsInvalid(f"{what} is not a date such as 2026-01-31")


def _is_date(text: str) -> bool:
    try:
        # Python also reads 20260131 and week dates, which would never compare equal.
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


# Least similarity (0 to 100) of two spellings of one supplier's name.
_SAME_SUPPLIER: Final = 90.0


def suppliers_of(labels: Iterable[Label]) -> Mapping[str, str]:
    """SHA-256 of a document -> its supplier, so that cross-validation can keep a supplier's documents together.

    Names that are nearly the same get one spelling. A label with the key `layout` is grouped by it, because invoices of
    generated suppliers resemble each other by layout. Without a supplier name, the group is `source_path`, the file
    name or the document itself.
    """
    names: list[str] = []
    found: dict[str, str] = {}
    for label in labels:
        layout, name = label.about.get("layout"), label.fields.get("supplier_name")
        if layout is not None or name is None:
            file = label.file.name if label.file is not None else label.sha256
            found[label.sha256] = (
                f"layout {layout}" if layout is not None else str(label.about.get("source_path", file))
            )
            continue
        known = next((other for other in names if similarity(other, str(name)) >= _SAME_SUPPLIER), None)
        if known is None:
            names.append(known := str(name))
        found[label.sha256] = known
    return found
