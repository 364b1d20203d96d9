"""Severities that an installation gives to rules of its own accord (`CIRA_RULE_SEVERITY`).

They decide what a finding does to the verdict, and nothing else: how likely a value is right is weighed before, on the
findings as they were raised, because what a team can live with makes a misread value no likelier right.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches

from cira_pipeline.errors import ConfigurationError
from cira_pipeline.models import Finding, Severity
from cira_pipeline.settings import RuleSeverity
from cira_pipeline.validation.rules import RULES

Severities = Mapping[str, Severity | None]
"""Rule -> the severity its findings have here; `None`: they are left out."""


def severities_of(chosen: Mapping[str, RuleSeverity]) -> Severities:
    """What the setting says, held against the list of rules. Raises: ConfigurationError naming every unknown rule."""
    unknown = [rule for rule in chosen if rule not in RULES]
    if unknown:
        named = "; ".join(_unknown(rule) for rule in unknown)
        raise ConfigurationError(f"CIRA_RULE_SEVERITY: {named} (docs/validation.md lists all rules)")
    return {
        rule: None if severity is RuleSeverity.OFF else Severity(severity.value) for rule, severity in chosen.items()
    }


def overridden(findings: Iterable[Finding], severities: Severities) -> Iterator[Finding]:
    """`findings` with the severities of this installation, without those of rules that are off."""
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
