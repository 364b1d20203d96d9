"""What intake takes the engine reads: every syntax, under every root and in every envelope that it declares."""

from __future__ import annotations

import pkgutil
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

from cira_pipeline.errors import (
    CiraError,
    DocumentTooComplex,
    DocumentTypeUnsupported,
    EInvoiceInvalid,
    XmlForbidden,
)
from cira_pipeline.extraction.einvoice.engine import EInvoiceEngine
from cira_pipeline.intake.recognise import recognise
from cira_pipeline.models import Document, Extraction, MediaType
from cira_pipeline.syntaxes import formats, safe_xml
from cira_pipeline.syntaxes.field_reader import XmlRule
from cira_pipeline.syntaxes.registry import SYNTAXES
from cira_pipeline.syntaxes.syntax import STANDARD_BUSINESS_DOCUMENT, Syntax
from cira_pipeline.syntaxes.syntaxes_page import with_syntaxes
from tests.extraction.einvoice.documents import (
    NO_READING,
    TERMS_FILE,
    TERMS_ROW,
    UBL,
    pdf_document,
    replaced,
    xml_document,
)
from tests.extraction.einvoice.test_fields import PURCHASE, rules_of, with_other_terms
from tests.hostile.xmls import xmls

MODULES = [module.name for module in pkgutil.iter_modules(formats.__path__)]
SAMPLES: dict[str, tuple[str, str]] = {
    name: sample
    for module in MODULES
    for name, sample in import_module(f"tests.syntaxes.test_{module}").SAMPLES.items()
}
_HEADER = (
    "<HeaderVersion>1.0</HeaderVersion><DocumentIdentification><Standard>a</Standard></DocumentIdentification>"
    "<BusinessScope><Scope><Type>DOCUMENTID</Type></Scope></BusinessScope>"
)


def enveloped(*documents: str, envelope: str = STANDARD_BUSINESS_DOCUMENT) -> str:
    namespace, name = re.fullmatch(r"\{(.*)\}(.*)", envelope).groups()
    held = "".join(document.partition("?>")[2] for document in documents)
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><s:{name} xmlns:s="{namespace}">'
        f'<{name}Header xmlns="{namespace}">{_HEADER}</{name}Header>{held}</s:{name}>'
    )


def _under(root: str, syntax: Syntax, xml: str) -> str:
    """The sample under another root that its syntax declares."""
    (old_space, old_name), (space, name) = (each[1:].split("}") for each in (syntax.roots[0], root))
    return replaced(replaced(xml, old_space, space), old_name, name)


def _ways() -> Iterator[tuple[Syntax, str, str | None]]:
    for syntax in SYNTAXES:
        for root in syntax.roots:
            for envelope in (None, *syntax.envelopes):
                yield syntax, root, envelope


def taken(content: str | bytes) -> Document:
    return recognise(content if isinstance(content, bytes) else content.encode(), max_pages=9, max_pixels=9_000_000)


def extracted(document: Document) -> Extraction:
    extraction = EInvoiceEngine().extract(document, NO_READING)
    assert extraction is not None
    return extraction


def test_every_module_declares_a_syntax_and_every_syntax_has_a_sample() -> None:
    assert {syntax.name for syntax in SYNTAXES} == set(SAMPLES)
    for module in MODULES:
        assert set(import_module(f"{formats.__name__}.{module}").SYNTAXES) <= set(SYNTAXES)


@pytest.mark.parametrize(
    ("syntax", "root", "envelope"),
    _ways(),
    ids=[f"{root} {'enveloped' if envelope else 'alone'}" for _, root, envelope in _ways()],
)
def test_what_intake_takes_the_engine_reads(syntax: Syntax, root: str, envelope: str | None) -> None:
    sample, type_code = SAMPLES[syntax.name]
    xml = _under(root, syntax, sample)
    expected = PURCHASE.model_copy(update={"invoice_type": type_code})
    if envelope:
        xml = enveloped(xml, envelope=envelope)
        header = f"{envelope.rpartition('}')[2]}Header"
        stated = {
            "HeaderVersion": "1.0",
            "DocumentIdentification/Standard": "a",
            "BusinessScope/Scope/Type": "DOCUMENTID",
        }
        expected = with_other_terms(expected, **{f"{header}/{path}": text for path, text in stated.items()})

    document = taken(xml)
    assert document.media_type is MediaType.XML
    alone = extracted(document)
    assert alone.invoice == expected
    if root == syntax.roots[0] and syntax.name != "ZUGFeRD 1.0 CrossIndustryDocument":
        assert alone.findings == ()
    if envelope:
        number = next(each for each in alone.evidence if each.field == "invoice_number")
        assert (number.xpath or "").startswith("/s:StandardBusinessDocument/")

    for name, usual in (("factur-x.xml", True), ("a name of the supplier's own.xml", False)):
        hybrid = extracted(taken(pdf_document(TERMS_FILE, (name, xml)).content))
        assert hybrid.invoice == expected.model_copy(update={"attachments": (TERMS_ROW,)})
        assert (XmlRule.UNUSUAL_ATTACHMENT in rules_of(hybrid)) is not usual


