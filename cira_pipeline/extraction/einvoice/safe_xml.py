"""XML from strangers: no DTD, no entities, no network, no giant trees."""

from __future__ import annotations

import re
from typing import Final

from lxml import etree

from cira_pipeline.errors import EInvoiceInvalid

# An attachment inside the XML (base64) may be larger than the 10 MB that libxml2 takes as one text; it is not needed.
_EMBEDDED_FILE: Final = re.compile(rb">[A-Za-z0-9+/=\s]{1000000,}<")


MAX_TAGS: Final = 2_000_000
"""Tags that may open or close. An invoice of 10,000 lines has a million."""


def parse_xml(content: bytes) -> etree._Element:
    """The root element; comments and processing instructions are dropped.

    Raises: EInvoiceInvalid when the bytes are not well-formed XML, have more than `MAX_TAGS` tags, or carry a DTD (and
    so could carry entities).
    """
    # Before a tree is built, which takes a hundred times as much memory.
    if content.count(b"<") > MAX_TAGS:
        raise EInvoiceInvalid(f"the XML has more than {MAX_TAGS:,} tags")
    # Some producers pad the stream; XML allows nothing before its declaration. In UTF-16 every second byte is zero.
    if b"\0" not in content[:4]:
        content = content.strip(b" \t\r\n\0")
    try:
        root = _parse(_EMBEDDED_FILE.sub(b"><", content))
    except (etree.XMLSyntaxError, ValueError) as error:
        raise EInvoiceInvalid(f"the XML is not well-formed: {error}") from error
    doctype = root.getroottree().docinfo
    if doctype.doctype or doctype.internalDTD is not None or doctype.externalDTD is not None:
        raise EInvoiceInvalid("the XML carries a DTD, which no e-invoice does")
    return root


def _parse(content: bytes) -> etree._Element:
    # A new one each time: lxml parsers are not shared between threads.
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    return etree.fromstring(content, parser)
