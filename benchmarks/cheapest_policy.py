"""Measures the savings of the policy `cheapest`.

    python -m benchmarks.cheapest_policy --documents DIR --labels FILE --readings DIR

Every labelled document goes through both policies with a stand-in model that answers from the labels and spoils a share
of the fields (`--mistakes`). Told for each kind of document: the share of documents for which something was paid, the
header accuracy of the records, those accepted though wrong, and the bill at list prices. `--most-paid` ends with exit
code 1 when `cheapest` pays for a larger share, or its header accuracy is below that of `model_first`.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from rich import box
from rich.console import Console
from rich.table import Table

from benchmarks.modelled import Labelled, ModelRun, Result, documents_parser, labelled_documents, share
from cira_pipeline.evaluation.score import Scoreboard
from cira_pipeline.jobs import Policy
from cira_pipeline.models import Verdict

_KINDS = ("pdf-text", "pdf-scan", "image", "hybrid-pdf", "xml")
_POLICIES = (Policy.MODEL_FIRST, Policy.CHEAPEST)


@dataclass
class Outcome:
    """One policy over documents of one kind."""

    board: Scoreboard = field(default_factory=Scoreboard)
    documents: int = 0
    paid: int = 0
    answers: int = 0
    accepted: int = 0
    accepted_wrong: int = 0
    usd: Decimal = Decimal(0)

    def add(self, result: Result, usd: Decimal) -> None:
        self.board.add(result.score)
        self.documents += 1
        self.paid += bool(result.paid_answers)
        self.answers += result.paid_answers
        accepted = result.record.verdict is Verdict.ACCEPTED
        self.accepted += accepted
        self.accepted_wrong += accepted and bool(result.score.wrong)
        self.usd += usd

    def figures(self) -> dict[str, object]:
        return {
            "documents": self.documents,
            "paid_share": round(share(self.paid, self.documents), 4),
            "answers": self.answers,
            "header_accuracy": round(float(self.board.header_accuracy or 0), 4),
            "accepted_share": round(share(self.accepted, self.documents), 4),
            "accepted_wrong": self.accepted_wrong,
            "usd": str(self.usd),
        }


def main(arguments: Sequence[str] | None = None) -> int:
    options = _options(arguments)
    documents = labelled_documents(options.documents, options.labels, options.readings, options.kind or _KINDS)
    outcomes = {policy: _outcomes(documents, policy, options) for policy in _POLICIES}
    first, cheapest = (outcomes[policy]["all"] for policy in _POLICIES)
    figures = {
        policy.value: {kind: outcome.figures() for kind, outcome in by_kind.items()}
        for policy, by_kind in outcomes.items()
    }
    saved = {"saved_usd": str(first.usd - cheapest.usd), "saved_share": round(float(1 - cheapest.usd / first.usd), 4)}
    _print(outcomes, figures | saved)
    paid_too_often = share(cheapest.paid, cheapest.documents) > options.most_paid
    less_right = (cheapest.board.header_accuracy or 0) < (first.board.header_accuracy or 0)
    return 1 if options.most_paid < 1 and (paid_too_often or less_right) else 0


def _outcomes(documents: Sequence[Labelled], policy: Policy, options: argparse.Namespace) -> dict[str, Outcome]:
    found: dict[str, Outcome] = defaultdict(Outcome)
    with ModelRun(documents, policy, options.mistakes, options.seed) as run:
        for document in documents:
            before = run.billed_usd
            result = run.extract(document)
            usd = run.billed_usd - before
            for kind in (document.kind, "all"):
                found[kind].add(result, usd)
    return dict(found)


def _print(outcomes: dict[Policy, dict[str, Outcome]], figures: dict[str, object]) -> None:
    console = Console() if sys.stdout.isatty() else Console(width=160)
    table = Table(title="cheapest against model_first", box=box.MARKDOWN)
    columns = ("kind", "policy", "documents", "paid for", "answers", "header", "accepted", "accepted wrong", "USD")
    for heading in columns:
        table.add_column(heading, justify="left" if heading in ("kind", "policy") else "right")
    for kind in sorted(outcomes[Policy.CHEAPEST], key=lambda name: (name == "all", name)):
        for policy in _POLICIES:
            outcome = outcomes[policy][kind]
            table.add_row(
                kind,
                policy.value,
                str(outcome.documents),
                f"{share(outcome.paid, outcome.documents):.1%}",
                str(outcome.answers),
                f"{outcome.board.header_accuracy or 0:.4f}",
                f"{share(outcome.accepted, outcome.documents):.1%}",
                str(outcome.accepted_wrong),
                f"{outcome.usd:.4f}",
            )
    console.print(table)
    console.print_json(json.dumps(figures))


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = documents_parser(__doc__, kinds=_KINDS, mistakes=0.02)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--most-paid", type=float, default=1.0, metavar="SHARE")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
