from __future__ import annotations

import gzip
import hashlib
import struct
import threading
import zipfile
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO

import pytest
from pypdf import PdfReader, PdfWriter
from pypdf.generic import NullObject

from cira_pipeline.errors import (
    CiraError,
    DocumentDamaged,
    DocumentEmpty,
    DocumentEncrypted,
    DocumentTooComplex,
    DocumentTooManyPages,
    DocumentTypeUnsupported,
    ImageTooLarge,
    XmlForbidden,
)
from cira_pipeline.intake.recognise import recognise as recognise_within
from cira_pipeline.models import Document, MediaType
from tests.hostile.pdfs import pdfs, tiling
from tests.intake.documents import (
    UBL,
    pdf,
    pdf_of_laughing_forms,
    pdf_with_instructions,
    pdf_with_password,
    pdf_with_picture_of,
    picture,
    written,
)


def recognise(content: bytes, *, max_pages: int = 10, max_pixels: int = 10_000_000) -> Document:
    return recognise_within(content, max_pages=max_pages, max_pixels=max_pixels)


CII = '<r:CrossIndustryInvoice xmlns:r="urn:un:unece:uncefact:data:standard:CrossIndustryInvoice:100"/>'
ZUGFERD_1 = '<r:CrossIndustryDocument xmlns:r="urn:ferd:CrossIndustryDocument:invoice:1p0"/>'
CREDIT_NOTE = '<CreditNote xmlns="urn:oasis:names:specification:ubl:schema:xsd:CreditNote-2"/>'


@pytest.mark.parametrize(
    ("content", "media_type", "pages"),
    [
        (pdf(3), MediaType.PDF, 3),
        (b"\xef\xbb\xbf\r\nHTTP/1.1 200 OK\r\n" * 20 + pdf(), MediaType.PDF, 1),
        (b"<br />\n<b>Warning</b>: Undefined variable\n" + pdf(), MediaType.PDF, 1),
        (pdf() + b"\r\n\0\0\0", MediaType.PDF, 1),
        (pdf_with_password(""), MediaType.PDF, 1),
        (pdf_with_password("", algorithm="RC4-128"), MediaType.PDF, 1),
        (picture("PNG"), MediaType.PNG, 1),
        (picture("PNG", frames=3), MediaType.PNG, 1),
        (picture("JPEG"), MediaType.JPEG, 1),
        (picture("JPEG", (1, 1), mode="CMYK"), MediaType.JPEG, 1),
        (picture("TIFF"), MediaType.TIFF, 1),
        (picture("TIFF", frames=4, mode="1"), MediaType.TIFF, 4),
        (UBL.encode(), MediaType.XML, 0),
        (b"\xef\xbb\xbf<?xml version='1.0' encoding='UTF-8'?>\n<!-- x -->" + UBL.encode(), MediaType.XML, 0),
        (f"<?xml version='1.0' encoding='UTF-16'?>{UBL}".encode("utf-16"), MediaType.XML, 0),
        (f"<?xml version='1.0' encoding='UTF-16'?>{UBL}".encode("utf-16-le"), MediaType.XML, 0),
        (b"\n  " + CREDIT_NOTE.encode(), MediaType.XML, 0),
        (b"\r\n\n<?xml version='1.0'?>" + UBL.encode() + b"\0\0", MediaType.XML, 0),
        (CII.encode(), MediaType.XML, 0),
        (ZUGFERD_1.encode(), MediaType.XML, 0),
    ],
    ids=lambda value: value if isinstance(value, str | int) else f"{len(value)} bytes",
)
def test_a_good_document_gets_through(content: bytes, media_type: MediaType, pages: int) -> None:
    document = recognise(content)
    assert (document.media_type, document.page_count) == (media_type, pages)
    assert document.sha256 == hashlib.sha256(content).hexdigest()
    assert (document.content, document.size_bytes) == (content, len(content))


@pytest.mark.parametrize("content", [b"", b"\0" * 5000, b" \r\n\t "])
def test_an_empty_file_says_so(content: bytes) -> None:
    with pytest.raises(DocumentEmpty):
        recognise(content)


