"""Checks format and check digits of VAT ids, other tax ids and IBANs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from schwifty import IBAN
from schwifty.exceptions import SchwiftyException
from stdnum import get_cc_module
from stdnum.eu import vat as eu_vat
from stdnum.in_ import gstin
from stdnum.mx import rfc

from cira_pipeline.invoice import TaxId
from cira_pipeline.models import Finding
from cira_pipeline.printed.tax_ids import VAT, tax_id_is_valid
from cira_pipeline.validation import rules
from cira_pipeline.validation.normalise import bare
from cira_pipeline.validation.validation_input import ValidationInput

_GSTIN_LENGTH: Final = 15


def check_identifiers(subject: ValidationInput) -> Iterator[Finding]:
    """Findings of the rules `CIRA-VAT-*` and `CIRA-PAY-01`."""
    invoice = subject.invoice
    for name, value, rule in (
        ("supplier_vat_id", invoice.supplier_vat_id, rules.SUPPLIER_VAT_ID),
        ("customer_vat_id", invoice.customer_vat_id, rules.CUSTOMER_VAT_ID),
    ):
        if value is not None and vat_id_is_valid(value) is False:
            yield rule.finding(f"{value} is not a valid VAT id: compare it with the document", name)
    yield from _tax_ids("supplier", invoice.supplier_tax_ids, invoice.supplier_tax_id, rules.SUPPLIER_TAX_ID)
    yield from _tax_ids("customer", invoice.customer_tax_ids, invoice.customer_tax_id, rules.CUSTOMER_TAX_ID)
    if invoice.payment_iban is not None and invoice.amount_due != 0:
        reason = _iban_fault(invoice.payment_iban)
        if reason:
            yield rules.IBAN_INVALID.finding(
                f"{invoice.payment_iban} is not a valid IBAN ({reason}): compare it with the document, "
                "and ask the supplier if it is printed like this",
                "payment_iban",
            )


def _tax_ids(side: str, stated: Iterable[TaxId], main: str | None, rule: rules.Rule) -> Iterator[Finding]:
    for index, tax_id in enumerate(stated):
        if tax_id.value is None or tax_id.scheme is None or tax_id.scheme == VAT:
            continue
        if tax_id_is_valid(tax_id.scheme, bare(tax_id.value).upper()) is False:
            names = [f"{side}_tax_ids[{index}].value", *([f"{side}_tax_id"] if tax_id.value == main else [])]
            yield rule.finding(f"{tax_id.value} is not a valid {tax_id.scheme}: compare it with the document", *names)


def vat_id_is_valid(value: str) -> bool | None:
    """Whether `value` has the format and check digits of its country's VAT ids; `None` where no rule is known."""
    compact = "".join(char for char in value if char.isalnum()).upper()
    country = compact[:2].lower()
    if rfc.is_valid(compact):
        return True
    if country in eu_vat.MEMBER_STATES or country in ("el", "xi"):
        return bool(eu_vat.is_valid(compact))
    if len(compact) == _GSTIN_LENGTH and compact[:2].isdigit():
        return bool(gstin.is_valid(compact))
    module = get_cc_module(country, "vat") if country.isalpha() else None
    return None if module is None else bool(module.is_valid(compact))


def iban_is_valid(value: str) -> bool:
    """Whether `value` has a valid country, length and check digits (ISO 13616)."""
    return not _iban_fault(value)


def _iban_fault(iban: str) -> str:
    try:
        IBAN(iban)
    except SchwiftyException as error:
        return str(error)
    return ""
