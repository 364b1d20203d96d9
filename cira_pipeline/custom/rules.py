"""Rules of one's own applied to an invoice: a finding where the condition holds, or where it cannot be decided."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from functools import cached_property
from typing import Final

from cira_pipeline.custom.declaration import PLACEHOLDER, CustomRule, Declarations
from cira_pipeline.custom.expression import Condition, ExpressionInvalid, Undecided, compile_condition, root_names
from cira_pipeline.invoice import HEADER_FIELDS, Invoice
from cira_pipeline.models import Finding, Severity

PREFIX: Final = "own."
"""What the ids of own rules begin with in findings, so that they never meet CIRA's."""
UNDECIDED: Final = "CIRA-OWN-01"
"""The rule of a finding that an own rule could not be evaluated."""
_MOST_CHARS: Final = 200


class OwnRule:
    """A declared rule, ready to be applied."""

    def __init__(self, declared: CustomRule, own: Declarations) -> None:
        """Raises: ExpressionInvalid."""
        self.declared = declared
        self._own = own
        self._condition: Condition = compile_condition(declared.expression, own)

    @cached_property
    def fields(self) -> tuple[str, ...]:
        """What its findings are about: the declared fields, or those that the expression uses."""
        return self.declared.fields or self._condition.names

    def findings(self, invoice: Invoice, today: date) -> Iterator[Finding]:
        """At most one. A rule that cannot be decided is as serious as a warning, or as the rule if that is a note."""
        severity = self.declared.level
        try:
            if self._condition.holds(invoice, self._own, today):
                yield Finding(
                    rule=PREFIX + self.declared.id,
                    severity=severity,
                    message=_filled(self.declared.text, invoice),
                    fields=self.fields,
                )
        except Undecided as reason:
            yield Finding(
                rule=UNDECIDED,
                severity=Severity.INFO if severity is Severity.INFO else Severity.WARNING,
                message=f"the rule `{self.declared.id}` cannot be decided for this invoice: {reason}",
                fields=self.fields,
            )


def mistakes_in(rule: CustomRule, own: Declarations) -> Iterator[str]:
    """What is wrong with a rule, each with its key."""
    try:
        compile_condition(rule.expression, own)
    except ExpressionInvalid as error:
        yield f"expression: {error}"
    known = root_names(own)
    for name in rule.fields:
        if name not in known:
            yield f"fields: there is no field `{name}`"
    for name in rule.placeholders:
        if name not in HEADER_FIELDS and name not in {each.path for each in own.header.values()}:
            yield f"text: there is no field `{name}` of the invoice"


def _filled(text: str, invoice: Invoice) -> str:
    return PLACEHOLDER.sub(lambda found: _shown(found[1], invoice), text)


def _shown(name: str, invoice: Invoice) -> str:
    own = name.partition(".")[2]
    value = invoice.custom.get(own) if own else getattr(invoice, name)
    if value is None:
        return "(none)"
    shown = format(value, "f") if isinstance(value, Decimal) else str(value)
    return shown if len(shown) <= _MOST_CHARS else f"{shown[:_MOST_CHARS]}..."
