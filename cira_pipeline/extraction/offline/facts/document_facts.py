"""Facts of a document that are computed once and used by all fields: labels, numbers, dates, ids, language."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property

from cira_pipeline.extraction.offline.facts.countries import COUNTRY_OF_SCHEME, countries_of
from cira_pipeline.extraction.offline.facts.day_order import day_order
from cira_pipeline.extraction.offline.facts.details import Details
from cira_pipeline.extraction.offline.facts.proposals import Proposals
from cira_pipeline.extraction.offline.lexicon import Entries, Meaning, lexicon
from cira_pipeline.extraction.offline.memory.supplier_memory import FORGETFUL, Memory
from cira_pipeline.extraction.offline.normal import OPENING
from cira_pipeline.extraction.offline.own_labels import NO_OWN_LABELS, OwnLabels, is_declared
from cira_pipeline.extraction.offline.page.canvas import Canvas, Segment, Span
from cira_pipeline.extraction.offline.parse.amounts import Number, number_texts, numbers_in
from cira_pipeline.extraction.offline.parse.identifiers import (
    Identifier,
    begins_iban,
    ibans_in,
    vat_ids_in,
    wrapped_iban,
)
from cira_pipeline.extraction.offline.parse.labels import Label, LabelMap, labels_of
from cira_pipeline.extraction.offline.thresholds import thresholds
from cira_pipeline.languages import LANGUAGES
from cira_pipeline.models import Reading
from cira_pipeline.printed.dates import DateText, DayOrder, broken_date, choose, dates_in, day_order_of
from cira_pipeline.printed.numbers import Convention, convention_of


@dataclass(frozen=True, slots=True)
class _Tuned:
    cents_fewest: int
    cents_share: float
    phrase_words: int
    short_label: int
    spoken: float
    language_margin: float


_TUNED = thresholds(_Tuned)


@dataclass(frozen=True)
class PrintedDate:
    """A date in a segment. `certain` is false when the order of day and month is ambiguous in the whole document."""

    value: date
    span: Span
    certain: bool


_NO_NUMBERS: tuple[Number, ...] = ()
_NO_DATES: tuple[PrintedDate, ...] = ()


def _languages_of(label: Label) -> frozenset[str]:
    """Languages in which the lexicon has the label."""
    return frozenset[str]().union(*(meaning.languages for meaning in label.meanings if not is_declared(meaning)))


class Facts:
    """Facts of one document, each computed once, on first use."""

    def __init__(
        self,
        reading: Reading,
        recollect: Callable[[Facts], Memory] | None = None,
        own_labels: OwnLabels = NO_OWN_LABELS,
    ) -> None:
        """`recollect` returns the supplier's memory; it may use only the canvas and the identifiers.

        `own_labels` are those of declared fields.
        """
        self.canvas = Canvas(reading)
        self._recollect = recollect
        self._own_labels = own_labels

    @cached_property
    def memory(self) -> Memory:
        return self._recollect(self) if self._recollect is not None else FORGETFUL

    @cached_property
    def _labels_of_all_languages(self) -> LabelMap:
        entries = self._own_labels.with_labels(self.memory.entries("labels"))
        return labels_of(self.canvas, entries, self.memory.own_labels | self._own_labels.labels.keys())

    @cached_property
    def labels(self) -> LabelMap:
        """The labels of each segment that has one, with what they mean in the document's language."""
        found = {}
        for segment, labels in self._labels_of_all_languages.items():
            meant = ((label, self.meant(label.meanings, label.end - label.start)) for label in labels)
            kept = tuple(
                label if meanings is label.meanings else replace(label, meanings=meanings)
                for label, meanings in meant
                if meanings
            )
            if kept:
                found[segment] = kept
        return found

    def meant(self, meanings: tuple[Meaning, ...], letters: int) -> tuple[Meaning, ...]:
        """What a text of so many `letters` means here, of all that it means in any language.

        Short words, such as `km` (Estonian for VAT), count only in a language that the document shows otherwise, or in
        English. Where languages contradict each other, the one with clearly more evidence decides. Meanings of
        declared labels neither decide this nor are decided on by it.
        """
        declared = tuple(each for each in meanings if is_declared(each))
        if declared:
            usual = tuple(each for each in meanings if each not in declared)
            known = letters > _TUNED.short_label
            return (
                *(self.meant(usual, letters) if usual else ()),
                *(each for each in declared if known or self._spoken(each)),
            )
        kept = meanings
        if letters <= _TUNED.short_label:
            kept = tuple(each for each in meanings if self._spoken(each))
        if all(each.languages == kept[0].languages for each in kept):
            return kept
        languages = frozenset[str]().union(*(meaning.languages for meaning in kept))
        language = max((each for each in LANGUAGES if each in languages), key=self.languages.__getitem__)
        own = tuple(each for each in kept if language in each.languages or not each.languages)
        rivals = max((self._evidence(each) for each in kept if each not in own), default=0)
        return own if self.languages[language] > _TUNED.language_margin * rivals else kept

    def _spoken(self, meaning: Meaning) -> bool:
        """Whether the document shows a language in which a label has this meaning; English is known everywhere."""
        if not meaning.languages or "en" in meaning.languages:
            return True
        return self._evidence(meaning) >= _TUNED.spoken * max(self.languages.values(), default=0)

    def _evidence(self, meaning: Meaning) -> int:
        return max((self.languages[language] for language in meaning.languages), default=0)

    @cached_property
    def column_entries(self) -> Entries:
        return self._own_labels.with_columns(self.memory.entries("columns"))

    @cached_property
    def title_entries(self) -> Entries:
        return self.memory.entries("titles")

    @cached_property
    def languages(self) -> Counter[str]:
        """The evidence for each language: the letters of the labels that it has, each label once."""
        votes: Counter[str] = Counter()
        found = {label.span.text: label for labels in self._labels_of_all_languages.values() for label in labels}
        for label in found.values():
            for language in _languages_of(label):
                votes[language] += label.end - label.start
        return votes

    @cached_property
    def language(self) -> str:
        """The language most labels are in; ties go to the earlier in the lexicon's order."""
        return max(LANGUAGES, key=lambda language: self.languages[language]) if self.languages else "en"

    @cached_property
    def countries(self) -> frozenset[str]:
        """ISO 3166-1 codes of the countries with evidence on the page."""
        ids = [identifier.value for identifier in (*self.vat_ids, *self.ibans)]
        schemes = [scheme for scheme in COUNTRY_OF_SCHEME if any(True for _ in self.details.of(scheme))]
        return countries_of([segment.text for segment in self.canvas.segments], ids, schemes)

    @cached_property
    def convention(self) -> Convention:
        shown = convention_of(number_texts(self.canvas.segments), self.language)
        if shown.certain or self.memory.decimal is None:
            return shown
        decimal, sure = self.memory.decimal
        return Convention(decimal, certain=sure)

    @cached_property
    def day_order(self) -> DayOrder:
        issued, due = self._numbered_dates("issue_date"), self._numbered_dates("due_date")
        shown = day_order(self._texts_with_digits, self.countries, self.language, issued, due)
        if self.memory.month_first is None or self._shows_day_order:
            return shown
        month_first, sure = self.memory.month_first
        return DayOrder(month_first, certain=sure or (shown.certain and shown.month_first is month_first))

    def _numbered_dates(self, concept: str) -> Iterator[DateText]:
        """Dates with a numbered month that a label of `concept` points at."""
        for proposal in self.proposals.of(concept):
            place = proposal.place
            yield from (
                printed
                for printed in dates_in(place.segment.text, place.start, place.end)
                if printed.sign and printed.readings
            )

    @cached_property
    def _texts_with_digits(self) -> tuple[str, ...]:
        return tuple(segment.text for segment in self.canvas.segments if segment.has_digits)

    @cached_property
    def _shows_day_order(self) -> bool:
        """Whether a date of the page is valid in one order of day and month only."""
        orders = (day_order_of(self._texts_with_digits, american=american) for american in (True, False))
        return len({order.month_first for order in orders}) == 1

    @cached_property
    def proposals(self) -> Proposals:
        return Proposals(self.canvas, self.labels, self.memory.places)

    @cached_property
    def details(self) -> Details:
        return Details(self.canvas, self.labels, self.meant)

    @cached_property
    def dates(self) -> dict[Segment, tuple[PrintedDate, ...]]:
        found = {}
        for segment in self.canvas.segments:
            if segment.has_digits:
                printed = (*dates_in(segment.text), *self._broken_date(segment))
                dates = tuple(
                    PrintedDate(chosen[0], Span(segment, each.start, each.end), chosen[1])
                    for each in printed
                    if (chosen := choose(each, self.day_order, self.languages)) is not None
                )
                if dates:
                    found[segment] = dates
        return found

    def _broken_date(self, segment: Segment) -> tuple[DateText, ...]:
        """A date that continues in the line below: at its start, or in the last column of keys beside an address."""
        rows = self.canvas.rows[segment.row.index + 1 : segment.row.index + 2]
        following = [other for row in rows if row.page == segment.page for other in row.segments]
        beside = [other for other in following if other.left >= segment.left - segment.height]
        broken = broken_date(segment.text, beside[0].text) if beside and segment is segment.row.segments[-1] else None
        return (broken,) if broken is not None else ()

    @cached_property
    def numbers(self) -> dict[Segment, tuple[Number, ...]]:
        """Numbers that are not part of a date."""
        found = {}
        for segment in self.canvas.segments:
            if not segment.has_digits:
                continue
            dates = self.dates.get(segment, _NO_DATES)
            numbers = tuple(
                number
                for number in numbers_in(segment, self.convention)
                if not any(date.span.start < number.span.end and number.span.start < date.span.end for date in dates)
            )
            if numbers:
                found[segment] = numbers
        return found

    @cached_property
    def cents(self) -> bool:
        """Whether the document prints its amounts with two decimals."""
        decimals = [number.decimals for numbers in self.numbers.values() for number in numbers if number.is_money]
        return len(decimals) >= _TUNED.cents_fewest and decimals.count(2) >= _TUNED.cents_share * len(decimals)

    def numbers_of(self, segment: Segment) -> tuple[Number, ...]:
        return self.numbers.get(segment, _NO_NUMBERS)

    def dates_of(self, segment: Segment) -> tuple[PrintedDate, ...]:
        return self.dates.get(segment, _NO_DATES)

    @cached_property
    def vat_ids(self) -> list[Identifier]:
        return [found for segment in self.canvas.segments if segment.has_digits for found in vat_ids_in(segment)]

    @cached_property
    def ibans(self) -> list[Identifier]:
        found: list[Identifier] = []
        for segment in self.canvas.segments:
            ocr = segment.page in self.canvas.ocr_pages
            if not ocr and not segment.has_digits:
                continue
            own = list(ibans_in(segment, mend=ocr))
            found += own or self._wrapped_ibans(segment)
        return found

    def below(self, segment: Segment) -> Segment | None:
        """The first segment of the next row of the page."""
        row = self.canvas.rows[segment.row.index + 1 : segment.row.index + 2]
        return row[0].segments[0] if row and row[0].page == segment.page else None

    def below_in_column(self, segment: Segment) -> Segment | None:
        """The segment of the next row of the page that begins where `segment` does."""
        rows = self.canvas.rows[segment.row.index + 1 : segment.row.index + 2]
        following = [other for row in rows if row.page == segment.page for other in row.segments]
        return next((other for other in following if abs(other.left - segment.left) < segment.height), None)

    def _wrapped_ibans(self, segment: Segment) -> list[Identifier]:
        if not begins_iban(segment):
            return []
        rows = self.canvas.rows[segment.row.index + 1 : segment.row.index + 2]
        following = [other for row in rows if row.page == segment.page for other in row.segments]
        return [found for other in following if (found := wrapped_iban(segment, other)) is not None][:1]

    @cached_property
    def text_height(self) -> float:
        """The height of ordinary text, in the page's units."""
        heights = sorted(segment.height for segment in self.canvas.segments)
        return heights[len(heights) // 2] if heights else 1.0

    def contains(self, words: str) -> bool:
        """Whether the document contains a phrase of the lexicon's `[words]` list `words`."""
        return any(self.phrase_in(segment, words) for segment in self.canvas.segments)

    def begins_with(self, segment: Segment, words: str) -> bool:
        """Whether `segment` begins with a phrase of the lexicon's `[words]` list `words`."""
        return self.end_of_phrase(segment, words) > 0

    def end_of_phrase(self, segment: Segment, words: str, first: int = 0) -> int:
        """End of the phrase of the list `words` that begins with word `first` of `segment`; 0 without one."""
        known = lexicon().words[words]
        key = ""
        found = 0
        for word, _, end in segment.words[first : first + _TUNED.phrase_words]:
            key += word
            if key[:OPENING] not in known.openings:
                break
            if key in known:
                found = end
        return found

    def phrase_in(self, segment: Segment, words: str) -> bool:
        """Whether `segment` contains a phrase of the lexicon's `[words]` list `words`."""
        known = lexicon().words[words]
        if known.openings.isdisjoint(segment.openings):
            return False
        parts = [word for word, _, _ in segment.words]
        for index in range(len(parts)):
            key = ""
            for part in parts[index : index + _TUNED.phrase_words]:
                key += part
                if key in known:
                    return True
        return False
