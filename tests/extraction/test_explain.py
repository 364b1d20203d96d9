from __future__ import annotations

from typing import Any

from cira_pipeline.extraction.explain import CORRECTED, ROUND, differences, history
from cira_pipeline.invoice import Invoice
from cira_pipeline.models import EngineName, Extraction, Finding, Severity


def said(engine: EngineName, *findings: Finding, **values: Any) -> Extraction:
    return Extraction(engine=engine, engine_version="1", invoice=Invoice(**values), findings=findings)


def test_a_person_sees_where_two_engines_differ_and_not_where_they_agree() -> None:
    free = said(EngineName.OFFLINE, invoice_number="4711", gross_total="119.00", currency="EUR")
    paid = said(EngineName.AZURE_OPENAI, invoice_number="4712", gross_total="119.00")
    assert differences((free, paid)) == {"invoice_number": {"offline": "4711", "azure_openai": "4712"}}


def test_one_engine_alone_differs_from_nobody() -> None:
    assert differences((said(EngineName.OFFLINE, invoice_number="4711"),)) == {}


def test_a_person_sees_every_round_and_what_it_changed_in_order() -> None:
    findings = [
        Finding(rule=rule, severity=Severity.INFO, message=message)
        for rule, message in ((CORRECTED, "gross_total was 1, then 2"), ("engines_disagree", "x"), (ROUND, "round 1"))
    ]
    assert history(said(EngineName.AZURE_OPENAI, *findings)) == ("gross_total was 1, then 2", "round 1")
