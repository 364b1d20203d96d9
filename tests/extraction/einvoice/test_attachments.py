"""The files that an e-invoice carries, BG-24: in its XML, and beside it in a hybrid PDF."""

from __future__ import annotations

import base64
import hashlib
import io
import zlib
from decimal import Decimal

import pytest
from pypdf import PdfReader, PdfWriter
from pypdf.generic import DictionaryObject, NameObject, StreamObject, TextStringObject

from cira_pipeline.extraction.einvoice.engine import EInvoiceEngine
from cira_pipeline.invoice import Attachment
from cira_pipeline.models import Document, Extraction
from cira_pipeline.syntaxes import attachments
from cira_pipeline.syntaxes.field_reader import XmlRule
from tests.extraction.einvoice.documents import (
    CII,
    NO_READING,
    TERMS_FILE,
    TERMS_ROW,
    UBL,
    pdf_document,
    replaced,
)
from tests.extraction.einvoice.test_fields import extract, rules_of

SHEET = b"hours;12\r\n"
SHEET_ROW = Attachment(
    reference="T-1",
    description="Time sheet",
    filename="hours.csv",
    media_type="text/csv",
    size_bytes=Decimal(len(SHEET)),
    sha256=hashlib.sha256(SHEET).hexdigest(),
)
NAMED_ROW = Attachment(reference="T-2", location="https://example.com/plan.pdf")


def ubl(content: str, *, reference: str = "T-1", media_type: str = "text/csv", filename: str = "hours.csv") -> str:
    return (
        f"<cac:AdditionalDocumentReference><cbc:ID>{reference}</cbc:ID>"
        "<cbc:DocumentDescription>Time sheet</cbc:DocumentDescription><cac:Attachment>"
        f'<cbc:EmbeddedDocumentBinaryObject mimeCode="{media_type}" filename="{filename}">{content}'
        "</cbc:EmbeddedDocumentBinaryObject></cac:Attachment></cac:AdditionalDocumentReference>"
    )


def ubl_with(*references: str) -> str:
    return replaced(UBL, " <cac:AccountingSupplierParty>", f" {''.join(references)}<cac:AccountingSupplierParty>")


def cii_with(*references: str) -> str:
    end = "</ram:ApplicableHeaderTradeAgreement>"
    return replaced(CII, end, f"{''.join(references)}{end}")


def cii(location: str = "", content: str = "") -> str:
    number = "T-2" if location else "T-1"
    named = f"<ram:URIID>{location}</ram:URIID>" if location else ""
    held = (
        '<ram:Name>Time sheet</ram:Name><ram:AttachmentBinaryObject mimeCode="text/csv" filename="hours.csv">'
        f"{content}</ram:AttachmentBinaryObject>"
        if content
        else ""
    )
    return (
        f"<ram:AdditionalReferencedDocument><ram:IssuerAssignedID>{number}</ram:IssuerAssignedID>{named}"
        f"<ram:TypeCode>916</ram:TypeCode>{held}</ram:AdditionalReferencedDocument>"
    )


UBL_BOTH = ubl_with(
    ubl(base64.b64encode(SHEET).decode()),
    "<cac:AdditionalDocumentReference><cbc:ID>T-2</cbc:ID><cac:Attachment><cac:ExternalReference>"
    "<cbc:URI>https://example.com/plan.pdf</cbc:URI></cac:ExternalReference></cac:Attachment>"
    "</cac:AdditionalDocumentReference>",
)
CII_BOTH = cii_with(cii(content=base64.b64encode(SHEET).decode()), cii("https://example.com/plan.pdf"))


def read(document: Document) -> Extraction:
    extraction = EInvoiceEngine().extract(document, NO_READING)
    assert extraction is not None
    return extraction


@pytest.mark.parametrize("xml", [UBL_BOTH, CII_BOTH], ids=["UBL", "CII"])
def test_what_an_e_invoice_carries_and_names_is_listed_with_its_bytes(xml: str) -> None:
    extraction = extract(xml)
    assert extraction.invoice.attachments == (SHEET_ROW, NAMED_ROW)
    assert [(each.sha256, each.content) for each in extraction.files] == [(SHEET_ROW.sha256, SHEET)]
    evidence = {each.field: each.text for each in extraction.evidence}
    assert evidence["attachments[0].size_bytes"] == str(len(SHEET))
    assert "T-1" not in str(extraction.invoice.other_terms)


@pytest.mark.parametrize("content", ["Größe", "aGk", "a===", "not base64!"])
def test_content_that_is_not_base64_is_a_finding_and_the_invoice_is_read(content: str) -> None:
    extraction = extract(ubl_with(ubl(content)))
    [row] = extraction.invoice.attachments
    assert (row.reference, row.sha256, row.size_bytes) == ("T-1", None, None)
    assert extraction.files == ()
    assert XmlRule.ATTACHMENT_UNREADABLE in rules_of(extraction)


