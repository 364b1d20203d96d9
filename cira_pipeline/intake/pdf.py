"""Checks that a PDF is complete, unencrypted and of acceptable size, with PDFium, which also renders it later."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator

import pypdfium2
import pypdfium2.raw as pdfium
from docling.utils.locks import pypdfium2_lock

from cira_pipeline.errors import DocumentDamaged, DocumentEncrypted, DocumentTooManyPages, ImageTooLarge
from cira_pipeline.intake.pdf_content import check_content_size

HEADER_WITHIN_BYTES = 1024
"""ISO 32000-1, implementation note 13: readers accept junk of this length before the header."""

NOMINAL_DPI = 200
"""Resolution assumed for rendering when a page's size is checked."""

MAX_FORM_DEPTH = 15
"""Maximum nesting of forms, as deep as PDFium itself draws them."""

_POINTS_PER_INCH = 72


def starts_like_pdf(content: bytes) -> bool:
    """Whether a PDF header is where readers look for it. A text that merely mentions one is not a PDF."""
    at = content.find(b"%PDF-", 0, HEADER_WITHIN_BYTES)
    return at == 0 or (at > 0 and b"startxref" in content)


def check_pdf(content: bytes, *, max_pages: int, max_pixels: int) -> int:
    """The number of pages, after loading each of them.

    Raises `DocumentEncrypted` if opening needs a password (one for changing or printing does not matter),
    `DocumentDamaged`, `DocumentTooManyPages`, `DocumentTooComplex`, and `ImageTooLarge` for a page, or an image on
    it, with too many pixels.
    """
    _check_end(content)
    check_content_size(content, max_pages=max_pages)
    # PDFium is not thread-safe, and Docling uses it in other threads of this process under this same lock.
    with pypdfium2_lock:
        try:
            document = pypdfium2.PdfDocument(content)
        except pypdfium2.PdfiumError as error:
            raise _open_failure(content, error) from error
        try:
            page_count = len(document)
            if page_count > max_pages:
                raise DocumentTooManyPages(f"the PDF has {page_count} pages; at most {max_pages} are accepted")
            for number in range(1, page_count + 1):
                _check_page(document, number, max_pixels)
        finally:
            document.close()
    return page_count


def _check_end(content: bytes) -> None:
    """Refuses truncated files: PDFium repairs them and shows only the pages left, but half an invoice must not be paid.

    Every PDF ends, after its last object, with `startxref` (ISO 32000-1, 7.5.5), also if updated or linearised.
    """
    if content.rfind(b"startxref") < content.rfind(b"endobj"):
        raise DocumentDamaged("the PDF is truncated: its end is missing")


def _open_failure(content: bytes, error: pypdfium2.PdfiumError) -> DocumentEncrypted | DocumentDamaged:
    # For a file that opens but has no pages, PDFium still reports the error of the previous failed file.
    encrypted = b"/Encrypt" in content
    if encrypted and error.err_code == pdfium.FPDF_ERR_PASSWORD:
        return DocumentEncrypted("the PDF can only be opened with a password")
    if encrypted and error.err_code == pdfium.FPDF_ERR_SECURITY:
        return DocumentEncrypted("the PDF uses an unsupported encryption")
    return DocumentDamaged("the PDF cannot be opened: it is damaged or has no pages")


def _check_page(document: pypdfium2.PdfDocument, number: int, max_pixels: int) -> None:
    try:
        page = document[number - 1]
    except pypdfium2.PdfiumError as error:
        raise DocumentDamaged(f"page {number} of the PDF cannot be loaded", page=number) from error
    try:
        width, height = page.get_size()
        pixels = width * height * (NOMINAL_DPI / _POINTS_PER_INCH) ** 2
        _check_pixels(int(pixels), f"page {number} of the PDF, rendered at {NOMINAL_DPI} dpi,", max_pixels)
        for wide, high in _picture_sizes(page):
            _check_pixels(wide * high, f"an image on page {number} of the PDF", max_pixels)
    except pypdfium2.PdfiumError as error:
        raise DocumentDamaged(f"page {number} of the PDF cannot be read", page=number) from error
    finally:
        page.close()


def _picture_sizes(page: pypdfium2.PdfPage) -> Iterator[tuple[int, int]]:
    """Width and height in pixels of each image on the page, also in forms.

    Uses PDFium's own functions: pypdfium2 makes a Python object of every line on the page, which is slow.
    """
    waiting = [(pdfium.FPDFPage_GetObject, page.raw, pdfium.FPDFPage_CountObjects(page), 0)]
    wide, high = ctypes.c_uint(), ctypes.c_uint()
    while waiting:
        get_object, holder, count, depth = waiting.pop()
        for index in range(count):
            each = get_object(holder, index)
            kind = pdfium.FPDFPageObj_GetType(each)
            if kind == pdfium.FPDF_PAGEOBJ_IMAGE and pdfium.FPDFImageObj_GetImagePixelSize(each, wide, high):
                yield wide.value, high.value
            elif kind == pdfium.FPDF_PAGEOBJ_FORM and depth < MAX_FORM_DEPTH:
                waiting.append((pdfium.FPDFFormObj_GetObject, each, pdfium.FPDFFormObj_CountObjects(each), depth + 1))


def _check_pixels(pixels: int, what: str, max_pixels: int) -> None:
    if pixels > max_pixels:
        raise ImageTooLarge(f"{what} has {pixels:,} pixels; at most {max_pixels:,} are accepted", pixels=pixels)