class TestPdf:
    @pytest.mark.parametrize("share", [0.1, 0.3, 0.5, 0.7, 0.9, 0.97])
    def test_half_an_invoice_is_not_paid_as_a_whole(self, share: float) -> None:
        whole = pdf(5)
        with pytest.raises(DocumentDamaged):
            recognise(whole[: int(len(whole) * share)])

    def test_an_update_that_breaks_off_is_not_ignored(self) -> None:
        whole = pdf()
        writer = PdfWriter(BytesIO(whole), incremental=True)
        writer.pages[0].rotate(90)
        writer.add_blank_page(100, 100)
        updated = written(writer)
        assert recognise(updated).page_count == 2
        with pytest.raises(DocumentDamaged):
            recognise(updated[: updated.rfind(b"endobj") + 6])

    def test_a_password_is_asked_of_the_supplier(self) -> None:
        for algorithm in ("RC4-40", "AES-128", "AES-256"):
            with pytest.raises(DocumentEncrypted):
                recognise(pdf_with_password("user", algorithm=algorithm))

    def test_an_unknown_kind_of_encryption_says_so(self) -> None:
        encrypted = pdf_with_password("", algorithm="RC4-128")
        assert b"/Standard" in encrypted
        with pytest.raises(DocumentEncrypted):
            recognise(encrypted.replace(b"/Standard", b"/Adobe.PS"))

    def test_a_page_that_is_not_there_is_damage(self) -> None:
        writer = PdfWriter(clone_from=PdfReader(BytesIO(pdf(3))))
        kids = writer.root_object["/Pages"]["/Kids"]
        kids[1] = NullObject()
        with pytest.raises(DocumentDamaged, match="page"):
            recognise(written(writer))

    def test_a_pdf_without_pages_is_damaged_whatever_came_before_it(self) -> None:
        with pytest.raises(DocumentEncrypted):
            recognise(pdf_with_password("user"))
        with pytest.raises(DocumentDamaged):
            recognise(written(PdfWriter()))

    def test_a_header_alone_is_damaged(self) -> None:
        with pytest.raises(DocumentDamaged):
            recognise(b"%PDF-1.7\n")

    def test_a_catalogue_is_not_read_to_the_end(self) -> None:
        assert recognise(pdf(10)).page_count == 10
        with pytest.raises(DocumentTooManyPages, match="11 pages"):
            recognise(pdf(11))

    def test_a_page_as_large_as_a_house_is_not_rendered(self) -> None:
        with pytest.raises(ImageTooLarge, match="page 1"):
            recognise(pdf(size=(14_400, 14_400)))

    def test_a_picture_that_unpacks_to_gigabytes_is_not_decoded(self) -> None:
        assert recognise(pdf_with_picture_of(100, 100)).page_count == 1
        with pytest.raises(ImageTooLarge, match="an image on page 1"):
            recognise(pdf_with_picture_of(60_000, 60_000))

    def test_a_small_file_that_draws_millions_of_lines_is_not_loaded(self) -> None:
        line = b"0 0 m 9 9 l S "
        assert recognise(pdf_with_instructions(line * 1000)).page_count == 1
        bomb = pdf_with_instructions(line * 1_000_000)
        assert len(bomb) < 100_000
        with pytest.raises(DocumentTooComplex, match="page 1"):
            recognise(bomb)

    @pytest.mark.parametrize("levels", [8, 40, 2000])
    def test_forms_that_draw_forms_without_end_are_not_drawn(self, levels: int) -> None:
        assert recognise(pdf_of_laughing_forms(3, 10)).page_count == 1
        with pytest.raises(DocumentTooComplex):
            recognise(pdf_of_laughing_forms(levels, 10))

    @pytest.mark.parametrize("name", ["form draws itself 50 times", "form draws itself once", "forms in a circle"])
    def test_a_form_that_draws_itself_is_not_drawn(self, name: str) -> None:
        with pytest.raises(DocumentTooComplex, match="draws itself"):
            recognise(pdfs()[name]())

    @pytest.mark.parametrize("name", ["tiling of tiny steps", "tiling of tilings", "tiling that tiles itself"])
    def test_a_pattern_of_cells_that_nobody_can_see_is_not_drawn(self, name: str) -> None:
        assert recognise(tiling(0.5)).page_count == 1, "a hatched area of a chart"
        with pytest.raises(DocumentTooComplex):
            recognise(pdfs()[name]())

    def test_page_trees_in_a_circle_end(self) -> None:
        writer = PdfWriter(clone_from=PdfReader(BytesIO(pdf(2))))
        pages = writer.root_object["/Pages"]
        pages["/Kids"][1] = writer.root_object.raw_get("/Pages")
        with pytest.raises(DocumentDamaged):
            recognise(written(writer))

    def test_threads_do_not_bring_pdfium_down(self) -> None:
        with ThreadPoolExecutor(4) as threads:
            assert [each.page_count for each in threads.map(recognise, [pdf(2)] * 24)] == [2] * 24

    def test_intake_and_docling_take_turns_in_pdfium(self) -> None:
        from docling.utils.locks import pypdfium2_lock

        done = threading.Event()
        with pypdfium2_lock:
            thread = threading.Thread(target=lambda: (recognise(pdf()), done.set()))
            thread.start()
            assert not done.wait(0.2)
        thread.join(10)
        assert done.is_set()


