"""Recognises a document's type by its bytes alone, and checks that it is complete and safe to read.

The name and the server's headers are ignored: both are often wrong, and sometimes on purpose.
"""

from __future__ import annotations

import hashlib
import re

from cira_pipeline.errors import DocumentDamaged, DocumentEmpty, DocumentTypeUnsupported, EInvoiceInvalid, XmlForbidden
from cira_pipeline.intake.pdf import check_pdf, starts_like_pdf
from cira_pipeline.intake.picture import check_picture
from cira_pipeline.intake.unsupported import HTML_LIKENESS, likeness
from cira_pipeline.models import Document, MediaType
from cira_pipeline.syntaxes.registry import recognize
from cira_pipeline.syntaxes.safe_xml import MalformedXml

_PICTURES = (
    (b"\x89PNG\r\n\x1a\n", MediaType.PNG),
    (b"\xff\xd8\xff", MediaType.JPEG),
    (b"II*\0", MediaType.TIFF),
    (b"MM\0*", MediaType.TIFF),
    (b"II+\0", MediaType.TIFF),
    (b"MM\0+", MediaType.TIFF),
)
HARMLESS_BYTES = 100_000
"""Largest XML opened in any process. E-invoices have some ten thousand bytes, seldom more without attachments."""

_BLANK = b" \t\r\n\0\f\v"


def recognise(content: bytes, *, max_pages: int, max_pixels: int) -> Document:
    """Recognises PDF (ISO 32000), PNG, JPEG, TIFF, or an e-invoice in XML in a registered syntax.

    Every page is opened and every image decoded once, so that an accepted document can be read. `max_pages` bounds
    pages and TIFF frames, `max_pixels` one image, checked before it is decoded.

    Raises `DocumentEmpty`, `DocumentTypeUnsupported`, `DocumentEncrypted`, `DocumentDamaged`, `DocumentTooManyPages`,
    `DocumentTooComplex`, `ImageTooLarge`, `XmlForbidden`.
    """
    if not content.strip(_BLANK):
        raise DocumentEmpty("the file is empty" if not content else "the file contains only white space")
    media_type, page_count = _opened(content, max_pages, max_pixels)
    return Document(
        sha256=hashlib.sha256(content).hexdigest(),
        media_type=media_type,
        size_bytes=len(content),
        page_count=page_count,
        content=content,
    )


def harmless(content: bytes) -> bool:
    """Whether `recognise` may open these bytes in any process: it passes them neither to PDFium nor to Pillow, which a
    hostile file may crash, and they are so few that parsing them as XML or looking into an archive takes no time.
    """
    native = starts_like_pdf(content) or any(content.startswith(signature) for signature, _ in _PICTURES)
    return not native and len(content) <= HARMLESS_BYTES


def _opened(content: bytes, max_pages: int, max_pixels: int) -> tuple[MediaType, int]:
    for signature, media_type in _PICTURES:
        if content.startswith(signature):
            return media_type, check_picture(content, media_type, max_pages=max_pages, max_pixels=max_pixels)
    if starts_like_pdf(content):
        return MediaType.PDF, check_pdf(content, max_pages=max_pages, max_pixels=max_pixels)
    if starts_like_xml(content):
        check_xml(content)
        return MediaType.XML, 0
    raise DocumentTypeUnsupported(f"the file {likeness(content)}")


# Whether XML is an e-invoice in a registered syntax, and safe to parse.

_STARTS = re.compile(rb"(\xef\xbb\xbf)?\s*<|\xff\xfe<\0|\xfe\xff\0<|<\0[?!a-zA-Z]\0|\0<\0[?!a-zA-Z]")


def starts_like_xml(content: bytes) -> bool:
    """Whether the first non-blank character is `<`, in UTF-8 or UTF-16, with or without a byte order mark."""
    return _STARTS.match(content) is not None


def check_xml(content: bytes) -> None:
    """Accepts XML that the registry recognises and that is well-formed to its end.

    Raises `XmlForbidden` for a DTD, `DocumentDamaged` for truncated or malformed XML, `DocumentTooComplex` beyond the
    limits of `safe_xml`, `DocumentTypeUnsupported` for any other XML and for web pages.
    """
    try:
        recognize(content)
    except MalformedXml as error:
        raise _malformed(content, error) from error
    except XmlForbidden as error:
        if str(error.detail.get("name")).lower() == "html":
            raise DocumentTypeUnsupported(f"the file {HTML_LIKENESS}") from error
        raise
    except EInvoiceInvalid as error:
        if likeness(content) == HTML_LIKENESS:
            raise DocumentTypeUnsupported(f"the file {HTML_LIKENESS}") from error
        raise DocumentTypeUnsupported(error.message, **error.detail) from error


def _malformed(content: bytes, error: MalformedXml) -> DocumentDamaged | DocumentTypeUnsupported:
    what = likeness(content)
    if what == HTML_LIKENESS:
        return DocumentTypeUnsupported(f"the file {what}")
    if error.root_seen or b"<?xml" in content[:100].replace(b"\0", b""):
        return DocumentDamaged(f"the XML is truncated or malformed: {error}")
    return DocumentTypeUnsupported(f"the file {what}")
