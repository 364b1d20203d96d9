"""How far an extraction agrees with what the supplier's confirmed invoices taught, and what that is worth.

Agreement is a sign among others (validation weighs it), never a proof. It is worth nothing on an invoice that wants the
money on another account: whoever imitates a supplier's invoice imitates its layout first.
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
    if not facts.memory.lessons or not familiar(facts, values.get("payment_iban")):
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


def said_once(fields: Iterable[str]) -> Finding:
    """One person may have looked at the wrong line: what only a single confirmed invoice says needs another person."""
    return Finding(
        rule=ONCE,
        severity=Severity.WARNING,
        message="Only one confirmed invoice says what stands here; confirm a second one.",
        fields=tuple(fields),
    )


def familiar(facts: Facts, account: object) -> bool:
    """Whether `account` was confirmed on this layout, or no account ever was."""
    return not facts.memory.accounts or account in facts.memory.accounts


def findings_about(facts: Facts, account: object, agreeing: Mapping[str, int]) -> Iterator[Finding]:
    """What a person should know of memory's part in an extraction."""
    count = len(facts.memory.lessons)
    if not count:
        return
    invoices = "1 confirmed invoice" if count == 1 else f"{count} confirmed invoices"
    yield Finding(
        rule=REMEMBERED,
        severity=Severity.INFO,
        message=f"Read with what {invoices} of this supplier and layout taught.",
        fields=tuple(agreeing),
    )
    if account is not None and not familiar(facts, account):
        yield Finding(
            rule=UNFAMILIAR_ACCOUNT,
            severity=Severity.WARNING,
            message=f"{account} is on none of the {invoices} of this supplier and layout; "
            "ask the supplier by a way you know before attributed_to",
            fields=("payment_iban",),
        )
