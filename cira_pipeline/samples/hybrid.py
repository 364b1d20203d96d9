"""Factur-X: a PDF with its own XML inside."""

from __future__ import annotations

from facturx import generate_from_binary

from cira_pipeline.samples.bill import Bill
from cira_pipeline.samples.cii import cii_xml


def factur_x(pdf: bytes, bill: Bill) -> bytes:
    """`pdf` with the XML of `bill` attached, profile EN 16931; the XML is checked against its schema."""
    made: bytes = generate_from_binary(
        pdf,
        cii_xml(bill),
        flavor="factur-x",
        level="en16931",
        check_xsd=True,
        check_schematron=False,
        lang=bill.supplier.language,
        pdf_metadata={
            "author": bill.supplier.name,
            "keywords": "Factur-X, Invoice",
            "title": f"{bill.supplier.name} {bill.number}",
            "subject": f"{bill.number}, {bill.issue_date.isoformat()}",
        },
    )
    return made
