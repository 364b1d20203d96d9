"""Whether XML is an e-invoice in one of the registered syntaxes, and safe to be parsed."""

from __future__ import annotations

import re

from cira_pipeline.errors import DocumentDamaged, DocumentTypeUnsupported, EInvoiceInvalid, XmlForbidden
from cira_pipeline.intake.unsupported import HTML_LIKENESS, likeness
from cira_pipeline.syntaxes.registry import recognize
from cira_pipeline.syntaxes.safe_xml import MalformedXml

_STARTS = re.compile(rb"(\xef\xbb\xbf)?\s*<|\xff\xfe<\0|\xfe\xff\0<|<\0[?!a-zA-Z]\0|\0<\0[?!a-zA-Z]")


def starts_like_xml(content: bytes) -> bool:
    """Whether the first character that is not blank is `<`, in UTF-8 or UTF-16, with or without a byte order mark."""
    return _STARTS.match(content) is not None


def check_xml(content: bytes) -> None:
    """Passes what the registry recognizes and what is well formed to its end.

    Raises `XmlForbidden` for a DTD, `DocumentDamaged` for what breaks off or is malformed, `DocumentTooComplex` beyond
    the limits of `safe_xml`, `DocumentTypeUnsupported` for any other XML and for web pages.
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
        return DocumentDamaged(f"the XML is cut off or malformed: {error}")
    return DocumentTypeUnsupported(f"the file {what}")
