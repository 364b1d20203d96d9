from __future__ import annotations

import pytest

from cira_pipeline.models import Finding, Severity, Verdict
from cira_pipeline.validation.rules import RULES, Effect
from cira_pipeline.validation.verdict import verdict_of


def _verdict(rule: str, severity: Severity, *, read_from_page: bool = True) -> Verdict:
    return verdict_of([Finding(rule=rule, severity=severity, message="m")], read_from_page=read_from_page)


def test_no_finding_is_accepted() -> None:
    assert verdict_of([], read_from_page=True) is Verdict.ACCEPTED


@pytest.mark.parametrize("rule", RULES.values(), ids=lambda rule: rule.id)
def test_each_rule_has_the_effect_that_is_documented(rule) -> None:
    expected = {
        Effect.REJECTED: (Verdict.REJECTED, Verdict.REJECTED),
        Effect.REVIEW: (Verdict.NEEDS_REVIEW, Verdict.NEEDS_REVIEW),
        Effect.REVIEW_IF_READ: (Verdict.NEEDS_REVIEW, Verdict.ACCEPTED),
        Effect.DOUBT: (Verdict.ACCEPTED, Verdict.ACCEPTED),
        Effect.NONE: (Verdict.ACCEPTED, Verdict.ACCEPTED),
    }[rule.effect]
    assert _verdict(rule.id, rule.severity) is expected[0]
    assert _verdict(rule.id, rule.severity, read_from_page=False) is expected[1]


@pytest.mark.parametrize("rule", [*RULES, "somebody_elses"])
def test_a_note_never_stops_a_payment_and_an_error_always_does(rule: str) -> None:
    assert _verdict(rule, Severity.INFO) is Verdict.ACCEPTED
    assert _verdict(rule, Severity.ERROR) is not Verdict.ACCEPTED
    assert _verdict(rule, Severity.ERROR, read_from_page=False) is not Verdict.ACCEPTED


def test_a_warning_nobody_has_weighed_needs_a_person() -> None:
    assert _verdict("somebody_elses", Severity.WARNING) is Verdict.NEEDS_REVIEW


def test_the_worst_finding_decides() -> None:
    findings = [
        Finding(rule="CIRA-REQ-07", severity=Severity.INFO, message="m"),
        Finding(rule="CIRA-DOC-01", severity=Severity.ERROR, message="m"),
        Finding(rule="CIRA-DUP-01", severity=Severity.ERROR, message="m"),
    ]
    assert verdict_of(findings, read_from_page=True) is Verdict.REJECTED
    assert verdict_of(findings[:1] + findings[2:], read_from_page=True) is Verdict.NEEDS_REVIEW
