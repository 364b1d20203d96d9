from __future__ import annotations

import base64
import hashlib
import threading
from decimal import Decimal
from pathlib import Path

import pytest

from cira_pipeline.errors import EInvoiceInvalid
from cira_pipeline.extraction.einvoice.engine import EInvoiceEngine
from cira_pipeline.invoice import Attachment
from cira_pipeline.models import Document, Extraction, MediaType
from cira_pipeline.syntaxes.field_reader import XmlRule
from tests.extraction.einvoice.documents import (
    CII,
    NO_READING,
    TERMS_FILE,
    TERMS_ROW,
    UBL,
    ZUGFERD_1,
    pdf_document,
    replaced,
    xml_document,
)
from tests.extraction.einvoice.test_fields import PURCHASE, extract, rules_of


def _extract(document: Document) -> Extraction | None:
    return EInvoiceEngine().extract(document, NO_READING)


@pytest.mark.parametrize(
    ("name", "xml"),
    [
        ("factur-x.xml", CII),
        ("zugferd-invoice.xml", CII),
        ("ZUGFeRD-invoice.xml", ZUGFERD_1),
        ("xrechnung.xml", CII),
        ("xrechnung.xml", UBL),
        ("FACTUR-X.XML", CII),
    ],
)
def test_the_xml_in_a_pdf_is_found_under_every_name_in_use(name: str, xml: str) -> None:
    extraction = _extract(pdf_document(TERMS_FILE, (name, xml)))
    assert extraction is not None
    assert extraction.invoice == PURCHASE.model_copy(update={"attachments": (TERMS_ROW,)})
    assert XmlRule.UNUSUAL_ATTACHMENT not in rules_of(extraction)


@pytest.mark.parametrize("prefix", [b"\xef\xbb\xbf", b"\n  ", b""], ids=["bom", "white space", "nothing"])
@pytest.mark.parametrize("suffix", [b"\0\0", b"\n"], ids=["padding", "newline"])
def test_a_sloppy_producer_loses_no_invoice(prefix: bytes, suffix: bytes) -> None:
    content = prefix + CII.encode() + suffix
    extraction = _extract(pdf_document(("factur-x.xml", content)))
    assert extraction is not None
    assert extraction.invoice == PURCHASE
    assert extract(content).invoice == PURCHASE


def test_xml_in_another_encoding_is_read() -> None:
    content = CII.replace('encoding="UTF-8"', 'encoding="UTF-16"').encode("utf-16")
    assert extract(content).invoice == PURCHASE


def test_a_pdf_without_invoice_xml_is_left_to_the_next_engine() -> None:
    assert _extract(pdf_document()) is None
    assert _extract(pdf_document(("notes.txt", "hello"), ("data.xml", "<data/>"))) is None


def test_an_order_is_never_taken_for_an_invoice() -> None:
    assert _extract(pdf_document(("order-x.xml", CII))) is None


def test_a_picture_is_left_to_the_next_engine() -> None:
    picture = xml_document(b"not looked at").model_copy(update={"media_type": MediaType.PNG})
    assert _extract(picture) is None


def test_a_broken_pdf_is_left_to_the_next_engine() -> None:
    broken = xml_document(b"%PDF-1.7 and nothing else").model_copy(update={"media_type": MediaType.PDF})
    assert _extract(broken) is None


def test_xml_under_another_name_counts_but_is_doubted() -> None:
    extraction = _extract(pdf_document(("rechnung [17].xml", CII)))
    assert extraction is not None
    assert extraction.invoice == PURCHASE
    assert XmlRule.UNUSUAL_ATTACHMENT in rules_of(extraction)


def test_of_two_unnamed_xml_files_neither_is_chosen_by_chance() -> None:
    assert _extract(pdf_document(("one.xml", CII), ("two.xml", UBL))) is None


def test_two_invoices_in_one_file_are_doubted() -> None:
    other = replaced(CII, "R-2026/17", "R-2026/18")
    extraction = _extract(pdf_document(("zugferd-invoice.xml", other), ("factur-x.xml", CII)))
    assert extraction is not None
    assert extraction.invoice.invoice_number == "R-2026/17"
    assert XmlRule.UNUSUAL_ATTACHMENT in rules_of(extraction)


