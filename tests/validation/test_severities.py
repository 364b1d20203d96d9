"""Teams differ in what they let pass: their own severity decides the verdict, and a typing error is told at once."""

from __future__ import annotations

import pytest

from cira_pipeline.errors import ConfigurationError
from cira_pipeline.models import Record, Severity, Verdict
from cira_pipeline.settings import RuleSeverity, load_settings
from cira_pipeline.validation import rules
from cira_pipeline.validation.severities import severities_of
from tests.validation.extractions import changed, judged

WRONG_IBAN = changed(payment_iban="DE03120300000000202051")
RULE = rules.IBAN_INVALID.id


def _with(severity: str) -> Record:
    return judged(WRONG_IBAN, severities=severities_of({RULE: RuleSeverity(severity)}), accept_confidence=0.0)


def _severities(record: Record) -> dict[str, Severity]:
    return {finding.rule: finding.severity for finding in record.findings}


@pytest.mark.parametrize(
    ("severity", "verdict"),
    [
        ("error", Verdict.NEEDS_REVIEW),
        ("warning", Verdict.NEEDS_REVIEW),
        ("info", Verdict.ACCEPTED),
        ("off", Verdict.ACCEPTED),
    ],
)
def test_a_severity_of_ones_own_decides_the_verdict(severity: str, verdict: Verdict) -> None:
    record = _with(severity)
    assert record.verdict is verdict
    assert _severities(record).get(RULE) == (None if severity == "off" else Severity(severity))


def test_a_warning_that_becomes_an_error_asks_for_a_person() -> None:
    invoice = changed(customer_name=None)
    assert judged(invoice).verdict is Verdict.ACCEPTED
    severities = severities_of({rules.CUSTOMER_MISSING.id: RuleSeverity.ERROR})
    assert judged(invoice, severities=severities).verdict is Verdict.NEEDS_REVIEW


def test_how_likely_a_value_is_right_does_not_hang_on_what_a_team_lets_pass() -> None:
    invoice = changed(supplier_vat_id="DE123456789")
    off = severities_of({rules.SUPPLIER_VAT_ID.id: RuleSeverity.OFF, rules.DUE_BEFORE_ISSUE.id: RuleSeverity.OFF})
    assert judged(invoice, severities=off).evidence == judged(invoice).evidence


def test_a_rule_that_does_not_exist_is_named_with_the_one_that_was_meant() -> None:
    with pytest.raises(ConfigurationError, match="no rule CIRA-PAY-O1, is CIRA-PAY-01 meant"):
        severities_of({"CIRA-PAY-O1": RuleSeverity.INFO})


@pytest.mark.parametrize(
    "text", ["CIRA-PAY-01=info, CIRA-DATE-03=off", '{"CIRA-PAY-01": "info", "CIRA-DATE-03": "off"}']
)
def test_the_setting_is_written_as_pairs_or_as_json(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CIRA_RULE_SEVERITY", text)
    settings = load_settings()
    assert settings.rule_severity == {"CIRA-PAY-01": RuleSeverity.INFO, "CIRA-DATE-03": RuleSeverity.OFF}
    # Processes that CIRA starts are told the same.
    monkeypatch.setenv("CIRA_RULE_SEVERITY", settings.as_environment()["CIRA_RULE_SEVERITY"])
    assert load_settings().rule_severity == settings.rule_severity


@pytest.mark.parametrize("text", ["CIRA-PAY-01", "CIRA-PAY-01=mild", "{", '{"CIRA-PAY-01": 3}'])
def test_what_is_no_severity_is_refused_with_the_settings_name(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CIRA_RULE_SEVERITY", text)
    with pytest.raises(ConfigurationError, match="CIRA_RULE_SEVERITY"):
        load_settings()
