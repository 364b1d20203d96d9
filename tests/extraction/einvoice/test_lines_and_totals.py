from __future__ import annotations

from decimal import Decimal

from cira_pipeline.syntaxes.field_reader import XmlRule
from tests.extraction.einvoice.documents import CII, UBL, replaced
from tests.extraction.einvoice.test_fields import extract, rules_of

_LINE = CII[CII.index("  <ram:IncludedSupplyChain") : CII.index("  <ram:ApplicableHeaderTradeAgreement>")]
_LINE_ID = "<ram:LineID>1</ram:LineID>"


def _with_group_line(net: str = "100.00", status: str = "GROUP") -> str:
    stated = f"{_LINE_ID}<ram:LineStatusReasonCode>{status}</ram:LineStatusReasonCode>"
    group = _LINE.replace(_LINE_ID, stated).replace(">100.00</ram:LineTotal", f">{net}</ram:LineTotal")
    return replaced(CII, _LINE, group + _LINE)


def test_a_line_that_only_sums_up_others_does_not_count_twice() -> None:
    for status in ("GROUP", "INFORMATION"):
        extraction = extract(_with_group_line(status=status))
        findings = rules_of(extraction)
        assert len(extraction.invoice.line_items) == 2
        assert findings[XmlRule.SUBTOTAL_LINE] == ("line_items[0].net_amount",)
        assert XmlRule.TOTALS_DO_NOT_ADD_UP not in findings


def test_a_detail_line_counts() -> None:
    findings = rules_of(extract(_with_group_line(status="DETAIL")))
    assert XmlRule.SUBTOTAL_LINE not in findings
    assert findings[XmlRule.TOTALS_DO_NOT_ADD_UP] == ("line_items",)


def test_a_line_of_mere_text_is_no_line_item() -> None:
    text = (
        "<ram:IncludedSupplyChainTradeLineItem><ram:AssociatedDocumentLineDocument><ram:IncludedNote>"
        "<ram:Content>We thank you for your order</ram:Content></ram:IncludedNote>"
        "</ram:AssociatedDocumentLineDocument></ram:IncludedSupplyChainTradeLineItem>"
    )
    assert len(extract(replaced(CII, _LINE, text + _LINE)).invoice.line_items) == 1


def test_lines_nested_in_a_line_do_not_count_twice() -> None:
    line = UBL[UBL.index(" <cac:InvoiceLine>") : UBL.index("</Invoice>")]
    nested = line.replace("cac:InvoiceLine", "cac:SubInvoiceLine")
    extraction = extract(replaced(UBL, "</cac:InvoiceLine>", f"{nested}</cac:InvoiceLine>"))
    assert [item.net_amount for item in extraction.invoice.line_items] == [Decimal(100)]
    assert XmlRule.TOTALS_DO_NOT_ADD_UP not in rules_of(extraction)


def test_invoices_without_lines_are_read() -> None:
    extraction = extract(replaced(CII, _LINE, ""))
    assert extraction.invoice.line_items == ()
    assert extraction.invoice.gross_total == Decimal(119)
    assert XmlRule.TOTALS_DO_NOT_ADD_UP not in rules_of(extraction)


def test_a_price_for_more_than_one_unit_is_kept_as_stated_and_told() -> None:
    cii = replaced(CII, '<ram:BasisQuantity unitCode="C62">1<', '<ram:BasisQuantity unitCode="C62">100<')
    ubl = replaced(UBL, '<cbc:BaseQuantity unitCode="C62">1<', '<cbc:BaseQuantity unitCode="C62">100<')
    for xml in (cii, ubl):
        extraction = extract(xml)
        assert extraction.invoice.line_items[0].unit_price == Decimal(50)
        assert extraction.invoice.line_items[0].base_quantity == Decimal(100)
        assert rules_of(extraction) == {XmlRule.PRICE_BASE_QUANTITY: ("line_items[0].unit_price",)}


