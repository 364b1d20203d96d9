"""Supplier memory: labels, places and spellings learned from a supplier's confirmed invoices, each with a trust.

Lessons vote, newer ones with more weight: two correct confirmations outvote a wrong one, and new lessons old ones. The
result enters the same scoring as the lexicon's labels, below those the lexicon is sure of; it never produces a value by
itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, TypeVar

from cira_pipeline.extraction.offline.lexicon import STRONG, Entries, Meaning, lexicon
from cira_pipeline.extraction.offline.memory.lesson import Heading, Lesson, PagePart, Relation, version_of
from cira_pipeline.extraction.offline.normal import compact, words_of
from cira_pipeline.extraction.offline.thresholds import thresholds


@dataclass(frozen=True, slots=True)
class _Tuned:
    fading: float
    doubt: float
    least_trust: float
    sure_lessons: int
    unlearning_lessons: int
    label_weight: float
    place_weight: float
    demotion: float
    odd: float
    same_place: float
    close_right: float
    close_below: float
    close_above: float


_TUNED = thresholds(_Tuned)

CONCEPT_OF: Mapping[str, str] = {
    "invoice_number": "invoice_number",
    "purchase_order": "purchase_order",
    "issue_date": "issue_date",
    "due_date": "due_date",
    "payment_terms": "payment_terms",
    "net_total": "net_total",
    "tax_total": "tax_total",
    "gross_total": "gross_total",
    "amount_due": "amount_due",
    "supplier_vat_id": "vat_id",
    "customer_vat_id": "customer_vat_id",
    "supplier_name": "supplier",
    "customer_name": "customer",
}
"""Field -> concept of its labels in the lexicon. Labels of accounts are not learned: check digits prove an account, and
memory must not influence where a payment goes."""

MISLED = ("invoice_number", "purchase_order", "issue_date", "due_date")
"""Fields whose labels of the lexicon are trusted less where they were next to something else."""
PLACED = ("invoice_number", "purchase_order", "issue_date", "due_date")
"""Fields that may be found by their place alone; the place of totals depends on the number of lines."""

_CLOSENESS: Mapping[Relation, float] = {
    "inline": 1.0,
    "right": _TUNED.close_right,
    "below": _TUNED.close_below,
    "above": _TUNED.close_above,
}

_T = TypeVar("_T")
Table = Literal["labels", "columns", "titles"]


@dataclass(frozen=True)
class PlacedBefore:
    """Place of a field without a label: shares of the page (0 to 1), already shifted to this page."""

    field: str
    page: PagePart
    left: float
    right: float
    top: float
    score: float


@dataclass(frozen=True)
class Memory:
    """`lessons` of this supplier and layout, newest first; `dx` and `dy`: how far this page is shifted from them."""

    lessons: tuple[Lesson, ...] = ()
    dx: float = 0.0
    dy: float = 0.0

    @cached_property
    def version(self) -> str:
        return version_of(self.lessons)

    def entries(self, table: Table) -> Entries:
        """The lexicon's table with this supplier's own labels."""
        base = {"labels": lexicon().labels, "columns": lexicon().columns, "titles": lexicon().titles}[table]
        own = {"labels": self._labels, "columns": self._columns, "titles": self._titles}[table]
        return base.with_own(own)

    @cached_property
    def own_labels(self) -> frozenset[str]:
        """Labels known only from memory."""
        return frozenset(key for key in self._labels if key not in lexicon().labels)

    @cached_property
    def _labels(self) -> Mapping[str, tuple[Meaning, ...]]:
        known = lexicon().labels
        meanings: dict[str, dict[str, Meaning]] = {}
        for field, concept in CONCEPT_OF.items():
            for key, trust in self._own_labels_of(field):
                if self._better_labelled(field, concept, key) or self._known_in_parts(concept, key, trust):
                    continue
                own = meanings.setdefault(key, {each.concept: each for each in known.get(key, ())})
                weight = _TUNED.label_weight * trust * (_TUNED.odd if _is_anothers(own.values(), concept) else 1.0)
                if concept not in own or own[concept].weight < weight:
                    own[concept] = Meaning(concept, weight)
        for field in MISLED:
            for key, count in self._misleading(field):
                own = meanings.setdefault(key, {each.concept: each for each in known.get(key, ())})
                meaning = own.get(field)
                # Two wrong confirmations must not be enough to unlearn a label the lexicon is sure of.
                least = (
                    _TUNED.unlearning_lessons
                    if meaning is not None and meaning.weight >= STRONG
                    else _TUNED.sure_lessons
                )
                if meaning is not None and meaning.languages and count >= least:
                    own[field] = Meaning(field, _TUNED.demotion * meaning.weight, meaning.languages)
        return {key: tuple(own.values()) for key, own in meanings.items() if own}

    def _own_labels_of(self, field: str) -> Iterator[tuple[str, float]]:
        """The labels of `field` with their trust.

        A text next to two fields is the label of the closer one, and of the other only where that has no better label.
        """
        own = self._label_votes[field]
        best = max((rank * trust for rank, trust in own.values()), default=0.0)
        for key, (rank, trust) in own.items():
            others = [votes[key] for name, votes in self._label_votes.items() if name != field and key in votes]
            closest = all(rank * trust >= other_rank * other_trust for other_rank, other_trust in others)
            if closest or rank * trust >= best:
                yield key, trust

    @cached_property
    def _label_votes(self) -> Mapping[str, Mapping[str, tuple[float, float]]]:
        """Field -> text next to it -> its closeness (by its relation, 0 to 1) and trust."""
        return {field: dict(self._votes_for(field)) for field in CONCEPT_OF}

    def _votes_for(self, field: str) -> Iterator[tuple[str, tuple[float, float]]]:
        seen: list[dict[str, float] | None] = []
        for lesson in self.lessons:
            keys: dict[str, float] = {}
            for sighting in lesson.sightings.get(field, ()):
                for anchor in sighting.anchors:
                    keys[anchor.key] = max(keys.get(anchor.key, 0.0), _CLOSENESS[anchor.relation])
            seen.append(keys if field in lesson.sightings else None)
        for key in sorted({key for keys in seen if keys for key in keys}):
            trust = _trust([None if keys is None else key in keys for keys in seen])
            if trust >= _TUNED.least_trust:
                yield key, (max(keys.get(key, 0.0) for keys in seen if keys), trust)

    @cached_property
    def _texts(self) -> Mapping[str, str]:
        """Key -> the text beside a value, as printed."""
        return {
            anchor.key: anchor.text
            for lesson in self.lessons
            for sightings in lesson.sightings.values()
            for sighting in sightings
            for anchor in sighting.anchors
        }

    def _known_in_parts(self, concept: str, key: str, trust: float) -> bool:
        """`Fakturanr / Invoice no`: a part of the text is a label of this field in the lexicon, with equal weight."""
        if key in lexicon().labels:
            return False
        words = [word for word, _, _ in words_of(self._texts[key])]
        runs = ("".join(words[i:j]) for i in range(len(words)) for j in range(i + 1, len(words) + 1))
        weights = [each.weight for run in runs for each in lexicon().labels.get(run, ()) if each.concept == concept]
        return max(weights, default=0.0) >= _TUNED.label_weight * trust

    def _better_labelled(self, field: str, concept: str, key: str) -> bool:
        """Whether `key` is surely another field's label by the lexicon, and the field has a plain label of its own.

        Then two fields had the same value by chance, such as gross total and amount due.
        """
        known = lexicon().labels
        if not any(each.weight >= STRONG and each.concept != concept for each in known.get(key, ())):
            return False
        if any(each.concept == concept for each in known.get(key, ())):
            return False
        anchors = {
            anchor.key
            for lesson in self.lessons
            for sighting in lesson.sightings.get(field, ())
            for anchor in sighting.anchors
        }
        return any(
            each.concept == concept and each.weight >= STRONG for other in anchors for each in known.get(other, ())
        )

    def _misleading(self, field: str) -> Iterator[tuple[str, int]]:
        """Labels that were next to something else, and on how many invoices."""
        seen = [
            frozenset(lesson.misleading.get(field, ())) if field in lesson.sightings or field in lesson.absent else None
            for lesson in self.lessons
        ]
        for key in sorted({key for keys in seen if keys for key in keys}):
            votes = [None if keys is None else key in keys for keys in seen]
            if _trust(votes) >= _TUNED.least_trust:
                yield key, votes.count(True)

    @cached_property
    def _columns(self) -> Mapping[str, tuple[Meaning, ...]]:
        found: dict[str, dict[str, float]] = {}
        for concept in sorted({concept for lesson in self.lessons for concept in lesson.columns}):
            seen = [
                {heading.key for heading in lesson.columns[concept]} if concept in lesson.columns else None
                for lesson in self.lessons
            ]
            for key in sorted({key for keys in seen if keys for key in keys}):
                trust = _trust([None if keys is None else key in keys for keys in seen])
                if trust >= _TUNED.least_trust:
                    found.setdefault(key, {})[concept] = trust
        # A heading over one column means one thing; the lexicon may have several for it.
        best = {key: max(sorted(trusts), key=lambda concept: trusts[concept]) for key, trusts in found.items()}
        return {key: (Meaning(concept, STRONG),) for key, concept in best.items()}

    @cached_property
    def _titles(self) -> Mapping[str, tuple[Meaning, ...]]:
        votes: dict[tuple[str, str], list[bool | None]] = {}
        titled = [(each.title, each.spelled.get("invoice_type")) for each in self.lessons]
        for title, code in titled:
            if title is not None and code is not None:
                votes[title.key, code] = [
                    None if other is None else (_key(other), kind) == (title.key, code) for other, kind in titled
                ]
        return {
            key: (Meaning(code, STRONG),) for (key, code), cast in votes.items() if _trust(cast) >= _TUNED.least_trust
        }

    @cached_property
    def places(self) -> tuple[PlacedBefore, ...]:
        """Places of values without a label."""
        labelled = {field for field in PLACED if self._label_votes[field]}
        return tuple(place for field in PLACED if field not in labelled for place in self._places(field))

    def _places(self, field: str) -> Iterator[PlacedBefore]:
        sightings = [lesson.sightings.get(field) for lesson in self.lessons]
        newest = next((each for each in sightings if each), ())
        for place in newest:
            votes = [
                None
                if each is None
                else any(
                    other.page == place.page
                    and abs(other.top - place.top) < _TUNED.same_place
                    and min(abs(other.left - place.left), abs(other.right - place.right)) < _TUNED.same_place
                    for other in each
                )
                for each in sightings
            ]
            trust = _trust(votes)
            if trust >= _TUNED.least_trust:
                yield PlacedBefore(
                    field,
                    place.page,
                    place.left + self.dx,
                    place.right + self.dx,
                    place.top + self.dy,
                    _TUNED.place_weight * trust,
                )

    def spelled(self, field: str) -> tuple[tuple[str, float], ...]:
        """The confirmed spellings of `field` that most lessons agree on, with their trust, best first."""
        values = [lesson.spelled.get(field) for lesson in self.lessons]
        found = {}
        for value in {compact(value): value for value in reversed(values) if value}.values():
            trust = _trust([None if each is None else compact(each) == compact(value) for each in values])
            if trust >= _TUNED.least_trust:
                found[value] = trust
        return tuple(sorted(found.items(), key=lambda pair: -pair[1]))

    @cached_property
    def accounts(self) -> frozenset[str]:
        """Accounts that were confirmed on this layout. They are compared, never proposed."""
        return frozenset(account for lesson in self.lessons if (account := lesson.spelled.get("payment_iban")))

    @cached_property
    def number_shapes(self) -> frozenset[str]:
        """Patterns of invoice numbers; empty where there are as many as invoices."""
        shapes = [lesson.number_shape for lesson in self.lessons if lesson.number_shape]
        return frozenset(shapes) if len(set(shapes)) <= max(len(shapes) // 2, 1) else frozenset()

    @cached_property
    def month_first(self) -> tuple[bool, bool] | None:
        """Whether months come before days, and whether that is sure; `None` where no lesson shows it."""
        return _agreed([lesson.month_first for lesson in self.lessons])

    @cached_property
    def decimal(self) -> tuple[str, bool] | None:
        """The decimal sign, and whether it is sure; `None` where no lesson shows it."""
        return _agreed([lesson.decimal for lesson in self.lessons])

    def never(self, field: str) -> bool:
        """Whether several confirmations say that this layout has no such field."""
        known = [lesson for lesson in self.lessons if field in lesson.absent or field in lesson.sightings]
        return len(known) > _TUNED.sure_lessons and all(field in lesson.absent for lesson in known)

    def agreeing(self, field: str, anchors: Iterable[tuple[str, str]], value: object) -> int:
        """Number of lessons with `field` next to one of the same texts (relation, key), or with the same spelling."""
        wanted = frozenset(anchors)
        return sum(
            any(
                (anchor.relation, anchor.key) in wanted
                for sighting in lesson.sightings.get(field, ())
                for anchor in sighting.anchors
            )
            or (field in lesson.spelled and compact(lesson.spelled[field]) == compact(str(value)))
            for lesson in self.lessons
        )


FORGETFUL = Memory()


def _is_anothers(meanings: Iterable[Meaning], concept: str) -> bool:
    """Whether the label is another field's by the lexicon, with certainty."""
    sure = {each.concept for each in meanings if each.languages and each.weight >= STRONG}
    return bool(sure) and concept not in sure


def _trust(votes: Sequence[bool | None]) -> float:
    """Share of votes for something, 0 to 1, weighted by age; `None` is not a vote."""
    weights = [_TUNED.fading**index for index in range(len(votes))]
    cast = sum(weight for weight, vote in zip(weights, votes, strict=True) if vote is not None)
    return sum(weight for weight, vote in zip(weights, votes, strict=True) if vote) / (cast + _TUNED.doubt)


def _agreed(values: Sequence[_T | None]) -> tuple[_T, bool] | None:
    known = [value for value in values if value is not None]
    if not known:
        return None
    trust = _trust([None if value is None else value == known[0] for value in values])
    return (known[0], known.count(known[0]) >= _TUNED.sure_lessons) if trust >= _TUNED.least_trust else None


def _key(heading: Heading) -> str:
    return heading.key
