"""Evaluates results of many documents against their labels, by kind, by supplier and by confidence."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from typing import Final

from cira_pipeline.evaluation.labels import Label, suppliers_of
from cira_pipeline.evaluation.reliability import Bin, binned
from cira_pipeline.evaluation.results import Result, matched
from cira_pipeline.evaluation.score import Score, Scoreboard, score
from cira_pipeline.invoice import HEADER_FIELDS, Invoice
from cira_pipeline.models import EngineName

_PARSING = frozenset(str(name) for name in EngineName if not name.reads_page)

ACCEPTED: Final = "accepted"
NO_RESULT: Final = "no result"


@dataclass(frozen=True)
class Measured:
    """One labelled document with its score.

    `result` is `None` where the document has no result; then every labelled value is missing.
    """

    label: Label
    result: Result | None
    score: Score
    supplier: str

    @property
    def kind(self) -> str:
        return str(self.label.about.get("kind", "all"))

    @property
    def name(self) -> str:
        return str(self.label.file.name if self.label.file is not None else self.label.sha256)

    @property
    def outcome(self) -> str:
        return self.result.outcome if self.result is not None else NO_RESULT

    @property
    def accepted(self) -> bool:
        return self.outcome == ACCEPTED

    @cached_property
    def confidences(self) -> Mapping[str, float]:
        """Header field -> its confidence in the record (0 to 1), the lowest of its evidence."""
        found: dict[str, float] = {}
        for each in self.result.evidence if self.result is not None else ():
            if each.field in HEADER_FIELDS:
                found[each.field] = min(each.confidence, found.get(each.field, 1.0))
        return found


@dataclass
class Tally:
    """Sums over a group of documents. `accepted`: over those with the verdict accepted, which nobody reviews."""

    board: Scoreboard = field(default_factory=Scoreboard)
    accepted: Scoreboard = field(default_factory=Scoreboard)
    outcomes: Counter[str] = field(default_factory=Counter)
    cost_usd: Decimal = Decimal(0)
    seconds: list[float] = field(default_factory=list)

    def add(self, document: Measured) -> None:
        self.board.add(document.score)
        self.outcomes[document.outcome] += 1
        if document.accepted:
            self.accepted.add(document.score)
        if document.result is not None:
            self.cost_usd += document.result.cost_usd
            self.seconds.append(document.result.seconds)

    @property
    def touchless(self) -> Decimal:
        """Share of documents that were accepted, 0 to 1."""
        return Decimal(self.accepted.documents) / Decimal(self.board.documents or 1)

    @property
    def exact(self) -> Decimal:
        """Share of documents whose labelled values are all right, 0 to 1."""
        return Decimal(self.board.exact_documents) / Decimal(self.board.documents or 1)


@dataclass(frozen=True)
class Evaluation:
    """Labelled documents with their results and scores."""

    documents: Sequence[Measured]

    def by_kind(self) -> Mapping[str, Tally]:
        return self.by("kind")

    def by(self, key: str) -> Mapping[str, Tally]:
        """Value of the labels' `key`, such as kind, country, language or layout -> tally; `all` without the key."""
        return self._tallies(lambda document: str(document.label.about.get(key, "all")))

    def by_supplier(self) -> Mapping[str, Tally]:
        """Supplier -> its tally, the lowest accuracy first."""
        tallies = self._tallies(lambda document: document.supplier)
        return dict(sorted(tallies.items(), key=lambda item: (_accuracy(item[1]), item[0])))

    def misses(self) -> Sequence[Measured]:
        """Documents with a wrong or missing value, accepted ones with wrong values first."""
        wrong = [document for document in self.documents if not document.score.exact]
        return sorted(
            wrong, key=lambda each: (not (each.accepted and each.score.wrong), -len(each.score.wrong), each.name)
        )

    def reliability(self) -> Sequence[Bin]:
        """Bins of confidence over labelled header values that were read from pages, without those of e-invoice XML."""
        return binned(
            (confidence, name in document.score.right)
            for document in self.documents
            if document.result is not None and document.result.engine not in _PARSING
            for name, confidence in document.confidences.items()
            if name in document.score.right or name in document.score.wrong
        )

    def _tallies(self, group: Callable[[Measured], str]) -> dict[str, Tally]:
        tallies: dict[str, Tally] = defaultdict(Tally)
        for document in self.documents:
            tallies[group(document)].add(document)
        return dict(sorted(tallies.items()))


def evaluate(labels: Iterable[Label], results: Iterable[Result], *, only: Sequence[str] = ()) -> Evaluation:
    """Scores `results` against `labels`, of the kinds in `only` or of all kinds. Raises: ResultsInvalid."""
    chosen = [label for label in labels if not only or str(label.about.get("kind", "all")) in only]
    suppliers = suppliers_of(chosen)
    return Evaluation(
        tuple(
            Measured(
                label, result, score(result.invoice if result else Invoice(), label.fields), suppliers[label.sha256]
            )
            for label, result in matched(chosen, results)
        )
    )


def _accuracy(tally: Tally) -> Decimal:
    accuracy = tally.board.header_accuracy
    return Decimal(1) if accuracy is None else accuracy
