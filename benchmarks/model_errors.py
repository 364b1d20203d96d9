"""Measures how many mistakes of a model are caught.

    python -m benchmarks.model_errors --documents DIR --labels FILE --readings DIR

A stand-in answers from the labels and spoils a share of the fields (`--mistakes`): wrong digits, neighbouring amounts,
swapped dates, inventions, omissions, dropped and merged lines. Every labelled document of the kinds given is read (the
readings are kept in `--readings`), extracted under `model_first` and validated as of two weeks after its issue date.

`--seeds N` repeats this with other mistakes each time. `--hybrids` adds the e-invoices whose XML is inside a PDF, read
from their pages as if there were no XML.

A spoilt value counts as caught when the record has the labelled value after all, or needs review. Not counted are those
that the label does not have, or that the record has wrong without any mistake too (a page that shows other amounts than
its label): these are `not_judged`. Clean records are those of a run without any mistake, of documents whose label has
what no record may lack (the stand-in knows nothing besides) and is itself accepted: a document that prints a wrong IBAN
is rightly looked at. `clean_reviewed_share_all` leaves out the last condition. `--require-caught` and
`--most-clean-reviewed` end with exit code 1 when the shares are worse.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from rich import box
from rich.console import Console
from rich.table import Table

from benchmarks.modelled import Labelled, ModelRun, documents_parser, labelled_documents, share, true_record
from cira_pipeline.jobs import Policy
from cira_pipeline.models import Record, Severity, Verdict
from tests.azure_standin.mistakes import KINDS

_KINDS = ("pdf-text", "pdf-scan", "image")
_HYBRID = "hybrid-pdf"
_NEEDED = ("invoice_number", "issue_date", "currency", "supplier_name", "gross_total")


@dataclass
class Caught:
    """Spoilt values by the kind of mistake. `silent` names those that are wrong in an accepted record."""

    corrected: Counter[str] = field(default_factory=Counter)
    reviewed: Counter[str] = field(default_factory=Counter)
    silent: list[str] = field(default_factory=list)
    silent_kinds: Counter[str] = field(default_factory=Counter)
    not_judged: int = 0

    @property
    def total(self) -> int:
        return self.corrected.total() + self.reviewed.total() + self.silent_kinds.total()

    @property
    def share(self) -> float:
        return share(self.corrected.total() + self.reviewed.total(), self.total)


@dataclass
class _CleanRecords:
    """`sound` documents are those whose true values are accepted."""

    sound: int = 0
    sound_reviewed: int = 0
    total: int = 0
    at_fault_reviewed: int = 0
    reviewed: list[str] = field(default_factory=list)

    def add(self, document: Labelled, record: Record) -> None:
        truth = true_record(document)
        reviewed = record.verdict is not Verdict.ACCEPTED
        self.total += 1
        if truth.verdict is Verdict.ACCEPTED:
            self.sound += 1
            self.sound_reviewed += reviewed
        else:
            self.at_fault_reviewed += reviewed
        if reviewed:
            at_fault = "" if truth.verdict is Verdict.ACCEPTED else f" (true values: {_rules(truth)})"
            self.reviewed.append(f"{document.name}: {_rules(record)}{at_fault}")


def _rules(record: Record) -> str:
    return ", ".join(sorted({each.rule for each in record.findings if each.severity is not Severity.INFO}))


def main(arguments: Sequence[str] | None = None) -> int:
    options = _options(arguments)
    kinds = [*(options.kind or _KINDS), *([_HYBRID] if options.hybrids else [])]
    documents = labelled_documents(options.documents, options.labels, options.readings, kinds)
    clean, right = _CleanRecords(), {}
    with ModelRun(documents, Policy.MODEL_FIRST, 0.0, 1, without_xml=options.hybrids) as run:
        for document in documents:
            result = run.extract(document)
            right[document.name] = {name for name in document.fields if result.right(name)}
            if all(document.fields.get(name) for name in _NEEDED):
                clean.add(document, result.record)
    caught = Caught()
    spoilt_accepted, rounds, billed_usd = 0, 0, Decimal(0)
    for seed in range(1, options.seeds + 1):
        with ModelRun(documents, Policy.MODEL_FIRST, options.mistakes, seed, without_xml=options.hybrids) as run:
            for document in documents:
                spoilt_accepted += _count(run, document, caught, right[document.name])
            rounds, billed_usd = rounds + run.rounds, billed_usd + run.billed_usd
    figures = {
        "documents": len(documents),
        "runs": options.seeds,
        "hybrids_from_their_pages": sum(document.kind == _HYBRID for document in documents),
        "mistakes": options.mistakes,
        "spoilt_values": caught.total,
        "corrected": caught.corrected.total(),
        "in_review": caught.reviewed.total(),
        "silent": caught.silent_kinds.total(),
        "not_judged": caught.not_judged,
        "caught_share": round(caught.share, 4),
        "accepted_records_with_mistakes": spoilt_accepted,
        "correction_rounds": rounds,
        "billed_usd": str(billed_usd),
        "clean_records": clean.sound,
        "clean_reviewed": clean.sound_reviewed,
        "clean_reviewed_share": round(share(clean.sound_reviewed, clean.sound), 4),
        "clean_reviewed_share_all": round(share(clean.at_fault_reviewed + clean.sound_reviewed, clean.total), 4),
    }
    _print(caught, clean.reviewed, figures, verbose=options.verbose)
    unmet = figures["caught_share"] < options.require_caught
    return 1 if unmet or figures["clean_reviewed_share"] > options.most_clean_reviewed else 0


def _count(run: ModelRun, document: Labelled, caught: Caught, right: set[str]) -> int:
    """Adds what became of the document's spoilt values; 1 when the record was accepted all the same.

    `right` are the fields that the record has right without any mistake.
    """
    result = run.extract(document)
    accepted = result.record.verdict is Verdict.ACCEPTED
    for name, kind in {name: kind for kind, name in result.mistakes}.items():
        if name not in right:
            caught.not_judged += 1
        elif result.right(name):
            caught.corrected[kind] += 1
        elif not accepted:
            caught.reviewed[kind] += 1
        else:
            caught.silent_kinds[kind] += 1
            caught.silent.append(f"{document.name}: {name}, {kind}")
    return int(accepted and bool(result.mistakes))


def _print(caught: Caught, reviewed: Sequence[str], figures: dict[str, object], *, verbose: bool) -> None:
    console = Console() if sys.stdout.isatty() else Console(width=160)
    table = Table(title="what became of spoilt values", box=box.MARKDOWN)
    for heading in ("mistake", "spoilt", "corrected", "in review", "silent"):
        table.add_column(heading, justify="left" if heading == "mistake" else "right")
    for kind in KINDS:
        counts = (caught.corrected[kind], caught.reviewed[kind], caught.silent_kinds[kind])
        table.add_row(kind, str(sum(counts)), *map(str, counts))
    console.print(table)
    if verbose:
        for line in (*(f"silent: {each}" for each in caught.silent), *(f"reviewed: {each}" for each in reviewed)):
            console.print(line, soft_wrap=True)
    console.print_json(json.dumps(figures))


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = documents_parser(__doc__, kinds=_KINDS, mistakes=0.1)
    parser.add_argument("--seeds", type=int, default=1, help="runs with other mistakes each")
    parser.add_argument("--hybrids", action="store_true", help="also e-invoices in PDFs, read from their pages")
    parser.add_argument("--require-caught", type=float, default=0.0, metavar="SHARE")
    parser.add_argument("--most-clean-reviewed", type=float, default=1.0, metavar="SHARE")
    parser.add_argument("--verbose", action="store_true", help="name each document")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
