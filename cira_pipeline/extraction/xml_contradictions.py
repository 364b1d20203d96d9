"""Compares the XML of a hybrid invoice with what the offline engine reads from its visible page, field by field.

The XML is paid, the page is approved, and nothing in the file holds both together. So each value of the XML that
decides about the payment is compared with the page's. Only a page that says something else contradicts: a value that is
not on the page, or that was not read with certainty, is no contradiction.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cached_property
from typing import Final

from stdnum import iban

from cira_pipeline.extraction.agreement import SURE, similarity
from cira_pipeline.extraction.xml_against_page import bare, shows_amount, shows_text
from cira_pipeline.invoice import CREDIT_NOTE_TYPES, Invoice
from cira_pipeline.models import Evidence, Extraction, Finding, Reading, Record, Severity
from cira_pipeline.printed.dates import dates_in
from cira_pipeline.printed.letters import folded

RULE = "xml_contradicts_page"

_AMOUNTS: Final = ("net_total", "tax_total", "gross_total", "amount_due", "prepaid_amount")
_EXACT: Final = ("payment_account", "payment_reference")
_TAX_IDS: Final = ("supplier_vat_id", "supplier_tax_id")
_PROVEN: Final = 0.95
"""Least confidence with which the page's amount contradicts although the XML's is printed elsewhere on the page."""
_OTHER_NAME: Final = 60.0
"""Names less similar than this (0 to 100) belong to two sellers."""
_PAYS_DIFFERENTLY: Final = frozenset(
    {
        *("net_total", "tax_total", "gross_total", "amount_due"),
        *("payment_iban", "payment_account", "currency", "due_date", "invoice_type"),
        *("supplier_name", *_TAX_IDS),
    }
)
# A corrected invoice may bill or credit.
_EITHER_WAY: Final = frozenset({"384"})
# `Gutschrift` titles a credit note, and an invoice that the customer issues for the supplier.
_SELF_BILLED: Final = frozenset({"389", "261"})


def contradictions(xml: Extraction, page: Extraction, page_record: Record, reading: Reading) -> tuple[Finding, ...]:
    """A finding for each value of `xml` that the page contradicts; an error where it would pay otherwise.

    `page`: what the offline engine read, `page_record` the same with calibrated confidences and findings.
    """
    compared = _Compared(xml, page, page_record, reading)
    return tuple(compared.findings())


@dataclass(frozen=True)
class _Compared:
    xml: Extraction
    page: Extraction
    page_record: Record
    reading: Reading

    def findings(self) -> Iterator[Finding]:
        yield from self._amounts()
        yield from self._account()
        yield from self._exact()
        yield from self._dates()
        yield from self._currency()
        yield from self._type()
        yield from self._seller()

    @cached_property
    def _confidences(self) -> dict[str, float]:
        found: dict[str, float] = {}
        for each in self.page_record.evidence:
            found[each.field] = min(each.confidence, found.get(each.field, 1.0))
        return found

    @cached_property
    def _doubted(self) -> frozenset[str]:
        return frozenset(
            name
            for finding in self.page_record.findings
            if finding.severity is not Severity.INFO and finding.rule != "low_confidence"
            for name in finding.fields
        )

    @property
    def _stated(self) -> Invoice:
        return self.xml.invoice

    @property
    def _read(self) -> Invoice:
        return self.page_record.invoice

    def _is_sure(self, name: str, least: float = SURE) -> bool:
        return name not in self._doubted and self._confidences.get(name, 0.0) >= least

    def _amounts(self) -> Iterator[Finding]:
        for name in _AMOUNTS:
            stated, read = getattr(self._stated, name), getattr(self._read, name)
            if stated is None or read is None or abs(stated) == abs(read):
                continue
            least = _PROVEN if shows_amount(self.reading, stated) else SURE
            if self._is_sure(name, least) and self._is_on_the_page(name):
                yield self._finding(name, format(stated, "f"), format(read, "f"))

    def _is_on_the_page(self, name: str) -> bool:
        """Whether the page's amount is printed, and not a sum of what is printed."""
        value = getattr(self._read, name)
        return isinstance(value, Decimal) and shows_amount(self.reading, value)

    def _account(self) -> Iterator[Finding]:
        stated = self._stated.payment_iban
        if stated is None or shows_text(self.reading, stated):
            return
        read = {account.account for account in self._read.payment_accounts if account.scheme == "IBAN"}
        read |= {self._read.payment_iban} if self._read.payment_iban else set()
        others = {each for each in read if each and iban.is_valid(each)} - {stated, self._stated.debited_account}
        if others:
            yield self._finding("payment_iban", stated, " and ".join(sorted(others)))

    def _exact(self) -> Iterator[Finding]:
        for name in _EXACT:
            stated, read = getattr(self._stated, name), getattr(self._read, name)
            differs = stated and read and bare(stated) != bare(read)
            if differs and self._is_sure(name) and not shows_text(self.reading, stated):
                yield self._finding(name, stated, read)

    def _dates(self) -> Iterator[Finding]:
        for name in ("issue_date", "due_date"):
            stated, read = getattr(self._stated, name), getattr(self._read, name)
            if stated is None or read is None or stated == read or not self._is_sure(name):
                continue
            if stated not in self._printed_dates and read in self._printed_dates:
                yield self._finding(name, str(stated), str(read))

    @cached_property
    def _printed_dates(self) -> frozenset[date]:
        """Every day that any date on the page may mean."""
        return frozenset(
            reading.value for line in self.reading.lines for each in dates_in(line.text) for reading in each.readings
        )

    def _currency(self) -> Iterator[Finding]:
        stated, read = self._stated.currency, self._read.currency
        differs = stated and read and stated != read and self._is_sure("currency")
        if differs and not any(str(stated) in line.text for line in self.reading.lines):
            yield self._finding("currency", str(stated), str(read))

    def _type(self) -> Iterator[Finding]:
        stated, read = self._stated.invoice_type, self._read.invoice_type
        if not stated or not read or not self._is_sure("invoice_type"):
            return
        if {stated, read} & _EITHER_WAY or (stated in _SELF_BILLED and read == "381"):
            return
        if (stated in CREDIT_NOTE_TYPES) is not (read in CREDIT_NOTE_TYPES) and self._evidence("invoice_type"):
            yield self._finding("invoice_type", stated, read)

    def _seller(self) -> Iterator[Finding]:
        """Another tax id of the seller; another name, unless a tax id says that it is the same seller."""
        stated = {bare(each) for each in self._ids_of_seller()}
        for name in _TAX_IDS:
            own, read = getattr(self._stated, name), getattr(self._read, name)
            if not own or not read or bare(read) in stated or shows_text(self.reading, own):
                continue
            if self._is_sure(name) and own[:2].isalpha() is read[:2].isalpha():
                yield self._finding(name, own, read)
        names = [each for each in (self._stated.supplier_name, self._stated.supplier_trading_name) if each]
        read = self._read.supplier_name
        if not names or read is None or not self._is_sure("supplier_name"):
            return
        same_id = any(value and bare(value) in stated for value in (getattr(self._read, name) for name in _TAX_IDS))
        if same_id or any(self._names(each, read) for each in names):
            return
        yield self._finding("supplier_name", names[0], read)

    def _ids_of_seller(self) -> Iterator[str]:
        stated = self._stated
        rows = (row.value for row in stated.supplier_tax_ids)
        others = (stated.supplier_vat_id, stated.supplier_tax_id, stated.supplier_registration)
        yield from (each for each in (*rows, *others, stated.tax_representative_vat_id) if each)

    def _names(self, stated: str, read: str) -> bool:
        """Whether both are one name, or the page prints the XML's one somewhere."""
        if similarity(stated, read) >= _OTHER_NAME or shows_text(self.reading, stated):
            return True
        words = [word for word in folded(stated).split() if len(word) > 3]
        page = folded(" ".join(line.text for line in self.reading.lines))
        return bool(words) and all(word in page for word in words)

    def _evidence(self, name: str) -> Evidence | None:
        return next((each for each in self.page.evidence if each.field == name and each.page is not None), None)

    def _finding(self, name: str, stated: str, read: str) -> Finding:
        printed = self._evidence(name)
        place = f" (`{printed.text}`, page {printed.page}, line {printed.line})" if printed is not None else ""
        return Finding(
            rule=RULE,
            severity=Severity.ERROR if name in _PAYS_DIFFERENTLY else Severity.WARNING,
            message=f"{name}: the XML states {stated}, the page {read}{place}: do not pay before the supplier has said "
            "which one is right",
            fields=(name,),
        )
