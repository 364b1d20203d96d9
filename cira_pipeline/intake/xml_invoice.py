"""Whether XML is an e-invoice that can be parsed safely: no DTD, no entities, nothing fetched, no tree built."""

from __future__ import annotations

import re
from collections.abc import Sized

from lxml import etree

from cira_pipeline.errors import DocumentDamaged, DocumentTooComplex, DocumentTypeUnsupported, XmlForbidden
from cira_pipeline.intake.unsupported import HTML_LIKENESS, likeness

MAX_DEPTH = 200
"""Elements inside elements. Real e-invoices stay below 20."""

MAX_NODES = 2_000_000
"""Elements and attributes. An invoice of 10,000 lines has half a million."""

_UBL = "urn:oasis:names:specification:ubl:schema:xsd"
_ROOTS = re.compile(
    "|".join(
        (
            rf"\{{{_UBL}:Invoice-2\}}Invoice",
            rf"\{{{_UBL}:CreditNote-2\}}CreditNote",
            r"\{urn:un:unece:uncefact:data:standard:CrossIndustryInvoice:\d+\}CrossIndustryInvoice",
            # ZUGFeRD 1.0
            r"\{urn:ferd:CrossIndustryDocument:invoice:[^}]*\}CrossIndustryDocument",
        )
    )
)
_STARTS = re.compile(rb"(\xef\xbb\xbf)?\s*<|\xff\xfe<\0|\xfe\xff\0<|<\0[?!a-zA-Z]\0|\0<\0[?!a-zA-Z]")


def starts_like_xml(content: bytes) -> bool:
    """Whether the first character that is not blank is `<`, in UTF-8 or UTF-16, with or without a byte order mark."""
    return _STARTS.match(content) is not None


def check_xml(content: bytes) -> None:
    """Passes UBL 2 Invoice and CreditNote, UN/CEFACT CII and ZUGFeRD 1.0 that are well formed to their end.

    Raises `XmlForbidden` for a DTD, `DocumentDamaged` for what breaks off or is malformed, `DocumentTooComplex` for
    more than `MAX_NODES` or `MAX_DEPTH`, `DocumentTypeUnsupported` for any other XML and for web pages.
    """
    outline = _Outline()
    # `huge_tree` lifts the limit on a text's length, which attachments (BT-125) exceed; without a DTD nothing can
    # grow beyond the file's own size, and the depth is bounded here.
    parser = etree.XMLParser(
        target=outline, resolve_entities=False, no_network=True, load_dtd=False, dtd_validation=False, huge_tree=True
    )
    try:
        etree.fromstring(content, parser)
    except etree.XMLSyntaxError as error:
        raise _malformed(content, outline.root, error) from error
    root = outline.root or ""
    if _ROOTS.fullmatch(root):
        return
    if likeness(content) == HTML_LIKENESS:
        raise DocumentTypeUnsupported(f"the file {HTML_LIKENESS}")
    raise DocumentTypeUnsupported(
        f"the file is XML, but no e-invoice in UBL or CII: its root is {root[:200]}", root=root
    )


class _Outline:
    """Receives the parser's events and keeps nothing but the name of the root."""

    def __init__(self) -> None:
        self.root: str | None = None
        self._depth = 0
        self._nodes = 0

    def doctype(self, name: str | None, public_id: str | None, system_url: str | None) -> None:
        """Called at `<!DOCTYPE`, before any entity in it is looked at."""
        if (name or "").lower() == "html":
            raise DocumentTypeUnsupported(f"the file {HTML_LIKENESS}")
        raise XmlForbidden("the XML declares a DTD", name=name, system_url=system_url)

    def start(self, tag: str, attributes: Sized) -> None:
        if self.root is None:
            self.root = tag
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise DocumentTooComplex(f"the XML nests more than {MAX_DEPTH} elements")
        self._nodes += 1 + len(attributes)
        if self._nodes > MAX_NODES:
            raise DocumentTooComplex(f"the XML has more than {MAX_NODES:,} elements and attributes")

    def end(self, tag: str) -> None:
        self._depth -= 1

    def data(self, text: str) -> None: ...

    def comment(self, text: str) -> None: ...

    def pi(self, target: str, text: str | None = None) -> None: ...

    def close(self) -> None: ...


def _malformed(
    content: bytes, root: str | None, error: etree.XMLSyntaxError
) -> DocumentDamaged | DocumentTypeUnsupported:
    what = likeness(content)
    if what == HTML_LIKENESS:
        return DocumentTypeUnsupported(f"the file {what}")
    if root is not None or b"<?xml" in content[:100].replace(b"\0", b""):
        return DocumentDamaged(f"the XML is cut off or malformed: {error.msg}")
    return DocumentTypeUnsupported(f"the file {what}")