@pytest.mark.parametrize(
    "content",
    ["", "no xml", CII[:2000], "<html/>", replaced(CII, "<rsm:", "<!DOCTYPE x><rsm:", 1)],
    ids=["empty", "text", "cut off", "html", "with DTD"],
)
def test_unusable_xml_in_a_pdf_says_so_and_lets_the_page_be_read(content: str) -> None:
    with pytest.raises(EInvoiceInvalid) as caught:
        _extract(pdf_document(("factur-x.xml", content)))
    assert not caught.value.retryable


@pytest.mark.parametrize(
    ("xml", "complaint"),
    [
        ("<html/>", "html"),
        ("<Invoice><ID>1</ID></Invoice>", "no namespace"),
        ("<FatturaElettronica xmlns='http://ivaservizi.agenziaentrate.gov.it/x'/>", "FatturaElettronica"),
        (UBL[:500], "not well-formed"),
        ('<Invoice xmlns="urn:oasis:names:specification:ubl:schema:xsd:Invoice-2"/>', "has none of the fields"),
    ],
)
def test_xml_that_is_no_invoice_is_one_clear_error(xml: str, complaint: str) -> None:
    with pytest.raises(EInvoiceInvalid, match=complaint):
        extract(xml)


def test_no_file_of_this_machine_gets_into_an_invoice(tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("the secret", encoding="utf-8")
    dtd = f'<!DOCTYPE Invoice [<!ENTITY leak SYSTEM "{secret.as_uri()}">]>'
    xml = replaced(replaced(UBL, "<Invoice ", f"{dtd}<Invoice ", 1), "R-2026/17", "&leak;")
    with pytest.raises(EInvoiceInvalid, match="DTD"):
        extract(xml)
    with pytest.raises(EInvoiceInvalid):
        _extract(pdf_document(("xrechnung.xml", xml)))


def test_entities_cannot_blow_up_the_memory() -> None:
    entities = "".join(f'<!ENTITY e{level} "{f"&e{level - 1};" * 10}">' for level in range(1, 12))
    dtd = f'<!DOCTYPE Invoice [<!ENTITY e0 "lol">{entities}]>'
    xml = replaced(replaced(UBL, "<Invoice ", f"{dtd}<Invoice ", 1), "R-2026/17", "&e11;")
    with pytest.raises(EInvoiceInvalid):
        extract(xml)
    with pytest.raises(EInvoiceInvalid):
        _extract(pdf_document(("xrechnung.xml", xml)))


def test_deeply_nested_xml_is_refused() -> None:
    with pytest.raises(EInvoiceInvalid, match="nests more than"):
        extract(replaced(UBL, " <cac:TaxTotal>", f" {'<a>' * 5_000}{'</a>' * 5_000}<cac:TaxTotal>", 1))


def test_a_large_file_inside_the_xml_does_not_keep_the_invoice_from_being_read() -> None:
    attached = base64.b64encode(bytes(12_000_000)).decode()
    embedded = f"<cbc:EmbeddedDocumentBinaryObject>{attached}</cbc:EmbeddedDocumentBinaryObject>"
    reference = "cac:AdditionalDocumentReference"
    document = f"<{reference}><cbc:ID>1</cbc:ID><cac:Attachment>{embedded}</cac:Attachment></{reference}>"
    extraction = extract(replaced(UBL, " <cac:AccountingSupplierParty>", f" {document}<cac:AccountingSupplierParty>"))
    attachment = Attachment(
        reference="1", size_bytes=Decimal(12_000_000), sha256=hashlib.sha256(bytes(12_000_000)).hexdigest()
    )
    assert extraction.invoice == PURCHASE.model_copy(update={"attachments": (attachment,)})


def test_one_engine_serves_many_threads() -> None:
    engine = EInvoiceEngine()
    documents = [xml_document(UBL), xml_document(CII), pdf_document(("factur-x.xml", CII))] * 5
    results: list[Extraction | None] = []
    threads = [
        threading.Thread(target=lambda each=document: results.append(engine.extract(each, NO_READING)))
        for document in documents
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == len(documents)
    assert all(result is not None and result.invoice == PURCHASE for result in results)