class TestPictures:
    @pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF"])
    @pytest.mark.parametrize("share", [0.05, 0.5, 0.95])
    def test_half_a_scan_is_not_read_as_a_whole(self, kind: str, share: float) -> None:
        whole = picture(kind, (200, 200))
        with pytest.raises(DocumentDamaged):
            recognise(whole[: int(len(whole) * share)])

    def test_a_flipped_byte_in_a_png_is_noticed(self) -> None:
        content = bytearray(picture("PNG"))
        content[len(content) // 2] ^= 0xFF
        with pytest.raises(DocumentDamaged):
            recognise(bytes(content))

    def test_a_second_page_that_breaks_off_is_noticed(self) -> None:
        two = picture("TIFF", (200, 200), frames=2)
        with pytest.raises(DocumentDamaged):
            recognise(two[: int(len(two) * 0.8)])

    @pytest.mark.parametrize("side", [3_200, 60_000])
    def test_a_bomb_is_refused_by_its_header(self, side: int) -> None:
        def chunk(name: bytes, data: bytes) -> bytes:
            return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

        header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
        bomb = (
            b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"not even compressed") + chunk(b"IEND", b"")
        )
        with pytest.raises(ImageTooLarge):
            recognise(bomb)

    def test_a_large_second_frame_is_not_decoded(self) -> None:
        small, large = picture("TIFF", mode="1"), picture("TIFF", (400, 400), mode="1")
        from PIL import Image

        buffer = BytesIO()
        Image.open(BytesIO(small)).save(
            buffer, "TIFF", save_all=True, append_images=[Image.open(BytesIO(large))], compression="group4"
        )
        assert recognise(buffer.getvalue()).page_count == 2
        with pytest.raises(ImageTooLarge):
            recognise(buffer.getvalue(), max_pixels=100_000)

    def test_frames_are_counted_as_pages(self) -> None:
        with pytest.raises(DocumentTooManyPages):
            recognise(picture("TIFF", (5, 5), frames=11))

    def test_frames_in_a_circle_end(self) -> None:
        content = bytearray(picture("TIFF", (5, 5)))
        first = struct.unpack_from("<I", content, 4)[0]
        entries = struct.unpack_from("<H", content, first)[0]
        struct.pack_into("<I", content, first + 2 + entries * 12, first)
        assert recognise(bytes(content)).page_count == 1