def _cii_with_allowance(line_total: str, allowance: str, paid: str, due: str) -> str:
    sums = (
        f"<ram:LineTotalAmount>{line_total}</ram:LineTotalAmount>"
        f"<ram:AllowanceTotalAmount>{allowance}</ram:AllowanceTotalAmount>"
    )
    xml = replaced(CII, "    <ram:LineTotalAmount>100.00</ram:LineTotalAmount>\n    <ram:Tax", f"{sums}<ram:Tax")
    return replaced(
        xml,
        "<ram:DuePayableAmount>119.00",
        f"<ram:TotalPrepaidAmount>{paid}</ram:TotalPrepaidAmount><ram:DuePayableAmount>{due}",
    )


def test_allowances_and_prepayments_explain_the_totals() -> None:
    xml = _cii_with_allowance("110.00", "10.00", "19.00", "100.00")
    xml = replaced(xml, ">100.00</ram:LineTotalAmount></ram:Spec", ">110.00</ram:LineTotalAmount></ram:Spec")
    extraction = extract(xml)
    explained = [each for each in extraction.findings if each.rule == XmlRule.DOCUMENT_LEVEL_AMOUNTS]
    assert [each.fields for each in explained] == [("net_total",), ("amount_due",)]
    assert "allowances 10.00" in explained[0].message
    assert "paid 19.00" in explained[1].message
    assert XmlRule.TOTALS_DO_NOT_ADD_UP not in rules_of(extraction)


def test_allowances_that_do_not_explain_the_net_total_are_an_error() -> None:
    xml = _cii_with_allowance("100.00", "10.00", "0", "119.00")
    finding = next(each for each in extract(xml).findings if each.rule == XmlRule.TOTALS_DO_NOT_ADD_UP)
    assert finding.fields == ("net_total",)
    assert "90.00" in finding.message


def test_an_amount_due_that_nothing_explains_is_an_error() -> None:
    finding = next(iter(extract(replaced(UBL, ">119.00</cbc:Payable", ">50.00</cbc:Payable")).findings))
    assert (finding.rule, finding.fields) == (XmlRule.TOTALS_DO_NOT_ADD_UP, ("amount_due",))


def test_payments_collected_for_others_belong_to_the_amount_due() -> None:
    paid = '<cbc:ID>1</cbc:ID><cbc:PaidAmount currencyID="EUR">11.00</cbc:PaidAmount>'
    collected = f"<cac:PrepaidPayment>{paid}</cac:PrepaidPayment>"
    xml = replaced(UBL, " <cac:TaxTotal>", f" {collected}<cac:TaxTotal>")
    findings = rules_of(extract(replaced(xml, ">119.00</cbc:Payable", ">130.00</cbc:Payable")))
    assert findings == {XmlRule.DOCUMENT_LEVEL_AMOUNTS: ("amount_due",)}


def test_a_profile_that_knows_no_prepayment_is_not_called_wrong() -> None:
    minimum = replaced(CII, "    <ram:LineTotalAmount>100.00</ram:LineTotalAmount>\n    <ram:Tax", "    <ram:Tax")
    findings = rules_of(extract(replaced(minimum, "<ram:DuePayableAmount>119.00", "<ram:DuePayableAmount>50.00")))
    assert findings[XmlRule.DOCUMENT_LEVEL_AMOUNTS] == ("amount_due",)
    assert XmlRule.TOTALS_DO_NOT_ADD_UP not in findings


def test_a_long_invoice_is_read_in_time() -> None:
    line = UBL[UBL.index(" <cac:InvoiceLine>") : UBL.index("</Invoice>")]
    extraction = extract(replaced(UBL, line, line * 1_500))
    assert len(extraction.invoice.line_items) == 1_500
    paths = {each.field: each.xpath for each in extraction.evidence}
    assert paths["line_items[1499].net_amount"] == "/Invoice/cac:InvoiceLine[1500]/cbc:LineExtensionAmount"
