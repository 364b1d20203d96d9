"""What earlier invoices of the same supplier tell about this one: paid twice, or paid to somebody else."""

from __future__ import annotations

from collections.abc import Iterator

from cira_pipeline.models import Finding
from cira_pipeline.validation import rules
from cira_pipeline.validation.validation_input import ValidationInput


def check_supplier_history(subject: ValidationInput) -> Iterator[Finding]:
    """The messages name what is the client's own only: whoever reads the record reads them too."""
    invoice, context = subject.invoice, subject.context
    if context.duplicate_job_ids or context.duplicates_elsewhere:
        jobs = ", ".join(context.duplicate_job_ids[:5])
        where = f"in {jobs}" if jobs else "in another client's job"
        yield rules.DUPLICATE.finding(
            f"this invoice came before, {where}: attributed_to it again would pay twice",
            "invoice_number",
            "supplier_name",
        )
    own = {_compact(iban) for iban in context.known_ibans}
    known = own | {_compact(iban) for iban in context.ibans_elsewhere}
    if invoice.payment_iban is not None and known and _compact(invoice.payment_iban) not in known:
        named = f", known: {', '.join(sorted(own)[:5])}" if own else ""
        yield rules.IBAN_CHANGED.finding(
            f"{invoice.payment_iban} is new for {invoice.supplier_name}{named}; "
            "ask the supplier by a way you know before attributed_to",
            "payment_iban",
        )


def _compact(iban: str) -> str:
    return "".join(iban.split()).upper()
