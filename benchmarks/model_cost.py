"""Measures what an invoice costs when a model reads it, and what the form of the answer contributes.

    python -m benchmarks.model_cost --count 40

Generated invoices are read, asked about as the engine asks, and answered from their labels with everything that they
show. Counted are the tokens of the prompt with the schema, of the document, and of the answer: in the form in use; with
a key for each of the 18 fields of schema version 1; and with a key for each field of today in that form. Tokens are
counted by the package bpe-openai (`o200k_base`, offline) where it is installed, else estimated at three bytes each.
Prices are list prices; the prompt is counted once at full price and once as found in the provider's prompt cache.
"""

from __future__ import annotations

import argparse
import json
import statistics
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from rich.console import Console
from rich.table import Table

from cira_pipeline.costs.prices import PriceList
from cira_pipeline.extraction.azure_openai.answer import answer_schema
from cira_pipeline.extraction.azure_openai.question import system_prompt
from cira_pipeline.extraction.azure_openai.vocabulary import LINES, STANDARD
from cira_pipeline.extraction.azure_openai.windows import ANSWER_TOKENS_PER_LINE, estimate_tokens, numbered
from cira_pipeline.intake.recognise import recognise
from cira_pipeline.ocr.local import LocalReader
from cira_pipeline.samples.generator import Order, labelled_document
from cira_pipeline.settings import Settings
from tests.azure_standin import LabelAnswers

VERSION_1 = (
    "invoice_number",
    "issue_date",
    "invoice_type",
    "currency",
    "due_date",
    "purchase_order",
    "payment_terms",
    "supplier_name",
    "supplier_vat_id",
    "supplier_address",
    "customer_name",
    "customer_vat_id",
    "customer_address",
    "payment_iban",
    "net_total",
    "tax_total",
    "gross_total",
    "amount_due",
)
VERSION_1_TABLES = {
    "tax_breakdown": ("rate", "net", "tax"),
    LINES: ("description", "quantity", "unit", "unit_price", "tax_rate", "net_amount"),
}

Answer = Mapping[str, Any]


def main() -> None:
    given = _options()
    count = _counter()
    prices = PriceList.load()
    price = {
        unit: prices.token_price("azure", given.model, unit).usd
        for unit in ("input_token", "cached_input_token", "output_token")
    }
    asked = count(system_prompt(STANDARD)) + count(json.dumps(answer_schema(STANDARD)))
    settings = Settings(_env_file=None)
    reader = LocalReader(settings)
    order = Order(seed=given.seed, split="all", kinds=("pdf-text",))
    documents, answers, by_line = [], [], []
    for number in range(given.count):
        made = labelled_document(order, number)
        document = recognise(made.content, max_pages=settings.max_pages, max_pixels=settings.max_pixels)
        lines = reader.read(document).reading.lines
        text = "\n".join(numbered(line) for line in lines)
        answer = LabelAnswers([made.row["fields"]])(text)
        forms = (answer, _by_key(answer, VERSION_1, VERSION_1_TABLES), _all_by_key(answer))
        counted = [count(_compact(form)) for form in forms]
        documents.append(count(text))
        answers.append(counted)
        by_line.append(counted[0] / len(lines))
    names = ("the form in use", "a key for each of 18 fields", "a key for each field")
    table = Table(title=f"tokens of an invoice, mean of {given.count}; {given.model}, USD for 1,000 invoices")
    for column in ("form of the answer", "prompt and schema", "document", "answer", "USD", "USD, prompt cached"):
        table.add_column(column, justify="left" if column.startswith("form") else "right")
    for name, tokens in zip(names, zip(*answers, strict=True), strict=True):
        read, written = Decimal(statistics.mean(documents)), Decimal(statistics.mean(tokens))
        rest = read * price["input_token"] + written * price["output_token"]
        cost = [1000 * (asked * price[unit] + rest) for unit in ("input_token", "cached_input_token")]
        table.add_row(name, str(asked), f"{read:.0f}", f"{written:.0f}", *(f"{usd:.2f}" for usd in cost))
    console = Console(width=140)
    console.print(table)
    console.print(
        f"answer tokens for each printed line: median {statistics.median(by_line):.0f}, most {max(by_line):.0f}; "
        f"the engine allows for {ANSWER_TOKENS_PER_LINE}"
    )


def _by_key(answer: Answer, fields: Iterable[str], tables: Mapping[str, Iterable[str]]) -> dict[str, Any]:
    """The answer as an object with a key for each field and column; `null` where the document shows nothing."""
    spans: dict[str, list[Answer]] = {}
    for span in answer["fields"]:
        spans.setdefault(span["field"], []).append(span)
    rows = {
        table: [
            {column: _shortened([cell for cell in row["cells"] if cell["column"] == column]) for column in columns}
            for row in answer["rows"]
            if row["table"] == table
        ]
        for table, columns in tables.items()
    }
    return {name: _shortened(spans.get(name, ())) for name in fields} | rows


def _all_by_key(answer: Answer) -> dict[str, Any]:
    return _by_key(answer, STANDARD.fields, {name: tuple(table.columns) for name, table in STANDARD.tables.items()})


def _shortened(spans: Iterable[Answer]) -> Any:
    found = [{"text": span["text"], "line": span["line"]} for span in spans]
    return found if len(found) > 1 else found[0] if found else None


def _compact(answer: Answer) -> str:
    return json.dumps(answer, ensure_ascii=False, separators=(",", ":"))


def _counter() -> Callable[[str], int]:
    if find_spec("bpe_openai") is None:
        return estimate_tokens
    encoding = import_module("bpe_openai").get_encoding("o200k_base")
    return lambda text: len(encoding.encode(text))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=40)
    parser.add_argument("--seed", type=int, default=3)
    parser.add_argument("--model", default="gpt-4.1-mini")
    return parser.parse_args()


if __name__ == "__main__":
    main()
