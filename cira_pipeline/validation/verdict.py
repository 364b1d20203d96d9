"""Derives the verdict of a record from its findings alone."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from cira_pipeline.models import Finding, Severity, Verdict
from cira_pipeline.validation.rules import RULES, Effect

_BY_EFFECT: Final = {
    Effect.REJECTED: Verdict.REJECTED,
    Effect.REVIEW: Verdict.NEEDS_REVIEW,
    Effect.DOUBT: Verdict.ACCEPTED,
    Effect.NONE: Verdict.ACCEPTED,
}
_WORST_FIRST: Final = (Verdict.REJECTED, Verdict.NEEDS_REVIEW)


def verdict_of(findings: Iterable[Finding], *, read_from_page: bool) -> Verdict:
    """The worst verdict that any finding leads to; `accepted` when no finding has an effect.

    A note (`info`) has no effect, and an error leads at least to `needs_review`, whatever the rule. A warning of a rule
    that is not registered leads to `needs_review`.
    """
    verdicts = {_verdict(finding, read_from_page=read_from_page) for finding in findings}
    return next((verdict for verdict in _WORST_FIRST if verdict in verdicts), Verdict.ACCEPTED)


def _verdict(finding: Finding, *, read_from_page: bool) -> Verdict:
    if finding.severity is Severity.INFO:
        return Verdict.ACCEPTED
    rule = RULES.get(finding.rule)
    effect = rule.effect if rule is not None else Effect.REVIEW
    if effect is Effect.REVIEW_IF_READ:
        effect = Effect.REVIEW if read_from_page else Effect.NONE
    if effect in (Effect.NONE, Effect.DOUBT) and finding.severity is Severity.ERROR:
        effect = Effect.REVIEW
    return _BY_EFFECT[effect]
