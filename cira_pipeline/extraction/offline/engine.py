"""The offline engine: extracts an invoice from its text lines by rules, deterministically, without network or model.

Order of work: facts of the page, item table, tax breakdown, totals chosen jointly with both, then dates, numbers,
parties and accounts. A value that is ambiguous is left out and named in a finding.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from pydantic import BaseModel

from cira_pipeline.custom.declaration import NO_DECLARATIONS, Declarations
from cira_pipeline.custom.declaration_file import declarations
from cira_pipeline.custom.values import text_of
from cira_pipeline.extraction.answers import AnswerStore
from cira_pipeline.extraction.offline.custom.header_values import header_values
from cira_pipeline.extraction.offline.custom.line_values import line_values
from cira_pipeline.extraction.offline.facts.candidates import LABELLED, Candidate, contested, printed, proven
from cira_pipeline.extraction.offline.facts.details import Found
from cira_pipeline.extraction.offline.facts.document_facts import Facts
from cira_pipeline.extraction.offline.header.accounts import BPAY, IBAN, account_to_pay_to, payment_accounts
from cira_pipeline.extraction.offline.header.cash_discounts import cash_discounts
from cira_pipeline.extraction.offline.header.currency import currency, undecided
from cira_pipeline.extraction.offline.header.dates import (
    DateChoice,
    due_date,
    due_from_term,
    issue_date,
    net_term,
    payment_terms,
)
from cira_pipeline.extraction.offline.header.debited_account import is_debited
from cira_pipeline.extraction.offline.header.document_type import SELF_BILLED, document_type, titles_of
from cira_pipeline.extraction.offline.header.late_payment import late_payment_terms
from cira_pipeline.extraction.offline.header.not_payable import (
    PAPERS,
    credit_mark,
    marked_paid_in_title,
    other_paper,
    stamp,
)
from cira_pipeline.extraction.offline.header.other_references import (
    SUPPLIERS_OWN,
    other_dates,
    other_references,
)
from cira_pipeline.extraction.offline.header.paid_mark import paid_mark
from cira_pipeline.extraction.offline.header.payment_reference import payment_reference
from cira_pipeline.extraction.offline.header.reference_numbers import reference_candidates
from cira_pipeline.extraction.offline.learn.agreement_with_memory import (
    agreement,
    findings_about,
    single_confirmation_finding,
)
from cira_pipeline.extraction.offline.learn.recollection import recollect
from cira_pipeline.extraction.offline.memory.lesson import Recall
from cira_pipeline.extraction.offline.normal import compact
from cira_pipeline.extraction.offline.own_labels import OwnLabels
from cira_pipeline.extraction.offline.page.canvas import Span
from cira_pipeline.extraction.offline.page.copies import copied_pages, without_pages
from cira_pipeline.extraction.offline.page.spelling import spelled
from cira_pipeline.extraction.offline.parse.identifiers import Identifier, breaks_off, labelled_iban
from cira_pipeline.extraction.offline.parties.both_sides import Parties
from cira_pipeline.extraction.offline.parties.contacts import contacts
from cira_pipeline.extraction.offline.parties.names import Party
from cira_pipeline.extraction.offline.parties.tax_ids import tax_ids
from cira_pipeline.extraction.offline.receipt import company, date_printed, is_receipt
from cira_pipeline.extraction.offline.receipt import total as receipt_total
from cira_pipeline.extraction.offline.tables.adjustments import adjustments_of
from cira_pipeline.extraction.offline.tables.document_amounts import DocumentAmounts, document_amounts
from cira_pipeline.extraction.offline.tables.item_codes import item_codes
from cira_pipeline.extraction.offline.tables.labelled_amounts import Amount, amounts_by_concept
from cira_pipeline.extraction.offline.tables.line_items import Item, ItemTable, column_sums, item_table
from cira_pipeline.extraction.offline.tables.tax_breakdown import (
    TaxRow,
    base_of,
    consistent_with,
    merged,
    one_rate,
    rows_of_parts,
    tax_rows,
)
from cira_pipeline.extraction.offline.tables.totals import Support, Totals, choose_totals
from cira_pipeline.extraction.offline.tables.unheaded_lines import unheaded_items
from cira_pipeline.extraction.offline.thresholds import thresholds
from cira_pipeline.invoice import CREDIT_NOTE_TYPES, Invoice, LineItem, PaymentAccount, TaxId, TaxLine
from cira_pipeline.models import Document, EngineName, Evidence, Extraction, Finding, Reading, Severity
from cira_pipeline.printed.tax_ids import VAT
from cira_pipeline.settings import Settings


@dataclass(frozen=True, slots=True)
class _Tuned:
    own_number: float
    confirmed_supplier: float
    equally_likely: float
    repeated: float
    least_score: float
    order_digits: int
    column_sum: float
    untaxed_net: float
    complete_row: float
    partial_row: float
    one_rate: float
    summed: float
    uncertain_order: float
    address: float
    account: float
    one_of_accounts: float
    unchecked_account_least: float
    unchecked_account: float
    named_amount: float
    cash_discount: float
    line_multiplies: float
    line_unknown: float
    line_differs: float
    description: float


_TUNED = thresholds(_Tuned)

VERSION = "3"
_TOTAL_OF_COLUMN = {"net_amount": "net_total", "tax_amount": "tax_total", "gross_amount": "gross_total"}


class OfflineEngine:
    """Implements `cira_pipeline.extraction.engine.Engine`."""

    name = EngineName.OFFLINE

    def __init__(self, recall: Recall | None = None, own_fields: Declarations = NO_DECLARATIONS) -> None:
        """`recall` finds the lessons of a supplier's earlier invoices; without it the engine has no memory."""
        self._recall = recall
        self._own_fields = own_fields
        self._own_labels = OwnLabels.of(own_fields)

    @property
    def version(self) -> str:
        """The rules' version, and that of the declared fields."""
        return "/".join(filter(None, (VERSION, self._own_fields.version)))

    def remembering(self, recall: Recall) -> OfflineEngine:
        """This engine with the memory `recall`; the caller chooses whose memory it is."""
        other = copy(self)
        other._recall = recall
        return other

    def extract(self, document: Document, reading: Reading) -> Extraction | None:
        """Fields of the reading with evidence; `None` when the reading has no lines.

        Raises: whatever the given memory raises.
        """
        if not reading.lines:
            return None
        started = time.perf_counter()
        recall = self._recall
        copies = copied_pages(reading)
        reading = without_pages(reading, copies)
        facts = Facts(
            reading,
            None if recall is None else lambda own: recollect(own, document.sha256, recall),
            self._own_labels,
        )
        draft = _Draft(facts, self._own_fields)
        draft.fill()
        for page, original in copies.items():
            draft.doubt(
                "offline.copied_page",
                f"Page {page} repeats page {original}: only page {original} was read.",
                severity=Severity.INFO,
            )
        if len(facts.memory.lessons) == 1:
            draft.doubt_what_changed(Facts(reading, own_labels=self._own_labels))
        return Extraction(
            engine=self.name,
            engine_version=self.version,
            invoice=Invoice(**draft.values),
            evidence=tuple(draft.evidence),
            findings=tuple(draft.findings),
            seconds=time.perf_counter() - started,
            memory=facts.memory.version,
        )


