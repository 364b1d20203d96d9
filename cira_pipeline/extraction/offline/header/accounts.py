"""Extracts payment accounts other than IBANs: account numbers with their routing codes, giro and postal accounts."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from cira_pipeline.extraction.offline.facts.candidates import CHECK_DIGITS, LABELLED, proven
from cira_pipeline.extraction.offline.facts.details import Found
from cira_pipeline.extraction.offline.facts.document_facts import Facts
from cira_pipeline.extraction.offline.facts.proposals import Proposal
from cira_pipeline.extraction.offline.header.debited_account import is_debited
from cira_pipeline.extraction.offline.lexicon import lexicon
from cira_pipeline.extraction.offline.page.canvas import Segment, Span
from cira_pipeline.extraction.offline.parse.identifiers import bare, ibans_in
from cira_pipeline.extraction.offline.parse.labels import Place
from cira_pipeline.extraction.offline.parties.names import namelike
from cira_pipeline.extraction.offline.thresholds import thresholds
from cira_pipeline.printed.accounts import PLAIN, ROUTED, PlainForm, RoutedForm, is_bic


@dataclass(frozen=True, slots=True)
class _Tuned:
    rows_apart: int
    column_apart: float
    unchecked: float
    without_check: float
    name: float
    currency_rows: int


_TUNED = thresholds(_Tuned)

_BIC = re.compile(r"[A-Z]{4} ?[A-Z]{2} ?[A-Z0-9]{2}(?: ?[A-Z0-9]{3})?(?![^\W_])")
_ACCOUNT = re.compile(r"\d(?:[ -]?\d){4,17}(?![^\W_])(?![-/.,]\d)")
_BESIDE = re.compile(r"[\s:/,;|·-]*")
_CURRENCY: Final = re.compile(r"(?<![^\W_])[A-Z]{3}(?![^\W_])")
_OF_BANK: Final = (
    "account_name",
    "bic",
    "biller_code",
    "institution",
    "transit",
    *(form.label for form in ROUTED),
    *(form.label for form in PLAIN if form.label != "account_number"),
)
IBAN: Final = "IBAN"
BPAY: Final = "BPAY"


@dataclass(frozen=True)
class Account:
    """A payment account as printed. `scheme` is empty for an account number of which only the bank's BIC is known."""

    scheme: str
    account: Found
    routing: Found | None = None
    bic: Found | None = None
    name: Found | None = None

    @property
    def row(self) -> Mapping[str, Found]:
        """The row of `payment_accounts`."""
        first = self.routing or self.account
        cells = {
            "account": self.account,
            "routing": self.routing,
            "scheme": replace(first, value=self.scheme) if self.scheme else None,
            "bic": self.bic,
            "name": self.name,
        }
        return {name: found for name, found in cells.items() if found is not None}

    @property
    def header(self) -> Mapping[str, Found]:
        """The header fields of the account to pay to."""
        fields = {
            "account": "payment_account",
            "routing": "payment_routing",
            "scheme": "payment_account_scheme",
            "bic": "payment_bic",
            "name": "payment_account_name",
        }
        return {fields[name]: found for name, found in self.row.items()}

    @property
    def place(self) -> Segment:
        return self.account.spans[0].segment


def payment_accounts(facts: Facts, ibans: Sequence[Found]) -> list[Account]:
    """All accounts that the document offers for payment: `ibans`, then others in the order of the page."""
    found = [Account(IBAN, each) for each in ibans]
    others: dict[tuple[str, str], Account] = {}
    for account in (*_routed(facts), *_canadian(facts), *_plain(facts), *_with_bic(facts, found), *_bpay(facts)):
        span = account.account.spans[0]
        printed = str(account.account.value).strip("0-/")
        if printed and not _inside_iban(span) and not is_debited(facts, span):
            others.setdefault((account.scheme, str(account.account.value)), account)
    known = {str(account.account.value) for account in others.values() if account.scheme}
    kept = [each for each in others.values() if each.scheme or str(each.account.value) not in known]
    found += sorted(kept, key=lambda each: (each.place.row.index, each.place.left))
    return [_with_bank(facts, account, alone=len(found) == 1) for account in found]


def account_to_pay_to(facts: Facts, accounts: Sequence[Account], currency: str | None) -> Account | None:
    """The only account, or the only one whose lines name the invoice's currency while all others name another one."""
    if len(accounts) == 1:
        return accounts[0]
    named = [(account, _currencies_near(facts, account)) for account in accounts]
    own = [account for account, currencies in named if currency is not None and currency in currencies]
    others = [account for account, currencies in named if currencies and currency not in currencies]
    return own[0] if len(own) == 1 and len(others) == len(accounts) - 1 else None