class TestXml:
    LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 12))

    @pytest.mark.parametrize(
        "doctype",
        [
            f'<!DOCTYPE Invoice [<!ENTITY l0 "ha">{LAUGHS}]>',
            '<!DOCTYPE Invoice [<!ENTITY x SYSTEM "file:///etc/passwd">]>',
            '<!DOCTYPE Invoice [<!ENTITY % x SYSTEM "http://127.0.0.1:9/x.dtd"> %x;]>',
            '<!DOCTYPE Invoice SYSTEM "http://127.0.0.1:9/x.dtd">',
            "<!DOCTYPE Invoice>",
        ],
        ids=["billion laughs", "file", "parameter entity", "external", "bare"],
    )
    @pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
    def test_a_dtd_is_never_opened(self, doctype: str, encoding: str) -> None:
        with pytest.raises(XmlForbidden):
            recognise((doctype + UBL.replace(">7<", " x='&l11;'>&l11;<")).encode(encoding))

    def test_a_comment_about_a_dtd_is_not_one(self) -> None:
        assert recognise(f"<!-- <!DOCTYPE x> -->{UBL}".encode()).media_type is MediaType.XML

    @pytest.mark.parametrize(
        "content",
        [
            UBL.encode()[:-12],
            UBL.replace("</cbc:ID>", "").encode(),
            UBL.replace(">7<", ">&unknown;<").encode(),
            UBL.replace(">7<", ">\xe4<").encode("latin-1"),
            b"<?xml version='1.0'?>",
            b"<?xml version='1.0' encoding='klingon'?>" + UBL.encode(),
        ],
        ids=["cut off", "unclosed", "entity", "encoding", "declaration", "unknown encoding"],
    )
    def test_broken_xml_says_so(self, content: bytes) -> None:
        with pytest.raises(DocumentDamaged):
            recognise(content)

    def test_a_large_attachment_in_an_e_invoice_is_fine(self) -> None:
        content = UBL.replace(">7<", f">{'QUJD' * 3_000_000}<").encode()
        assert recognise(content).size_bytes == len(content)

    @pytest.mark.parametrize(
        "content",
        [
            b"<?xml version='1.0'?><order xmlns='urn:example'/>",
            b"<Invoice/>",
            b"<Invoice xmlns='urn:example'/>",
            b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        ],
    )
    def test_other_xml_is_named_by_its_root(self, content: bytes) -> None:
        with pytest.raises(DocumentTypeUnsupported, match="its root is"):
            recognise(content)


@pytest.mark.parametrize("inside", ["<a>" * 300 + "</a>" * 300, "<a/>" * 2_000_001], ids=["deep", "many elements"])
def test_xml_that_no_invoice_needs_is_not_taken(inside: str) -> None:
    with pytest.raises(DocumentTooComplex):
        recognise(UBL.replace("<cbc:ID>7</cbc:ID>", inside).encode())


def archive(*names: str) -> bytes:
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w") as opened:
        for name in names:
            opened.writestr(name, "x")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"<!DOCTYPE html>\n<html><body>Please log in", "web page, not to the file"),
        (b"\xef\xbb\xbf <!-- x --> <HTML><p>&nbsp;<br>", "web page, not to the file"),
        (b"<?xml version='1.0'?><!DOCTYPE html PUBLIC 'a' 'b'><html/>", "web page, not to the file"),
        (b"<html xmlns='http://www.w3.org/1999/xhtml'><body/></html>", "web page, not to the file"),
        (b"<div>Session expired</div>", "web page, not to the file"),
        (archive("[Content_Types].xml", "word/document.xml"), "Word"),
        (archive("[Content_Types].xml", "xl/workbook.xml"), "Excel"),
        (archive("invoice.pdf"), "a ZIP archive"),
        (archive("invoice.pdf")[:20], "damaged ZIP"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "Microsoft"),
        (b"GIF89a" + bytes(40), "gif"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(40), "hei"),
        (b"{\\rtf1 Invoice}", "rtf"),
        (gzip.compress(b"invoice"), "gz"),
        (b"Invoice 12\nTotal 3,00 EUR\n", "plain text"),
        ("Größe: 3 €\n".encode() * 500, "plain text"),
        (b"< 3 items are on this invoice", "plain text"),
        (bytes(range(1, 256)) * 4, "unknown type"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_wrong_file_is_told_what_it_seems_to_be(content: bytes, said: str) -> None:
    with pytest.raises(DocumentTypeUnsupported, match=said):
        recognise(content)


@pytest.mark.filterwarnings("ignore::UserWarning")  # Pillow's about the TIFFs
@pytest.mark.parametrize(
    "whole",
    [lambda: pdf(2), lambda: picture("PNG"), lambda: picture("JPEG"), lambda: picture("TIFF", frames=2), UBL.encode],
    ids=["pdf", "png", "jpeg", "tiff", "xml"],
)
def test_no_broken_file_ends_in_anything_but_a_clear_error(whole: Callable[[], bytes]) -> None:
    """Every 1/60th of a file cut off, overwritten and repeated."""
    content = whole()
    step = max(1, len(content) // 60)
    for at in range(0, len(content), step):
        for broken in (
            content[:at],
            content[:at] + b"\xff" * step + content[at + step :],
            content[:at] + content[at : at + step] * 2 + content[at + step :],
        ):
            try:
                recognise(broken)
            except CiraError as error:
                assert error.code.startswith(("document_", "image_", "xml_"))  # noqa: PT017
