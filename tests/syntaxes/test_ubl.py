"""The kinds of document of UBL: what each says about the type, and which way its money flows."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from cira_pipeline.invoice import Invoice
from cira_pipeline.models import Verdict
from cira_pipeline.syntaxes.field_reader import XmlRule
from cira_pipeline.validation.validate import ValidationContext, validate
from tests.extraction.einvoice.documents import UBL, UBL_CREDIT_NOTE, replaced
from tests.extraction.einvoice.test_fields import PURCHASE, extract, rules_of


def _of_kind(xml: str, old: str, new: str) -> str:
    return (
        replaced(xml, f"schema:xsd:{old}-2", f"schema:xsd:{new}-2")
        .replace(f"<{old} ", f"<{new} ")
        .replace(f"</{old}>", f"</{new}>")
    )


_CREDIT_CODE = "<cbc:CreditNoteTypeCode>381</cbc:CreditNoteTypeCode>"
_CODE = "<cbc:InvoiceTypeCode>380</cbc:InvoiceTypeCode>"
_NO_CODE = replaced(UBL_CREDIT_NOTE, _CREDIT_CODE, "")

DEBIT_NOTE = (
    _of_kind(_NO_CODE, "CreditNote", "DebitNote")
    .replace("cac:CreditNoteLine", "cac:DebitNoteLine")
    .replace("CreditedQuantity", "DebitedQuantity")
    .replace("LegalMonetaryTotal", "RequestedMonetaryTotal")
)
SELF_BILLED = _of_kind(replaced(UBL, _CODE, _CODE.replace("380", "389")), "Invoice", "SelfBilledInvoice")
SELF_BILLED_CREDIT = _of_kind(_NO_CODE, "CreditNote", "SelfBilledCreditNote")

SAMPLES = {
    "UBL 2.1 Invoice": (UBL, "380"),
    "UBL 2.1 CreditNote": (UBL_CREDIT_NOTE, "381"),
    "UBL 2.1 DebitNote": (DEBIT_NOTE, "383"),
    "UBL 2.1 SelfBilledInvoice": (SELF_BILLED, "389"),
    "UBL 2.1 SelfBilledCreditNote": (SELF_BILLED_CREDIT, "261"),
}
"""Name of the syntax -> the XML and its type code."""

_CONTEXT = ValidationContext(today=date(2026, 2, 15))

_CUSTOMIZATION = "<cbc:CustomizationID>urn:cen.eu:en16931:2017</cbc:CustomizationID>"
_PEPPOL_SELF_BILLING = (
    "<cbc:CustomizationID>urn:cen.eu:en16931:2017#compliant#urn:fdc:peppol.eu:2017:poacc:selfbilling:3.0"
    "</cbc:CustomizationID><cbc:ProfileID>urn:fdc:peppol.eu:2017:poacc:selfbilling:01:1.0</cbc:ProfileID>"
)
_PINT_SELF_BILLING = "<cbc:CustomizationID>urn:peppol:pint:selfbilling-1@aunz-1</cbc:CustomizationID>"


def _self_billed(xml: str, customization: str = _PEPPOL_SELF_BILLING) -> str:
    return replaced(xml, _CUSTOMIZATION, customization)


def _typed(code: str) -> Invoice:
    return PURCHASE.model_copy(update={"invoice_type": code})


def test_a_debit_note_asks_for_money_and_gives_none_back() -> None:
    extraction = extract(DEBIT_NOTE)
    assert extraction.invoice == _typed("383")
    assert extraction.findings == ()
    record = validate(extraction, _CONTEXT)
    assert record.verdict is Verdict.ACCEPTED
    assert (record.invoice.invoice_type, record.invoice.gross_total) == ("383", Decimal(119))


@pytest.mark.parametrize("customization", [_PEPPOL_SELF_BILLING, _PINT_SELF_BILLING], ids=["peppol", "pint"])
@pytest.mark.parametrize(
    ("xml", "code"),
    [
        (replaced(UBL, _CODE, _CODE.replace("380", "389")), "389"),
        (replaced(UBL, _CODE, ""), "389"),
        (replaced(UBL_CREDIT_NOTE, ">381<", ">261<"), "261"),
        (_NO_CODE, "261"),
        (DEBIT_NOTE, "527"),
    ],
    ids=["invoice", "invoice without code", "credit note", "credit note without code", "debit note"],
)
def test_a_self_billed_document_is_known_as_one(xml: str, code: str, customization: str) -> None:
    extraction = extract(_self_billed(xml, customization))
    assert extraction.invoice.model_copy(update={"other_terms": PURCHASE.other_terms}) == _typed(code)
    assert XmlRule.DOCUMENT_KIND not in rules_of(extraction)


@pytest.mark.parametrize(("xml", "code"), [(_NO_CODE, "381"), (replaced(UBL, _CODE, ""), None)])
def test_a_credit_note_without_a_type_code_is_not_paid_as_an_invoice(xml: str, code: str | None) -> None:
    """UBL 2.0 has no type code in credit notes. What kind an Invoice without one is nobody can say."""
    extraction = extract(xml)
    assert extraction.invoice.invoice_type == code
    evidence = [each for each in extraction.evidence if each.field == "invoice_type"]
    assert [(each.text, each.xpath) for each in evidence] == ([("CreditNote", "/CreditNote")] if code else [])


@pytest.mark.parametrize(
    "xml",
    [
        replaced(UBL_CREDIT_NOTE, ">381<", ">380<"),
        _self_billed(UBL),
        _self_billed(UBL_CREDIT_NOTE),
        replaced(SELF_BILLED, ">389<", ">380<"),
    ],
    ids=["credit note as invoice", "self-billing as invoice", "self-billing as credit note", "self-billed root"],
)
def test_a_type_code_that_contradicts_the_document_goes_to_a_person(xml: str) -> None:
    extraction = extract(xml)
    assert rules_of(extraction)[XmlRule.DOCUMENT_KIND] == ("invoice_type",)
    assert validate(extraction, _CONTEXT).verdict is Verdict.NEEDS_REVIEW
