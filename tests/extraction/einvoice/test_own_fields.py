"""Fields of one's own in e-invoices: the business terms that their declarations name."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from cira_pipeline.custom.declaration import CustomField, Declarations
from cira_pipeline.extraction.einvoice.engine import EInvoiceEngine
from cira_pipeline.models import Extraction
from cira_pipeline.syntaxes.field_reader import XmlRule
from tests.extraction.einvoice.documents import NO_READING, replaced, xml_document
from tests.syntaxes.test_every_term import WHOLE_CII, WHOLE_UBL


def read(xml: str, *fields: dict[str, str]) -> Extraction:
    engine = EInvoiceEngine(own_fields=Declarations.model_validate({"fields": fields}))
    extraction = engine.extract(xml_document(xml), NO_READING)
    assert extraction is not None
    return extraction


@pytest.mark.parametrize("xml", [WHOLE_UBL, WHOLE_CII], ids=["UBL", "CII"])
def test_a_declared_field_takes_a_term_that_no_field_has_or_that_a_field_has(xml: str) -> None:
    extraction = read(
        xml,
        {"name": "object", "type": "identifier", "einvoice": "BT-18"},
        {"name": "cost_centre", "type": "identifier", "einvoice": "BT-19"},
        {"name": "handed_over", "type": "date", "einvoice": "BT-72"},
        {"name": "advance", "type": "amount", "einvoice": "BT-113"},
        {"name": "line_object", "place": "line", "einvoice": "BT-128"},
        {"name": "unstated", "einvoice": "BT-999"},
    )
    invoice = extraction.invoice
    assert dict(invoice.custom) == {
        "object": invoice.other_terms["BT-18"][0],
        "cost_centre": invoice.accounting_reference,
        "handed_over": str(invoice.delivery_date),
        "advance": str(invoice.prepaid_amount),
    }
    assert dict(invoice.line_items[0].custom) == {"line_object": invoice.line_items[0].other_terms["BT-128"][0]}
    evidence = {each.field: each for each in extraction.evidence}
    assert evidence["custom.object"].xpath == evidence["other_terms[BT-18]"].xpath
    assert evidence["custom.cost_centre"].text == invoice.accounting_reference
    assert "line_items[0].custom.line_object" in evidence


def test_a_term_that_is_not_of_the_declared_type_is_left_out_and_named() -> None:
    extraction = read(WHOLE_UBL, {"name": "object", "type": "number", "einvoice": "BT-18"})
    assert extraction.invoice.custom == {}
    [finding] = [each for each in extraction.findings if each.fields == ("custom.object",)]
    assert finding.rule == XmlRule.VALUE_UNREADABLE


def test_a_term_that_is_stated_twice_differently_is_left_out() -> None:
    again = "<cac:AdditionalDocumentReference><cbc:ID>another</cbc:ID><cbc:DocumentTypeCode>130</cbc:DocumentTypeCode>"
    first = "<cac:AdditionalDocumentReference>"
    xml = replaced(WHOLE_UBL, first, f"{again}</cac:AdditionalDocumentReference>{first}", 1)
    extraction = read(xml, {"name": "object", "einvoice": "BT-18"}, {"name": "whole", "einvoice": "BT-22"})
    assert len(extraction.invoice.other_terms["BT-18"]) == 2
    assert extraction.invoice.custom == {"whole": extraction.invoice.notes}


def test_declared_fields_are_another_version_of_the_engine() -> None:
    own = Declarations.model_validate({"fields": [{"name": "object", "einvoice": "BT-18"}]})
    assert EInvoiceEngine(own_fields=own).version != EInvoiceEngine().version


@pytest.mark.parametrize("term", ["BT-", "bt-18", "BT-18a", "BG-3", "BT-18\x00"])
def test_a_misspelt_term_is_an_error_at_start(term: str) -> None:
    with pytest.raises(ValidationError, match="business term"):
        CustomField.model_validate({"name": "object", "einvoice": term})
