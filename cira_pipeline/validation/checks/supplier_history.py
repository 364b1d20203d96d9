"""Compares an invoice with the supplier's earlier ones: duplicates, and changed bank accounts."""

from __future__ import annotations

from collections.abc import Iterator

from cira_pipeline.models import Finding
from cira_pipeline.validation import rules
from cira_pipeline.validation.validation_input import ValidationInput


def check_supplier_history(subject: ValidationInput) -> Iterator[Finding]:
    """Findings of the rules `CIRA-DUP-01` and `CIRA-PAY-02`.

    Messages name only the client's own jobs and accounts, because everyone who can read the record reads them.
    """
    invoice, context = subject.invoice, subject.context
    if context.duplicate_job_ids or context.duplicates_elsewhere:
        jobs = ", ".join(context.duplicate_job_ids[:5])
        where = f"in {jobs}" if jobs else "in another client's job"
        yield rules.DUPLICATE.finding(
            f"this invoice was processed before, {where}: paying it again would pay twice; "
            "compare the two before paying",
            "invoice_number",
            "supplier_name",
        )
    own = {_compact(iban) for iban in context.known_ibans}
    known = own | {_compact(iban) for iban in context.ibans_elsewhere}
    if invoice.payment_iban is not None and known and _compact(invoice.payment_iban) not in known:
        named = f", known: {', '.join(sorted(own)[:5])}" if own else ""
        yield rules.IBAN_CHANGED.finding(
            f"the account {invoice.payment_iban} is new for {invoice.supplier_name}{named}; "
            "before paying, confirm it with the supplier through a contact that you already know",
            "payment_iban",
        )


def _compact(iban: str) -> str:
    return "".join(iban.split()).upper()