_ORDER_X = "SCRDMCCBDACIOMessageStructure"
_NOT_INVOICES = {
    "an order": replaced(UBL, "Invoice", "Order"),
    "Order-X": f'<r:{_ORDER_X} xmlns:r="urn:un:unece:uncefact:data:{_ORDER_X}:100"/>',
    "an invoice of no namespace": "<Invoice><ID>1</ID></Invoice>",
    "an envelope without content": enveloped(),
    "an envelope with an order": enveloped(replaced(UBL, "Invoice", "Order")),
    "an envelope with two invoices": enveloped(UBL, UBL),
    "an envelope in an envelope": enveloped("?>" + enveloped(UBL).partition("?>")[2]),
    "an envelope of nobody": enveloped(UBL, envelope="{urn:example}StandardBusinessDocument"),
    "an invoice inside other XML": f'<x xmlns="urn:example">{UBL.partition("?>")[2]}</x>',
}


@pytest.mark.parametrize("name", _NOT_INVOICES)
def test_what_the_engine_cannot_read_intake_refuses(name: str) -> None:
    """The job would run and fail; or, of two invoices in one file, one would never be paid."""
    xml = _NOT_INVOICES[name]
    with pytest.raises(DocumentTypeUnsupported, match="its root is") as refused:
        taken(xml)
    assert ("2 invoices" in refused.value.message) is (name == "an envelope with two invoices")
    with pytest.raises(EInvoiceInvalid, match="its root is"):
        extracted(xml_document(xml))
    assert EInvoiceEngine().extract(pdf_document(("data.xml", xml)), NO_READING) is None


_START = '<Invoice xmlns="urn:oasis:names:specification:ubl:schema:xsd:Invoice-2">'
_LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 12))
_HOSTILE = {
    "a bomb of entities": (f'<!DOCTYPE x [<!ENTITY l0 "ha">{_LAUGHS}]>', "&l11;", XmlForbidden),
    "a file as an entity": ('<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]>', "&f;", XmlForbidden),
    "a bare DTD": ("<!DOCTYPE x>", "", XmlForbidden),
    "depth": ("", "<a>" * 250 + "</a>" * 250, DocumentTooComplex),
    "size": ("", "<a/>" * 1_001, DocumentTooComplex),
    "attributes": ("", "<a b='' c='' d=''/>" * 600, DocumentTooComplex),
}


@pytest.mark.parametrize("enclosed", [False, True], ids=["alone", "enveloped"])
@pytest.mark.parametrize("name", _HOSTILE)
def test_hostile_xml_is_refused_by_every_way_in(name: str, enclosed: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Limits of a thousandth; tests/intake/test_recognise.py and tests/hostile go beyond those in use."""
    monkeypatch.setattr(safe_xml, "MAX_ELEMENTS", 1_000)
    monkeypatch.setattr(safe_xml, "MAX_NODES", 2_000)
    before, inside, error = _HOSTILE[name]
    xml = "?>" + replaced(UBL.partition("?>")[2], "<cac:TaxTotal>", f"{inside}<cac:TaxTotal>", 1)
    xml = before + (enveloped(xml) if enclosed else xml).partition("?>")[2]
    with pytest.raises(error):
        taken(xml)
    with pytest.raises(EInvoiceInvalid):
        extracted(xml_document(xml))
    with pytest.raises(EInvoiceInvalid):
        extracted(pdf_document(("factur-x.xml", xml)))
    assert EInvoiceEngine().extract(pdf_document(("data.xml", xml)), NO_READING) is None


@pytest.mark.parametrize("name", xmls())
def test_of_hostile_xml_too_the_engine_parses_what_intake_takes(name: str) -> None:
    content = xmls()[name]()
    try:
        document = taken(content)
    except CiraError:
        return
    with pytest.raises(EInvoiceInvalid, match="has none of the fields"):
        extracted(document)


def test_a_long_text_that_intake_takes_the_engine_reads() -> None:
    note = f"<cbc:Note>{'To whom it may concern. ' * 600_000}</cbc:Note>"
    xml = replaced(UBL, " <cbc:DocumentCurrencyCode>", f"{note}<cbc:DocumentCurrencyCode>")
    extraction = extracted(taken(xml))
    assert extraction.invoice == PURCHASE
    assert XmlRule.TERMS_LEFT_OUT in rules_of(extraction)


def test_the_docs_name_every_syntax() -> None:
    page = (Path(__file__).parents[2] / "docs" / "intake.md").read_text(encoding="utf-8")
    assert with_syntaxes(page) == page, "run: python -m cira_pipeline.syntaxes.syntaxes_page"
    assert [syntax.name for syntax in SYNTAXES if page.count(f"| {syntax.name} |") != 1] == []
