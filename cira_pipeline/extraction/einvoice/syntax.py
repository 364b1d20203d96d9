"""Which of the three syntaxes an XML document is written in."""

from __future__ import annotations

from enum import StrEnum

from lxml import etree

from cira_pipeline.errors import EInvoiceInvalid

_UBL = "urn:oasis:names:specification:ubl:schema:xsd:"


class Syntax(StrEnum):
    UBL_INVOICE = "UBL 2.1 Invoice"
    UBL_CREDIT_NOTE = "UBL 2.1 CreditNote"
    CII = "UN/CEFACT Cross Industry Invoice"
    ZUGFERD_1 = "ZUGFeRD 1.0 CrossIndustryDocument"


_BY_NAMESPACE_AND_NAME = {
    (f"{_UBL}Invoice-2", "Invoice"): Syntax.UBL_INVOICE,
    (f"{_UBL}CreditNote-2", "CreditNote"): Syntax.UBL_CREDIT_NOTE,
    ("urn:un:unece:uncefact:data:standard:CrossIndustryInvoice:100", "CrossIndustryInvoice"): Syntax.CII,
    # Drafts of ZUGFeRD 1.0 differ in the last part of the namespace only.
    ("urn:ferd:CrossIndustryDocument:invoice", "CrossIndustryDocument"): Syntax.ZUGFERD_1,
}


def find_invoice(root: etree._Element) -> tuple[Syntax, etree._Element]:
    """The invoice's own root element: `root`, or its child where a Standard Business Document wraps the invoice.

    Raises: EInvoiceInvalid when it is none of the syntaxes this engine reads.
    """
    name = etree.QName(root)
    candidates = [root, *root] if name.localname == "StandardBusinessDocument" else [root]
    for element in candidates:
        syntax = _syntax(element)
        if syntax is not None:
            return syntax, element
    raise EInvoiceInvalid(
        f"the XML is a {name.localname} ({name.namespace or 'no namespace'}), not an invoice in UBL or CII",
        element=name.localname,
    )


def _syntax(element: etree._Element) -> Syntax | None:
    name = etree.QName(element)
    namespace = (name.namespace or "").removesuffix(":1p0").removesuffix(":rc")
    return _BY_NAMESPACE_AND_NAME.get((namespace, name.localname))