def _currencies_near(facts: Facts, account: Account) -> set[str]:
    """Codes of currencies in the account's own lines, or in the heading right above them."""
    known = lexicon().currency_codes
    rows = [account.place.row, *facts.canvas.rows_near(account.place.row, _TUNED.currency_rows, 0)]
    segments = [segment for row in rows for segment in row.segments if together(segment, account.place)]
    segments.sort(key=lambda segment: -segment.row.index)
    for segment in segments:
        codes = {code for code in _CURRENCY.findall(segment.text) if code in known}
        if codes:
            return codes
    return set()


def _routed(facts: Facts) -> Iterator[Account]:
    for form in ROUTED:
        answered: set[tuple[Segment, int]] = set()
        for proposal in facts.details.of(form.label):
            label = proposal.label
            if (label.segment, label.start) in answered or not proposal.place.segment.has_digits:
                continue
            match = _match(form.routing, proposal.place)
            if match is None:
                continue
            value = bare(match.group())
            checked = form.check(value) if form.check is not None else None
            if checked is False and proposal.place.relation not in {"inline", "right"}:
                continue
            routing = Found(value, (_span(proposal.place, match),), _sure(proposal, checked))
            account = _account_of(facts, form, proposal, match)
            if account is not None:
                answered.add((label.segment, label.start))
                yield Account(form.scheme, account, routing)


def _account_of(facts: Facts, form: RoutedForm, routing: Proposal, match: re.Match[str]) -> Found | None:
    """The account number right after the routing code, else beside the nearest label of one."""
    place = routing.place
    start = _BESIDE.match(place.segment.text, match.end())
    end = place.end if place.segment is not routing.label.segment else len(place.segment.text)
    after = form.account.match(place.segment.text, start.end(), end) if start else None
    if after is not None and _ends(place.segment.text, after.end()):
        return Found(bare(after.group()), (_span(place, after),), _sure(routing, None))
    return _nearest(facts, form.account, place.segment)


def _nearest(facts: Facts, form: re.Pattern[str], near: Segment) -> Found | None:
    found: list[tuple[tuple[int, bool, float], Found]] = []
    for proposal in facts.details.of("account_number"):
        other = proposal.label.segment
        if other.page != near.page or not together(other, near):
            continue
        match = _match(form, proposal.place)
        if match is None or not _ends(proposal.place.segment.text, match.end()):
            continue
        distance = (abs(other.row.index - near.row.index), other.left > near.right, -proposal.score)
        found.append((distance, Found(bare(match.group()), (_span(proposal.place, match),), _sure(proposal, None))))
    return min(found, key=lambda pair: pair[0])[1] if found else None


def names_bank(facts: Facts, segment: Segment) -> bool:
    """Whether the lines around `segment` give the details of a bank account."""
    banks = [label.segment for concept in _OF_BANK for label in facts.details.labels_of(concept)]
    banks += [
        other
        for other, labels in facts.labels.items()
        if any(meaning.concept in ("iban", "bank") for label in labels for meaning in label.meanings)
    ]
    return any(together(other, segment) for other in banks)


def together(one: Segment, other: Segment) -> bool:
    """On one row, or a few rows apart in one column."""
    if one.page != other.page or abs(one.row.index - other.row.index) > _TUNED.rows_apart:
        return False
    if one.row is other.row:
        return True
    height = max(one.height, other.height)
    apart = abs(one.left - other.left) < _TUNED.column_apart * height
    return apart or min(one.right, other.right) > max(one.left, other.left)


def _plain(facts: Facts) -> Iterator[Account]:
    for form in PLAIN:
        for proposal in facts.details.of(form.label):
            account = _plain_at(form, proposal)
            if account is not None:
                yield account


def _plain_at(form: PlainForm, proposal: Proposal) -> Account | None:
    languages = frozenset[str]().union(*(each.languages for each in proposal.label.meanings))
    if form.languages and not form.languages & languages:
        return None
    match = _match(form.account, proposal.place)
    if match is None:
        return None
    printed = match.group()
    value = printed.replace(" ", "") if form.scheme in {"POSTAL", "CZ_ACCOUNT"} else bare(printed)
    checked = form.check(printed if form.scheme == "NZ_ACCOUNT" else value)
    named = form.label != "account_number" and proposal.place.relation in {"inline", "right"}
    if not checked and not named:
        return None
    return Account(form.scheme, Found(value, (_span(proposal.place, match),), _sure(proposal, checked)))


_TRANSIT = re.compile(r"\d{5}(?!\d)")
_INSTITUTION = re.compile(r"0?\d{3}(?!\d)")
_WITH_INSTITUTION = re.compile(r"\d{5}[- ]\d{3}(?![\d-])")
_CANADIAN = re.compile(r"\d(?:[ -]?\d){5,11}")
_IN_ONE = re.compile(r"(\d{5})[- ](\d{3})[- ](\d{7,12})(?!\d)")


