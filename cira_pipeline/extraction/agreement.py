"""What two engines say of one document: agreement is noted with the evidence, a contradiction is told to people."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal

from rapidfuzz.fuzz import token_set_ratio
from rapidfuzz.utils import default_process

from cira_pipeline.invoice import HEADER_FIELDS, HeaderField, Invoice
from cira_pipeline.values import EngineName, Evidence, Extraction, Finding, Record, Severity

RULE = "engines_disagree"
FILLED = "filled_in"
# A wrong value here sends money to the wrong place, at the wrong time, twice, or in the wrong amount.
PAID_BY: tuple[HeaderField, ...] = (
    "invoice_number",
    "issue_date",
    "invoice_type",
    "currency",
    "supplier_vat_id",
    "payment_iban",
    "net_total",
    "tax_total",
    "gross_total",
    "amount_due",
)
COMPARED: tuple[HeaderField, ...] = (*PAID_BY, "due_date", "purchase_order", "customer_vat_id")
"""Fields with one right spelling. Names and addresses are cut out of the page differently by every engine."""
SURE = 0.6
FILLED_FROM = 0.8
"""From this confidence on, what one engine left out is taken from another."""
PARTIES: tuple[tuple[HeaderField, HeaderField], ...] = (
    ("supplier_name", "customer_name"),
    ("customer_name", "supplier_name"),
)
LEAST_ALIKE = 85.0


def compared(extraction: Extraction, other: Extraction, other_record: Record) -> Extraction:
    """`extraction` with what `other` says about it: `agreed_by` in its evidence, a finding for each contradiction.

    What agreement is worth is for the calibration to say (cira_pipeline/validation/confidence.py).

    A contradiction is a warning when the field is one that people pay by, `other` is sure of its value and its record
    holds no complaint about it. Otherwise the doubt is the other engine's own, and the finding is only a note.
    """
    agreeing = {name for name in HEADER_FIELDS if _agree(extraction.invoice, other.invoice, name)}
    theirs = {evidence.field: evidence.confidence for evidence in other.evidence}
    evidence = tuple(
        _agreed(each, other.engine) if each.field in agreeing and each.field in theirs else each
        for each in extraction.evidence
    )
    doubted = {name for finding in other_record.findings if _is_doubt(finding) for name in finding.fields}
    findings = tuple(
        _contradiction(extraction, other, name, warn=_warns(name, theirs.get(name, 0.0), doubted))
        for name in COMPARED
        if _contradict(extraction.invoice, other.invoice, name)
    )
    findings += tuple(_exchanged_parties(extraction, other, theirs))
    return extraction.model_copy(update={"evidence": evidence, "findings": extraction.findings + findings})


def left_out(extraction: Extraction, other: Extraction) -> tuple[str, ...]:
    """Header fields and tables that `extraction` lacks and `other` is sure of."""
    sure: dict[str, float] = {}
    for evidence in other.evidence:
        part = evidence.field.partition("[")[0]
        sure[part] = min(evidence.confidence, sure.get(part, 1.0))
    return tuple(
        name
        for name in (*HEADER_FIELDS, "tax_breakdown", "line_items")
        if getattr(extraction.invoice, name) in (None, ()) and sure.get(name, 0.0) >= FILLED_FROM
    )


def filled(extraction: Extraction, other: Extraction, name: str) -> Extraction:
    """`extraction` with `other`'s value of `name`, its evidence, and a note."""
    note = Finding(
        rule=FILLED,
        severity=Severity.INFO,
        message=f"{name}: {extraction.engine} left it out, {other.engine} read it and is sure",
        fields=(name,),
    )
    proofs = tuple(each for each in other.evidence if each.field.partition("[")[0] == name)
    return extraction.model_copy(
        update={
            "invoice": extraction.invoice.model_copy(update={name: getattr(other.invoice, name)}),
            "evidence": extraction.evidence + proofs,
            "findings": (*extraction.findings, note),
        }
    )


def _exchanged_parties(extraction: Extraction, other: Extraction, theirs: dict[str, float]) -> Iterator[Finding]:
    """A warning where one engine's supplier is the other's customer: money would go to the one who owes it."""
    for name, opposite in PARTIES:
        mine, same, crossed = (
            getattr(extraction.invoice, name),
            getattr(other.invoice, name),
            getattr(other.invoice, opposite),
        )
        if mine is None or crossed is None or theirs.get(opposite, 0.0) < SURE:
            continue
        if _alike(mine, crossed) and (same is None or not _alike(mine, same)):
            yield Finding(
                rule=RULE,
                severity=Severity.WARNING,
                message=f"{name}: {extraction.engine} read `{mine}`, which is the {opposite} that {other.engine} read",
                fields=(name,),
            )


def _alike(left: str, right: str) -> bool:
    return token_set_ratio(left, right, processor=default_process) >= LEAST_ALIKE


def _is_doubt(finding: Finding) -> bool:
    return finding.severity is not Severity.INFO and finding.rule != RULE


def _warns(name: HeaderField, confidence: float, doubted: set[str]) -> bool:
    return name in PAID_BY and name not in doubted and confidence >= SURE


def _contradiction(mine: Extraction, other: Extraction, name: HeaderField, *, warn: bool) -> Finding:
    return Finding(
        rule=RULE,
        severity=Severity.WARNING if warn else Severity.INFO,
        message=f"{name}: {mine.engine} read {getattr(mine.invoice, name)!s}, "
        f"{other.engine} read {getattr(other.invoice, name)!s}",
        fields=(name,),
    )


def _agreed(evidence: Evidence, engine: EngineName) -> Evidence:
    return evidence.model_copy(update={"agreed_by": (*evidence.agreed_by, engine)})


def _agree(mine: Invoice, other: Invoice, name: HeaderField) -> bool:
    left, right = getattr(mine, name), getattr(other, name)
    return left is not None and right is not None and _comparable(left) == _comparable(right)


def _contradict(mine: Invoice, other: Invoice, name: HeaderField) -> bool:
    left, right = getattr(mine, name), getattr(other, name)
    return left is not None and right is not None and _comparable(left) != _comparable(right)


def _comparable(value: str | date | Decimal) -> object:
    if isinstance(value, str):
        return "".join(char for char in value.casefold() if char.isalnum())
    return value