def engine_from_settings(settings: Settings, _answers: AnswerStore) -> OfflineEngine:
    """The engine without memory; `SupplierMemory.engines_for` gives it one.

    Raises: CustomFieldsInvalid.
    """
    return OfflineEngine(own_fields=declarations(settings.custom_fields))


class _Draft:
    """The extraction under construction: values, evidence and findings."""

    def __init__(self, facts: Facts, own_fields: Declarations = NO_DECLARATIONS) -> None:
        self.facts = facts
        self.own_fields = own_fields
        self.values: dict[str, Any] = {}
        self.evidence: list[Evidence] = []
        self.findings: list[Finding] = []
        self.titles = titles_of(facts)
        self.table = item_table(facts)
        self.kind = document_type(facts, self.titles)
        self_billed = self.kind is not None and self.kind.value == SELF_BILLED
        self.parties = Parties(facts, frozenset(self.table.rows), self_billed=self_billed)
        self.receipt = is_receipt(facts)
        self.references = self._other_references()
        self.item_codes: Mapping[int, Mapping[str, Found]] = {}
        self._places: dict[str, Span] = {}

    def fill(self) -> None:
        self._totals()
        self._payable()
        self._references()
        self._dates()
        self._parties()
        self._tax_ids()
        self._accounts()
        self._payment_accounts()
        self._lines()
        self._own_values()
        self._compare_with_memory()

    def put(self, field: str, value: object, spans: Iterable[Span], confidence: float) -> None:
        spans = tuple(spans)
        self.values[field] = value
        self._places[field] = spans[0]
        self.prove(field, spans, confidence)

    def prove(self, field: str, spans: Iterable[Span], confidence: float) -> None:
        """Evidence for `field`: one entry for each page and line, so that each box covers its printed text."""
        for span in spans:
            self.evidence.append(
                Evidence(
                    field=field,
                    engine=EngineName.OFFLINE,
                    text=span.text,
                    page=span.page,
                    box=span.box,
                    line=span.line,
                    confidence=printed(confidence, span.segment.confidence),
                )
            )

    def rows(self, table: str, model: type[BaseModel], rows: Iterable[Mapping[str, Found]]) -> None:
        """The rows of `table`, with evidence for each of their values."""
        rows = tuple(rows)
        if rows:
            self.values[table] = tuple(model(**{name: found.value for name, found in row.items()}) for row in rows)
        for index, row in enumerate(rows):
            for name, found in row.items():
                self.prove(f"{table}[{index}].{name}", found.spans, found.confidence)

    def _drop(self, field: str) -> None:
        del self.values[field], self._places[field]
        self.evidence = [entry for entry in self.evidence if entry.field != field]

    def _take(self, details: Mapping[str, Found]) -> None:
        for field, found in details.items():
            self.put(field, found.value, found.spans, found.confidence)

    def doubt(self, rule: str, message: str, *fields: str, severity: Severity = Severity.WARNING) -> None:
        self.findings.append(Finding(rule=rule, severity=severity, message=message, fields=fields))

    def doubt_what_changed(self, without_memory: Facts) -> None:
        """Findings about values that come from memory; with a single lesson, they rest on one confirmation only."""
        alone = _Draft(without_memory, self.own_fields)
        alone.fill()
        changed = [name for name in self._places if self.values[name] != alone.values.get(name)]
        if changed:
            self.findings.append(single_confirmation_finding(changed))

    def _compare_with_memory(self) -> None:
        agreeing = agreement(self.facts, self.values, self._places)
        self.evidence = [
            entry.model_copy(update={"remembered": agreeing[entry.field]}) if entry.field in agreeing else entry
            for entry in self.evidence
        ]
        self.findings += findings_about(self.facts, self.values.get("payment_iban"), agreeing)

    def _totals(self) -> None:
        facts = self.facts
        skip = frozenset(self.table.rows)
        rows = merged(tax_rows(facts, skip))
        complete = [row for row in rows if row.complete]
        support = Support(
            breakdown_net=base_of(complete),
            breakdown_tax=sum((row.tax or Decimal(0) for row in rows), Decimal(0)) if rows else None,
            lines=self.table.total(),
            rates=len({row.rate for row in rows}),
            parts=tuple((row.net, row.tax) for row in complete if row.net and row.tax is not None),
        )
        tax_free = facts.contains("reverse_charge")
        amounts = amounts_by_concept(facts, skip)
        for column, number in column_sums(facts, self.table):
            amounts.setdefault(_TOTAL_OF_COLUMN[column], []).append(Amount(number, _TUNED.column_sum))
        named = adjustments_of(facts, amounts)
        totals = choose_totals(facts, amounts, support, named, skip, tax_free=tax_free)
        self._untaxed(totals)
        if self.receipt:
            totals.gross = receipt_total(facts, amounts, totals.gross)
        for field, candidate in (
            ("net_total", totals.net),
            ("tax_total", totals.tax),
            ("gross_total", totals.gross),
            ("amount_due", totals.due),
        ):
            if candidate is not None and candidate.score >= _TUNED.least_score:
                self.put(field, candidate.value, [candidate.span], candidate.score)
        if not self.table.headers and not self.receipt:
            # A till prints the sums of its rates in the same form as its lines.
            known = [total for total in (totals.net, totals.gross) if total is not None]
            self.table.items = unheaded_items(facts, known, frozenset(row.row for row in rows))
        self._breakdown(rows, totals)
        self._summed_tax(totals)
        self._summed_net(totals)
        self._summed_gross(totals)
        last_item = max((row.index for row in self.table.rows), default=-1)
        self._document_amounts(document_amounts(totals, amounts, named, self.table.total(), last_item))
        self._paid(amounts.get("prepaid", ()))
        found = currency(facts)
        if found is not None:
            self.put("currency", found.value, [found.span], found.score)
            self._rival_currencies(found.value)

    def _rival_currencies(self, code: str) -> None:
        rivals = undecided(self.facts, code)
        if rivals is not None:
            self.doubt(
                "offline.currency_undecided",
                f"`{rivals.sign.text}` may be {', '.join(rivals.codes[:6])}; {code} was taken as the commonest, since "
                "no code and no country on the page decides: compare the currency with the document",
                "currency",
            )

    def _paid(self, payments: Iterable[Amount]) -> None:
        """A mark that the invoice is paid, while an amount is due: it must not be paid again."""
        labels = {amount.label.segment for amount in payments if amount.label is not None}
        mark = paid_mark(self.facts, labels) or marked_paid_in_title(self.titles)
        field = "amount_due" if "amount_due" in self.values else "gross_total"
        if mark is not None and self.values.get(field) and not self.receipt:
            self.doubt(
                "offline.marked_paid",
                f"the document is marked `{mark.text}`, but {self.values[field]} is due by its totals: "
                "make sure that it is not paid twice",
                field,
            )

    def _payable(self) -> None:
        """Findings where the page says that it must not be paid as an invoice."""
        code = self.kind.value if self.kind is not None else None
        paper = other_paper(self.facts, self.titles, code)
        if paper is not None:
            self.doubt(
                "offline.not_an_invoice",
                f"the title `{paper.span.segment.text}` says that this is {PAPERS[paper.kind]}: do not pay it as an "
                "invoice",
                "invoice_type",
                severity=Severity.ERROR,
            )
        title = self.kind.span if self.kind is not None and code in CREDIT_NOTE_TYPES else None
        mark = stamp(self.facts, self.titles, self.table.rows | self.table.region, title)
        if mark is not None:
            self.doubt(
                "offline.not_payable",
                f"the document says `{mark.text}`: do not pay it before the supplier has confirmed it",
                "invoice_type",
                severity=Severity.ERROR,
            )
        for field in ("gross_total", "amount_due", "net_total") if code not in CREDIT_NOTE_TYPES else ():
            mark_of_credit = credit_mark(self._places[field]) if field in self._places else ""
            if mark_of_credit:
                self.doubt(
                    "offline.credit_mark",
                    f"{field}: `{mark_of_credit}` beside {self.values[field]} says that the supplier owes this amount: "
                    "do not pay it",
                    field,
                    severity=Severity.ERROR,
                )

    def _untaxed(self, totals: Totals) -> None:
        """Net equals gross: no tax is printed, and the document states a reason or its lines without tax sum to it."""
        if totals.gross is None or totals.net is not None or totals.tax is not None:
            return
        exempt = self.facts.contains("reverse_charge")
        if exempt or (self.table.without_tax and self.table.total() == totals.gross.value):
            totals.net = Candidate(totals.gross.value, totals.gross.span, _TUNED.untaxed_net * totals.gross.score)

    def _breakdown(self, rows: list[TaxRow], totals: Totals) -> None:
        net = totals.net.value if totals.net else None
        if net is None and totals.net_parts:
            net = sum((part.value for part in totals.net_parts), Decimal(0))
        tax = totals.tax.value if totals.tax else None
        if tax is None and totals.tax_parts:
            tax = sum((part.value for part in totals.tax_parts), Decimal(0))
        chosen = consistent_with(rows, net, tax)
        if not chosen and totals.tax_parts:
            chosen = rows_of_parts(self.facts, totals.tax_parts, net)
        if rows and not chosen:
            self.doubt(
                "offline.tax_breakdown_contradicts",
                "The rows of the tax breakdown do not sum to the totals and were left out: compare with the document.",
                "tax_breakdown",
            )
        if not rows and totals.net is not None and totals.tax is not None:
            self._one_rate(totals.net, totals.tax)
            return
        self.values["tax_breakdown"] = tuple(_tax_line(row) for row in chosen)
        for index, row in enumerate(chosen):
            for part, span in _places_of(row):
                if span is not None:
                    self.prove(
                        f"tax_breakdown[{index}].{part}",
                        [span],
                        _TUNED.complete_row if row.complete else _TUNED.partial_row,
                    )

    def _one_rate(self, net: Candidate[Decimal], tax: Candidate[Decimal]) -> None:
        """No row has base and tax together, but one rate printed beside the tax gives the tax of the net total."""
        row = one_rate(self.facts, net, tax)
        self.values["tax_breakdown"] = (_tax_line(row),) if row is not None else ()
        if row is not None:
            for part, span in _places_of(row):
                if span is not None:
                    self.prove(f"tax_breakdown[0].{part}", [span], min(_TUNED.one_rate, net.score, tax.score))

    def _summed_tax(self, totals: Totals) -> None:
        """The sum of several taxes without a printed sum, where net plus that sum is the gross total."""
        lines = self.values["tax_breakdown"]
        if totals.tax is not None or totals.net is None or totals.gross is None:
            return
        if totals.tax_parts:
            self.values["tax_total"] = sum((part.value for part in totals.tax_parts), Decimal(0))
            for part in totals.tax_parts:
                self.prove("tax_total", [part.span], min(part.score, _TUNED.summed))
            return
        if len(lines) < 2:
            return
        tax = sum((line.tax or Decimal(0) for line in lines), Decimal(0))
        if tax and totals.net.value + tax == totals.gross.value:
            self.values["tax_total"] = tax
            for entry in [entry for entry in self.evidence if entry.field.endswith("].tax")]:
                self.evidence.append(entry.model_copy(update={"field": "tax_total", "confidence": _TUNED.summed}))

    def _summed_net(self, totals: Totals) -> None:
        """The sum of goods and charges without a printed sum, where it leads to the gross total."""
        if totals.net_parts:
            self.values["net_total"] = sum((part.value for part in totals.net_parts), Decimal(0))
            for part in totals.net_parts:
                self.prove("net_total", [part.span], min(part.score, _TUNED.summed))

    def _summed_gross(self, totals: Totals) -> None:
        """Net and taxes, where the document prints only what remains of their sum after withheld taxes or payments."""
        net, tax = self.values.get("net_total"), self.values.get("tax_total")
        if totals.gross is None and totals.due is not None and net is not None and tax is not None:
            self.values["gross_total"] = net + tax
            for entry in [entry for entry in self.evidence if entry.field in ("net_total", "tax_total")]:
                confidence = min(entry.confidence, _TUNED.summed)
                self.evidence.append(entry.model_copy(update={"field": "gross_total", "confidence": confidence}))

    def _document_amounts(self, found: DocumentAmounts) -> None:
        for name, (value, spans) in found.header.items():
            self.put(name, value, spans, _TUNED.named_amount)
        rows: tuple[tuple[str, Sequence[tuple[object, dict[str, Span]]]], ...] = (
            ("allowances_charges", found.allowances_charges),
            ("withholdings", found.withholdings),
        )
        for table, filled in rows:
            self.values[table] = tuple(row for row, _ in filled)
            for index, (_, places) in enumerate(filled):
                for part, span in places.items():
                    self.prove(f"{table}[{index}].{part}", [span], _TUNED.named_amount)

    def _references(self) -> None:
        if self.kind is not None:
            self.put("invoice_type", self.kind.value, [self.kind.span], self.kind.score)
        self._take(self.references)
        numbers = self._candidates("invoice_number")
        number = self._reference("invoice_number", numbers)
        self._doubt_several_invoices(numbers)
        orders = [each for each in self._candidates("purchase_order") if each.value != number]
        order = self._reference("purchase_order", orders)
        if order is not None and order == self.values.get("buyer_reference"):
            self._drop("buyer_reference")

    def _candidates(self, field: str) -> list[Candidate[str]]:
        items = frozenset(self.table.rows | self.table.region)
        found = reference_candidates(self.facts, field, self.titles, items)
        return [each for each in found if not self._is_other_detail(each, _may_be_both(field, each.value))]

    def _doubt_several_invoices(self, candidates: Sequence[Candidate[str]]) -> None:
        """Pages with numbers and totals of their own: each is an invoice, and a record holds one."""
        totalled = {
            proposal.place.segment.page
            for concept in ("gross_total", "amount_due")
            for proposal in self.facts.proposals.of(concept)
            if any(number.is_money for number in self.facts.numbers_of(proposal.place.segment))
        }
        numbers: dict[str, Candidate[str]] = {}
        for candidate in candidates:
            if candidate.span.page in totalled and candidate.score >= _TUNED.own_number:
                totalled.remove(candidate.span.page)
                numbers.setdefault(compact(candidate.value), candidate)
        if len(numbers) > 1:
            stated = sorted(numbers.values(), key=lambda each: each.span.page)
            each_page = ", ".join(f"`{each.value}` on page {each.span.page}" for each in stated)
            self.doubt(
                "offline.several_invoices",
                f"The file holds several invoices: {each_page}. Split the file and submit each invoice by itself.",
                "invoice_number",
                severity=Severity.ERROR,
            )

    def _reference(self, field: str, found: Sequence[Candidate[str]]) -> str | None:
        if not found or found[0].score < _TUNED.least_score:
            return None
        winner = found[0]
        repeated = sum(c.value == winner.value for c in found)
        others = [c for c in found[1:] if c.value != winner.value and winner.value not in c.value]
        lead = winner.score - others[0].score if others else 1.0
        rivals = others if lead < _TUNED.equally_likely else []
        if rivals and repeated == 1:
            self.doubt(
                "offline.ambiguous",
                f"`{winner.value}` and `{rivals[0].value}` are equally likely; the first one printed was taken: "
                "compare it with the document.",
                field,
            )
        confidence = proven(LABELLED * winner.score, _TUNED.repeated if repeated > 1 else 0.0)
        self.put(field, winner.value, [winner.span], contested(confidence, lead))
        return winner.value

    def _other_references(self) -> dict[str, Found]:
        """References other than the document's own number and the purchase order, by field."""
        paid_with = payment_reference(self.facts)
        found = {} if paid_with is None else {"payment_reference": paid_with}
        return found | other_references(self.facts, frozenset(self.table.rows | self.table.region))

    def _is_other_detail(self, candidate: Candidate[str], same: str = "") -> bool:
        """The code is a payment reference or the like, and its label says so more surely than the candidate's.

        `same`: a field that may hold the candidate's code all the same.
        """

        def same_place(span: Span) -> bool:
            own = candidate.span
            return span.segment is own.segment and span.start < own.end and own.start < span.end

        return any(
            candidate.score <= found.confidence
            and (any(map(same_place, found.spans)) or (field in SUPPLIERS_OWN and found.value == candidate.value))
            for field, found in self.references.items()
            if field != same
        )

    def _dates(self) -> None:
        issued = issue_date(self.facts, self.titles, frozenset(self.table.rows | self.table.region))
        if issued is None and self.receipt:
            issued = date_printed(self.facts)
        self._date("issue_date", issued)
        due = due_date(self.facts, issued)
        term = net_term(self.facts)
        if due is not None and due.score >= _TUNED.least_score:
            self._date("due_date", due)
        elif term is not None and issued is not None:
            self._date("due_date", due_from_term(term, issued))
        self._take(other_dates(self.facts, frozenset(self.table.rows | self.table.region)))
        terms = payment_terms(self.facts, term)
        if terms is not None:
            self.put("payment_terms", terms.span.text, [terms.span], terms.score)
        late = late_payment_terms(self.facts)
        if late is not None:
            self._take({"late_payment_terms": late})
        self._cash_discounts()

    def _cash_discounts(self) -> None:
        totals = [self.values[name] for name in ("gross_total", "amount_due", "net_total") if name in self.values]
        found = cash_discounts(self.facts, totals)
        self.values["payment_discounts"] = tuple(each.row for each in found)
        for index, each in enumerate(found):
            for part, span in each.places.items():
                self.prove(f"payment_discounts[{index}].{part}", [span], _TUNED.cash_discount)

    def _date(self, field: str, choice: DateChoice | None) -> None:
        if choice is None:
            return
        if not choice.certain:
            self.doubt(
                "offline.date_order_unknown",
                f"`{choice.span.text}` can mean two days, by the order of day and month or by the language of the"
                " month's name: compare the date with the document.",
                field,
            )
        self.put(
            field,
            choice.value,
            [choice.span],
            LABELLED * choice.score * (1.0 if choice.certain else _TUNED.uncertain_order),
        )

    def _parties(self) -> None:
        if self.receipt and not self.parties.customer_named:
            self._party("supplier", company(self.facts))
            own = self.parties.vat_ids.get("supplier")
            if own is not None and own.value.checked:
                self.put("supplier_vat_id", own.value.value, [own.span], own.score)
            return
        self._party("supplier", self.parties.supplier)
        self._doubt_bare_supplier()
        self._party("customer", self.parties.customer)
        for role, candidate in self.parties.vat_ids.items():
            identifier = candidate.value
            if role == "customer" and "customer_name" not in self.values and "supplier_vat_id" not in self.values:
                continue
            self.put(f"{role}_vat_id", identifier.value, [identifier.span], candidate.score)
            self._tell_repair(f"{role}_vat_id", identifier)

    def _doubt_bare_supplier(self) -> None:
        """A name by its place alone: no heading, legal form, web address, tax id, account or sender line bears it."""
        name = self.values.get("supplier_name")
        if name is not None and self.parties.supplier.score < _TUNED.confirmed_supplier:
            self.doubt(
                "offline.supplier_unconfirmed",
                f"`{name}` was taken as the supplier by its place on the page, and nothing else confirms it: "
                "compare it with the document.",
                "supplier_name",
            )

    def _tell_repair(self, field: str, identifier: Identifier) -> None:
        if identifier.mended:
            self.doubt(
                "offline.check_digit_repair",
                f"`{identifier.span.text}` was read as {identifier.value}: only this makes its check digits hold.",
                field,
                severity=Severity.INFO,
            )

    def _tax_ids(self) -> None:
        stated = {role: each for role, each in self.parties.vat_ids.items() if f"{role}_vat_id" in self.values}
        found = tax_ids(self.facts, self.parties, stated)
        for side, owned in found.items():
            self.rows(f"{side}_tax_ids", TaxId, ({"scheme": each.scheme, "value": each.value} for each in owned))
            others = [each for each in owned if each.scheme.value != VAT]
            main = next((each for each in others if each.is_main), others[0] if others else None)
            if main is not None:
                self.put(f"{side}_tax_id", main.value.value, main.value.spans, main.value.confidence)
            vat_id = next((each.value for each in owned if each.scheme.value == VAT), None)
            if vat_id is not None and side not in stated:
                self.put(f"{side}_vat_id", vat_id.value, vat_id.spans, vat_id.confidence)
        details = contacts(self.facts, self.parties, found)
        self._take({field: each for field, each in details.items() if self._has_side(field)})

    def _has_side(self, field: str) -> bool:
        """Whether the party of a detail is in the record: what nobody is named for is left out."""
        side = field.partition("_")[0]
        return side == "delivery" or f"{side}_name" in self.values

    def _party(self, role: str, party: Party) -> None:
        if party.name and party.score >= _TUNED.least_score:
            name = " ".join(spelled(span.text.strip(), span.segment, self.facts.canvas) for span in party.name)
            self.put(f"{role}_name", name, party.name, party.score)
            if party.address:
                self.put(f"{role}_address", party.address_text, party.address, _TUNED.address * party.score)

    def _accounts(self) -> None:
        facts = self.facts
        payable = [identifier for identifier in facts.ibans if not is_debited(facts, identifier.span)]
        for identifier in payable:
            others = {other.value for other in payable} - {identifier.value}
            spans = [identifier.span] if identifier.rest is None else [identifier.span, identifier.rest]
            self.put("payment_iban", identifier.value, spans, _TUNED.one_of_accounts if others else _TUNED.account)
            self._tell_repair("payment_iban", identifier)
            if others:
                self.doubt(
                    "offline.several_accounts",
                    f"The document names {len(others) + 1} bank accounts; the first one was taken: "
                    "compare it with the document.",
                    "payment_iban",
                )
            return
        for proposal in facts.proposals.of("iban"):
            place = proposal.place
            labelled = labelled_iban(place.segment, place.start, place.end)
            if labelled is None or breaks_off(labelled, facts.below(labelled.span.segment)):
                continue
            if is_debited(facts, labelled.span):
                continue
            if proposal.score > _TUNED.unchecked_account_least:
                trust = _TUNED.account if labelled.checked else _TUNED.unchecked_account
                self.put("payment_iban", labelled.value, [labelled.span], trust * proposal.score)
                self._tell_repair("payment_iban", labelled)
                return

    def _payment_accounts(self) -> None:
        accounts = payment_accounts(self.facts, self._ibans())
        self.rows("payment_accounts", PaymentAccount, (account.row for account in accounts))
        own = next((each for each in accounts if each.account.value == self.values.get("payment_iban")), None)
        to_pay = account_to_pay_to(self.facts, accounts, self.values.get("currency"))
        if to_pay is None and own is None and accounts:
            others = [each for each in accounts if each.scheme != BPAY]
            to_pay = others[0] if len(others) == 1 else None
        if to_pay is not None and to_pay.scheme != IBAN:
            self._take(to_pay.header)
        elif own is not None:
            kept = {"payment_bic", "payment_account_name"}
            self._take({field: found for field, found in own.header.items() if field in kept})
        elif accounts:
            self.doubt(
                "offline.several_accounts",
                f"The document names {len(accounts)} accounts, and nothing says which one to pay to: choose one of "
                "`payment_accounts`.",
                "payment_account",
            )

    def _ibans(self) -> list[Found]:
        """The IBANs offered for payment, each once."""
        found: dict[str, Found] = {}
        chosen = self.values.get("payment_iban")
        if chosen is not None:
            found[chosen] = Found(chosen, (self._places["payment_iban"],), _TUNED.account)
        for each in self.facts.ibans:
            if not is_debited(self.facts, each.span):
                spans = (each.span,) if each.rest is None else (each.span, each.rest)
                found[each.value] = Found(each.value, spans, _TUNED.account)
        return list(found.values())

    def _own_values(self) -> None:
        """Values of declared header fields; of two that are equally likely neither is taken."""
        found: dict[str, str] = {}
        for each in header_values(self.facts, self.own_fields, frozenset(self.table.rows | self.table.region)):
            if each.rivals:
                self.doubt(
                    "offline.ambiguous",
                    f"{each.declared.shown}: {' and '.join(f'`{text}`' for text in each.rivals)} are equally likely; "
                    "neither was taken.",
                    each.declared.path,
                    severity=Severity.INFO,
                )
                continue
            found[each.declared.name] = text_of(each.value)
            self.prove(each.declared.path, [each.span], each.confidence)
        if found:
            self.values["custom"] = found

    def _lines(self) -> None:
        table = self.table
        concept = self._line_amount(table)
        self.item_codes = item_codes(table)
        self.values["line_items"] = tuple(self._line(index, item, concept) for index, item in enumerate(table.items))

    def _line_amount(self, table: ItemTable) -> str | None:
        """Which cell is the net amount (BT-131): amounts including tax are not."""
        net, gross = self.values.get("net_total"), self.values.get("gross_total")
        total = table.total()
        if total is not None and net is not None and gross is not None and net != gross and total == gross:
            self.doubt(
                "offline.lines_include_tax",
                "The line amounts sum to the gross total: they include tax, so no net amounts were taken.",
                "line_items",
            )
            return None
        if table.amount_concept == "gross_amount" and table.items and total != net:
            return None
        return table.amount_concept

    def _line(self, index: int, item: Item, concept: str | None) -> LineItem:
        path = f"line_items[{index}]"
        confidence = {True: _TUNED.line_multiplies, None: _TUNED.line_unknown, False: _TUNED.line_differs}[
            item.multiplies
        ]
        values: dict[str, Any] = {}
        for field, cell in (
            ("quantity", "quantity"),
            ("unit_price", "unit_price"),
            ("tax_rate", "tax_rate"),
            ("net_amount", concept),
        ):
            number = item.cells.get(cell) if cell else None
            if number is not None:
                values[field] = number.value
                self.prove(f"{path}.{field}", [number.span], confidence)
        if item.description:
            values["description"] = " ".join(span.text for span in item.description)
            self.prove(f"{path}.description", item.description, min(confidence, _TUNED.description))
        for field, code in self.item_codes.get(index, {}).items():
            values[field] = code.value
            self.prove(f"{path}.{field}", code.spans, min(confidence, code.confidence))
        if item.unit is not None:
            values["unit"] = item.unit.text
            self.prove(f"{path}.unit", [item.unit], confidence)
        if self.own_fields.line:
            own = list(line_values(self.facts, self.table, item, self.own_fields))
            values["custom"] = {declared.name: text_of(found.value) for declared, found in own}
            for declared, found in own:
                self.prove(f"{path}.{declared.path}", [found.span], min(confidence, _TUNED.description))
        return LineItem(**values)


def _may_be_both(field: str, code: str) -> str:
    """`Your ref 4500081233`: a long number is the customer's order, letters rather say who handles it."""
    return (
        "buyer_reference" if field == "purchase_order" and code.isdigit() and len(code) >= _TUNED.order_digits else ""
    )


def _tax_line(row: TaxRow) -> TaxLine:
    return TaxLine(rate=row.rate, net=row.net, tax=row.tax, name=row.name.text if row.name is not None else None)


def _places_of(row: TaxRow) -> tuple[tuple[str, Span | None], ...]:
    return ("rate", row.rate_span), ("net", row.net_span), ("tax", row.tax_span), ("name", row.name)