def _canadian(facts: Facts) -> Iterator[Account]:
    """Transit of five digits, institution of three, and the account."""
    for transit in facts.details.of("transit"):
        whole = _match(_IN_ONE, transit.place)
        if whole is not None:
            start = whole.start()
            account = Span(transit.place.segment, whole.start(3), whole.end(3))
            routing = Span(transit.place.segment, start, whole.end(2))
            sure = _sure(transit, None)
            yield Account(
                "TRANSIT", Found(whole.group(3), (account,), sure), Found(bare(routing.text), (routing,), sure)
            )
            return
        near = transit.label.segment
        both = _match(_WITH_INSTITUTION, transit.place)
        if both is not None and (account_found := _nearest(facts, _CANADIAN, near)) is not None:
            routing = _span(transit.place, both)
            yield Account("TRANSIT", account_found, Found(bare(both.group()), (routing,), _sure(transit, None)))
            return
        match = _match(_TRANSIT, transit.place)
        institutions = [
            (proposal, found)
            for proposal in facts.details.of("institution")
            if together(proposal.label.segment, near) and (found := _match(_INSTITUTION, proposal.place))
        ]
        account_found = _nearest(facts, _CANADIAN, near)
        if match is None or not institutions or account_found is None:
            continue
        proposal, found = institutions[0]
        spans = (_span(transit.place, match), _span(proposal.place, found))
        value = match.group() + found.group()[-3:]
        yield Account("TRANSIT", account_found, Found(value, spans, min(_sure(transit, None), _sure(proposal, None))))
        return


def _with_bic(facts: Facts, ibans: Sequence[Account]) -> Iterator[Account]:
    """An account number in the lines of a BIC, in countries that have neither IBANs nor a routing code of their own."""
    for proposal, value, _ in _bics(facts):
        near = proposal.label.segment
        if any(together(iban.place, near) for iban in ibans):
            continue
        account = _nearest(facts, _ACCOUNT, near)
        if account is not None and account.value != value:
            yield Account("", account)


def _bpay(facts: Facts) -> Iterator[Account]:
    for proposal in facts.details.of("biller_code"):
        match = _match(re.compile(r"\d{3,10}(?!\d)"), proposal.place)
        if match is not None:
            yield Account(BPAY, Found(match.group(), (_span(proposal.place, match),), _sure(proposal, None)))
            return


def _bics(facts: Facts) -> Iterator[tuple[Proposal, str, Span]]:
    seen: set[tuple[Segment, int]] = set()
    for proposal in facts.details.of("bic"):
        match = _match(_BIC, proposal.place)
        if match is None or not is_bic(bare(match.group())):
            continue
        span = _span(proposal.place, match)
        if (span.segment, span.start) not in seen:
            seen.add((span.segment, span.start))
            yield proposal, bare(match.group()), span


def _with_bank(facts: Facts, account: Account, *, alone: bool) -> Account:
    """The account with the BIC and the name in its lines; the only BIC of the page belongs to the only account."""
    bics = list(_bics(facts))
    values = {value for _, value, _ in bics}
    near = [each for each in bics if together(each[2].segment, account.place)]
    chosen = near or (bics if alone and len(values) == 1 else [])
    chosen.sort(key=lambda each: abs(each[2].segment.row.index - account.place.row.index))
    bic = next((Found(value, (span,), _sure(proposal, True)) for proposal, value, span in chosen), None)
    if account.scheme == BPAY:
        bic = None
    return replace(account, bic=bic, name=_name(facts, account))


def _name(facts: Facts, account: Account) -> Found | None:
    found = [
        proposal
        for proposal in facts.details.of("account_name")
        if together(proposal.label.segment, account.place) and proposal.place.relation in {"inline", "right"}
    ]
    found.sort(key=lambda each: abs(each.label.segment.row.index - account.place.row.index))
    for proposal in found:
        place = proposal.place
        text = place.text.strip(" ,;:|·")
        if text and namelike(text):
            start = place.segment.text.index(text, place.start)
            span = Span(place.segment, start, start + len(text))
            return Found(text, (span,), _TUNED.name * proposal.score)
    return None


def _match(form: re.Pattern[str], place: Place) -> re.Match[str] | None:
    start = _BESIDE.match(place.segment.text, place.start, place.end)
    return form.match(place.segment.text, start.end() if start else place.start, place.end)


def _ends(text: str, end: int) -> bool:
    return not re.match(r"[^\W_]|[-/.,]\d", text[end : end + 2])


def _span(place: Place, match: re.Match[str]) -> Span:
    return Span(place.segment, match.start(), match.end())


def _sure(proposal: Proposal, checked: bool | None) -> float:
    score = LABELLED * proposal.score
    if checked is None:
        return _TUNED.without_check * score
    return proven(score, CHECK_DIGITS) if checked else _TUNED.unchecked * score


def _inside_iban(span: Span) -> bool:
    return any(each.span.start <= span.start and span.end <= each.span.end for each in ibans_in(span.segment))