def test_a_hostile_name_or_media_type_reaches_no_header_and_no_path() -> None:
    name = "../..\\a&#10;Set-Cookie: b=c&#x202e;fdp.exe"
    extraction = extract(ubl_with(ubl("aGk=", filename=name, media_type="text/html&#10;X: y")))
    [row] = extraction.invoice.attachments
    assert (row.filename, row.media_type) == ("a Set-Cookie: b=cfdp.exe", None)
    assert [each.content for each in extraction.files] == [b"hi"]


def test_more_files_than_are_kept_are_listed_and_named() -> None:
    many = [ubl(base64.b64encode(b"%d" % number).decode(), reference=str(number)) for number in range(102)]
    extraction = extract(ubl_with(*many))
    assert len(extraction.invoice.attachments) == 102
    assert all(row.sha256 for row in extraction.invoice.attachments)
    assert len(extraction.files) == attachments.MAX_FILES
    left_out = [each for each in extraction.findings if each.rule == XmlRule.ATTACHMENT_NOT_KEPT]
    assert [each.fields for each in left_out] == [("attachments[100]",), ("attachments[101]",)]


def test_files_larger_together_than_the_limit_are_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attachments, "MAX_FILES_BYTES", 3)
    extraction = extract(ubl_with(ubl("aGk="), ubl("aG8="), ubl("aA==")))
    assert [each.content for each in extraction.files] == [b"hi", b"h"]
    assert [each.fields for each in extraction.findings if each.rule == XmlRule.ATTACHMENT_NOT_KEPT] == [
        ("attachments[1]",)
    ]


def test_files_beside_the_invoice_in_a_hybrid_pdf_are_listed_once() -> None:
    """`hours.csv` is in the XML too, and `plan of the site.pdf` is what a row of the XML names."""
    xml = cii_with(cii(content=base64.b64encode(SHEET).decode()), cii("#ef=plan%20of%20the%20site.pdf"))
    plan = b"%PDF-1.7 plan"
    document = pdf_document(("factur-x.xml", xml), ("hours.csv", SHEET), ("plan of the site.pdf", plan), TERMS_FILE)
    extraction = read(document)
    assert extraction.invoice.attachments == (
        SHEET_ROW,
        Attachment(
            reference="T-2",
            location="#ef=plan%20of%20the%20site.pdf",
            filename="plan of the site.pdf",
            size_bytes=Decimal(len(plan)),
            sha256=hashlib.sha256(plan).hexdigest(),
        ),
        TERMS_ROW,
    )
    assert {each.content for each in extraction.files} == {SHEET, plan, TERMS_FILE[1]}
    assert {"attachments[1].sha256", "attachments[2].filename"} <= {each.field for each in extraction.evidence}


def test_type_and_description_of_a_file_in_a_pdf_are_kept() -> None:
    writer = PdfWriter(clone_from=io.BytesIO(pdf_document(("factur-x.xml", CII)).content))
    embedded = writer.add_attachment("../plan\n.pdf", b"plan")
    embedded.subtype = NameObject("/application/pdf")
    embedded.description = TextStringObject("Plan of\nthe site")
    out = io.BytesIO()
    writer.write(out)
    extraction = read(pdf_document().model_copy(update={"content": out.getvalue()}))
    [row] = extraction.invoice.attachments
    assert (row.filename, row.media_type, row.description) == ("plan .pdf", "application/pdf", "Plan of the site")


def test_a_file_that_unpacks_without_end_costs_neither_the_invoice_nor_its_neighbours() -> None:
    content = pdf_document(("a.txt", b"first"), ("bomb.bin", b"small"), ("factur-x.xml", CII), TERMS_FILE).content
    writer = PdfWriter(clone_from=io.BytesIO(content))
    [bomb] = [each for each in writer.attachment_list if each.name == "bomb.bin"]
    packed = StreamObject()
    packed.set_data(zlib.compress(bytes(80_000_000)))
    packed[NameObject("/Filter")] = NameObject("/FlateDecode")
    held = bomb.pdf_object["/EF"].get_object()
    assert isinstance(held, DictionaryObject)
    held[NameObject("/F")] = writer._add_object(packed)
    out = io.BytesIO()
    writer.write(out)
    assert len(out.getvalue()) < 500_000
    assert "bomb.bin" in {each.name for each in PdfReader(out).attachment_list}
    extraction = read(pdf_document().model_copy(update={"content": out.getvalue()}))
    assert extraction.invoice.invoice_number == "R-2026/17"
    assert [(row.filename, row.sha256 is not None) for row in extraction.invoice.attachments] == [
        ("a.txt", True),
        ("bomb.bin", False),
        ("terms.pdf", True),
    ]
    assert XmlRule.ATTACHMENT_UNREADABLE in rules_of(extraction)
