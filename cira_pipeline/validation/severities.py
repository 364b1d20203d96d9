"""Rule severities overridden by an installation (`CIRA_RULE_SEVERITY`).

An override changes the effect on the verdict only. Confidences are computed before, from the findings as they were
raised: tolerating a finding does not make the value more likely to be correct.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches

from cira_pipeline.errors import ConfigurationError
from cira_pipeline.models import Finding, Severity
from cira_pipeline.settings import RuleSeverity
from cira_pipeline.validation.rules import RULES

Severities = Mapping[str, Severity | None]
"""Rule id -> severity of its findings in this installation; `None` drops them."""


def severities_of(chosen: Mapping[str, RuleSeverity]) -> Severities:
    """The severities of the setting `chosen`. Raises: ConfigurationError naming every unknown rule id."""
    unknown = [rule for rule in chosen if rule not in RULES]
    if unknown:
        named = "; ".join(_unknown(rule) for rule in unknown)
        raise ConfigurationError(f"CIRA_RULE_SEVERITY: {named} (docs/validation.md lists all rules)")
    return {
        rule: None if severity is RuleSeverity.OFF else Severity(severity.value) for rule, severity in chosen.items()
    }


def overridden(findings: Iterable[Finding], severities: Severities) -> Iterator[Finding]:
    """`findings` with the severities of this installation, without findings of rules that are off."""
    for finding in findings:
        if finding.rule not in severities:
            yield finding
            continue
        severity = severities[finding.rule]
        if severity is not None:
            yield finding if severity is finding.severity else finding.model_copy(update={"severity": severity})


def _unknown(rule: str) -> str:
    meant = next(iter(get_close_matches(rule, RULES, n=1)), None)
    return f"there is no rule {rule}" + (f", is {meant} meant?" if meant else "")
