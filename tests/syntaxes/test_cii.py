"""UN/CEFACT's Cross Industry Invoice and ZUGFeRD 1.0."""

from __future__ import annotations

import pytest

from cira_pipeline.errors import DocumentTypeUnsupported, EInvoiceInvalid
from cira_pipeline.intake.recognise import recognise
from tests.extraction.einvoice.documents import CII, ZUGFERD_1, replaced
from tests.extraction.einvoice.test_fields import extract

SAMPLES = {
    "UN/CEFACT Cross Industry Invoice": (CII, "380"),
    "ZUGFeRD 1.0 CrossIndustryDocument": (ZUGFERD_1, "380"),
}
"""Name of the syntax -> the XML and its type code."""


@pytest.mark.parametrize("version", ["8", "13", "1000", ""])
def test_a_version_of_cii_that_cannot_be_read_is_refused_when_it_comes_in(version: str) -> None:
    """Intake took any version, and the job then failed in the engine."""
    xml = replaced(CII, "standard:CrossIndustryInvoice:100", f"standard:CrossIndustryInvoice:{version}")
    with pytest.raises(DocumentTypeUnsupported, match="its root is CrossIndustryInvoice"):
        recognise(xml.encode(), max_pages=1, max_pixels=1)
    with pytest.raises(EInvoiceInvalid, match="its root is CrossIndustryInvoice"):
        extract(xml)
