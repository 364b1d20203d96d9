"""Compares extractors without a model over the same labelled documents.

    python benchmarks/other_extractors.py LABELS.jsonl --kind pdf-text

`offline`               CIRA's own engine on what the local reader reads
`invoice2data`          invoice2data 1.0 with the templates it ships
`invoice2data drafted`  the same with a template that it drafts from each document by its own heuristics
`invoice-agent`         invoice-agent 0.2, whose rules for layouts need neither a template nor a model

The others are installed by pip into an environment of their own that is removed afterwards; they are no dependencies of
CIRA. All are scored alike: one row for each extractor, with wrong and missing values apart.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import venv
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from cira_pipeline.evaluation.labels import Label, read_labels
from cira_pipeline.evaluation.score import Scoreboard, score
from cira_pipeline.extraction.offline.engine import OfflineEngine
from cira_pipeline.intake.recognise import recognise
from cira_pipeline.invoice import Invoice, LineItem
from cira_pipeline.ocr.local import LocalReader
from cira_pipeline.settings import Settings

REQUIREMENTS = ("invoice2data>=1.0,<1.1", "invoice-agent>=0.2,<0.3", "pypdfium2")
FIELDS: Mapping[str, str] = {
    "invoice_number": "invoice_number",
    "date": "issue_date",
    "date_due": "due_date",
    "currency": "currency",
    "issuer": "supplier_name",
    "vat": "supplier_vat_id",
    "iban": "payment_iban",
    "partner_name": "customer_name",
    "amount": "gross_total",
    "amount_untaxed": "net_total",
    "amount_tax": "tax_total",
    # invoice-agent's.
    "invoice_date": "issue_date",
    "due_date": "due_date",
    "po_number": "purchase_order",
    "vendor": "supplier_name",
    "subtotal": "net_total",
    "tax": "tax_total",
    "total": "gross_total",
}
"""Their names and ours."""

# Runs in the other environment: one JSON object a line for each path on standard input.
_WORKER = r"""
import json, logging, sys, tempfile
from pathlib import Path
from invoice2data import extract_data
from invoice2data.__main__ import _sample_text, suggested_template, to_yaml
from invoice2data.extract.loader import read_templates
from invoice_agent.extract import get_extractor
from invoice_agent.ingest import load_pdf

logging.disable(logging.CRITICAL)
shipped = read_templates()

def drafted(path):
    text = _sample_text(path, "pdfium")
    if not text:
        return {}
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "draft.yml").write_text(to_yaml(suggested_template(text)), encoding="utf-8")
        return extract_data(path, templates=read_templates(folder), input_module="pdfium")

def by_layout(path):
    return get_extractor("layout").extract(load_pdf(path)).model_dump(mode="json")

def attempt(work, path):
    try:
        return work(path) or {}
    except Exception as error:
        return {"error": repr(error)}

for line in sys.stdin:
    path = line.strip()
    found = {
        "file": path,
        "invoice2data": attempt(lambda p: extract_data(p, templates=shipped, input_module="pdfium"), path),
        "invoice2data drafted": attempt(drafted, path),
        "invoice-agent": attempt(by_layout, path),
    }
    sys.stdout.write("RESULT " + json.dumps(found, default=str) + "\n")
    sys.stdout.flush()
"""


def main(arguments: Sequence[str] | None = None) -> int:
    options = _options(arguments)
    labels = [
        label
        for label in read_labels(options.labels)
        if label.file is not None and (not options.kind or label.about.get("kind") in options.kind)
    ]
    if not labels:
        print("no labelled document of that kind", file=sys.stderr)
        return 2
    boards = {"offline": _offline(labels)}
    for label, answers in _others(labels):
        for name, answer in answers.items():
            board = boards.setdefault(name, Scoreboard())
            board.add(score(_invoice(answer), label.fields))
    Console(width=None if sys.stdout.isatty() else 140).print(_table(boards))
    return 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("labels", type=Path, help="labels file, see docs/labels.md")
    parser.add_argument("--kind", action="append", default=[], help="only documents of this kind; may be repeated")
    return parser.parse_args(arguments)


def _offline(labels: Iterable[Label]) -> Scoreboard:
    settings = Settings(_env_file=None)
    reader, engine, board = LocalReader(settings), OfflineEngine(), Scoreboard()
    for label in labels:
        assert label.file is not None
        document = recognise(label.file.read_bytes(), max_pages=settings.max_pages, max_pixels=settings.max_pixels)
        extraction = engine.extract(document, reader.read(document).reading)
        board.add(score(extraction.invoice if extraction is not None else Invoice(), label.fields))
    return board


def _others(labels: Sequence[Label]) -> Iterable[tuple[Label, Mapping[str, Mapping[str, Any]]]]:
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True)
        python = Path(folder, "bin", "python")
        subprocess.run([python, "-m", "pip", "install", "--quiet", *REQUIREMENTS], check=True)
        paths = "".join(f"{label.file.resolve()}\n" for label in labels if label.file is not None)
        done = subprocess.run([python, "-c", _WORKER], input=paths, capture_output=True, text=True, check=True)
    answers = [json.loads(line[7:]) for line in done.stdout.splitlines() if line.startswith("RESULT ")]
    for label, answer in zip(labels, answers, strict=True):
        yield label, {name: found for name, found in answer.items() if name != "file"}


def _invoice(answer: Mapping[str, Any]) -> Invoice:
    """What another one found, in our fields. What is no date or amount is left out, not counted as wrong."""
    values: dict[str, Any] = {}
    for theirs, ours in FIELDS.items():
        value = answer.get(theirs)
        if value in (None, ""):
            continue
        if ours.endswith("_date"):
            parsed = _date(str(value))
        elif ours.endswith("_total"):
            parsed = _amount(value)
        else:
            parsed = str(value)
        if parsed is not None:
            values[ours] = parsed
    if "gross_total" in values:
        values["amount_due"] = values["gross_total"]
    lines = answer.get("lines") or answer.get("line_items")
    if isinstance(lines, list):
        values["line_items"] = tuple(_line(line) for line in lines if isinstance(line, Mapping))
    return Invoice(**values)


def _line(line: Mapping[str, Any]) -> LineItem:
    description = line.get("name") or line.get("desc") or line.get("description")
    amount = next((_amount(line[key]) for key in ("price_subtotal", "line_total", "amount") if key in line), None)
    return LineItem(description=str(description) if description else None, net_amount=amount)


def _date(text: str) -> date | None:
    try:
        return date.fromisoformat(text[:10])
    except ValueError:
        return None


def _amount(value: Any) -> Decimal | None:
    try:
        return Decimal(str(value))
    except InvalidOperation:
        return None


def _table(boards: Mapping[str, Scoreboard]) -> Table:
    table = Table(title="extractors without a model, the same documents", box=box.MARKDOWN)
    table.add_column("extractor")
    for heading in ("documents", "header", "wrong", "missing", "line F1"):
        table.add_column(heading, justify="right")
    for name, board in boards.items():
        shares = (board.header_accuracy, board.wrong_share, board.missing_share, board.lines.f1)
        table.add_row(name, str(board.documents), *("-" if share is None else f"{share:.3f}" for share in shares))
    return table


if __name__ == "__main__":
    sys.exit(main())
