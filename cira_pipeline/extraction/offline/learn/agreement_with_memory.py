"""Compares an extraction with the lessons of the supplier's confirmed invoices.

Agreement is one feature of the confidence among others, never a proof. It does not count on an invoice with another
payment account, because a forged invoice imitates the supplier's layout.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from cira_pipeline.extraction.offline.facts.document_facts import Facts
from cira_pipeline.extraction.offline.learn.anchors import anchors_of
from cira_pipeline.extraction.offline.memory.supplier_memory import CONCEPT_OF
from cira_pipeline.extraction.offline.page.canvas import Span
from cira_pipeline.models import Finding, Severity

REMEMBERED = "offline.remembered"
ONCE = "offline.remembered_once"
UNFAMILIAR_ACCOUNT = "offline.unfamiliar_account"


def agreement(facts: Facts, values: Mapping[str, object], places: Mapping[str, Span]) -> Mapping[str, int]:
    """Field -> how many lessons had its value beside the same text, or spelled the same. Without those that had not.

    Empty without lessons, and where the account to pay to is not one that was confirmed on this layout. Never about the
    account itself.
    """
    if not facts.memory.lessons or not is_known_account(facts, values.get("payment_iban")):
        return {}
    return {
        field: count
        for field, span in places.items()
        if field in CONCEPT_OF
        and (
            count := facts.memory.agreeing(
                field, [(anchor.relation, anchor.key) for anchor in anchors_of(facts, span)], values[field]
            )
        )
    }


def single_confirmation_finding(fields: Iterable[str]) -> Finding:
    """Findings for values known from a single confirmed invoice, which may be wrong and need review."""
    return Finding(
        rule=ONCE,
        severity=Severity.WARNING,
        message="The meaning of this label is known from one confirmed invoice only: compare it with the document.",
        fields=tuple(fields),
    )


def is_known_account(facts: Facts, account: object) -> bool:
    """Whether `account` was confirmed on this layout, or no account ever was."""
    return not facts.memory.accounts or account in facts.memory.accounts


def findings_about(facts: Facts, account: object, agreeing: Mapping[str, int]) -> Iterator[Finding]:
    """Findings that state the influence of memory on an extraction."""
    count = len(facts.memory.lessons)
    if not count:
        return
    invoices = "1 confirmed invoice" if count == 1 else f"{count} confirmed invoices"
    yield Finding(
        rule=REMEMBERED,
        severity=Severity.INFO,
        message=f"Read with lessons from {invoices} of this supplier and layout.",
        fields=tuple(agreeing),
    )
    if account is not None and not is_known_account(facts, account):
        yield Finding(
            rule=UNFAMILIAR_ACCOUNT,
            severity=Severity.WARNING,
            message=f"{account} is on none of the {invoices} of this supplier and layout; "
            "before paying, confirm it with the supplier through a contact that you already know",
            fields=("payment_iban",),
        )
