"""Compares the extractions of two engines: agreement goes into the evidence, contradictions become findings."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal

from rapidfuzz.fuzz import token_set_ratio
from rapidfuzz.utils import default_process

from cira_pipeline.invoice import HEADER_FIELDS, TABLES, TERMS, HeaderField, Invoice
from cira_pipeline.models import EngineName, Evidence, Extraction, Finding, Record, Severity

RULE = "engines_disagree"
FILLED = "filled_in"
COMPARED: tuple[HeaderField, ...] = tuple(name for name in HEADER_FIELDS if not TERMS[name].kind.is_prose)
"""Fields with one correct spelling; the extent of names and addresses differs between engines."""
SURE = 0.8
"""Least calibrated confidence with which an engine's value contradicts another one by a warning."""
FILLED_FROM = 0.6
"""Least confidence with which a value that one engine left out is taken from another."""
ASKED_FROM = 0.5
"""Least confidence with which an engine that can answer again is asked about a value it left out."""
LEFT_OUT = "left_out"
TRANSFER_FIELDS: frozenset[str] = frozenset({"payment_iban", "currency", "gross_total", "amount_due"})
PARTIES: tuple[tuple[HeaderField, HeaderField], ...] = (
    ("supplier_name", "customer_name"),
    ("customer_name", "supplier_name"),
)
LEAST_ALIKE = 85.0
UNGROUNDED = "ungrounded"
_CLAIMED = frozenset({*COMPARED, "supplier_name", "customer_name"})
# These findings do not keep a value from contradicting another one.
_NO_DOUBTS = frozenset({RULE, "low_confidence"})
_UNLIKE = 50.0
"""Names less similar than this (0 to 100) belong to two different parties, whatever their extent."""


def compared(extraction: Extraction, other: Extraction, other_record: Record) -> Extraction:
    """`extraction` compared with `other`: `agreed_by` in its evidence, and a finding for each contradiction.

    The calibration weighs agreement (cira_pipeline/validation/confidence/calibration.py). A contradiction is a warning
    when `other` has a confidence of at least `SURE` and its record has no finding about the field; else it is a note.
    """
    agreeing = {name for name in HEADER_FIELDS if _agree(extraction.invoice, other.invoice, name)}
    theirs = {evidence.field: evidence.confidence for evidence in other_record.evidence}
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
    findings += tuple(_other_parties(extraction, other, theirs))
    findings += tuple(_ungrounded_contradictions(extraction, other))
    return extraction.model_copy(update={"evidence": evidence, "findings": extraction.findings + findings})


def left_out(extraction: Extraction, other: Extraction, *, least: float) -> tuple[str, ...]:
    """Header fields and tables that `extraction` lacks and `other` read with a confidence of at least `least`."""
    sure: dict[str, float] = {}
    for evidence in other.evidence:
        part = evidence.field.partition("[")[0]
        sure[part] = min(evidence.confidence, sure.get(part, 1.0))
    return tuple(
        name
        for name in (*HEADER_FIELDS, *TABLES)
        if getattr(extraction.invoice, name) in (None, ()) and name in sure and sure[name] >= least
    )


def asked_about(extraction: Extraction, other: Extraction) -> tuple[Finding, ...]:
    """Findings that ask the engine to look again for fields it left out, without stating the other engine's value.

    Fields whose value it has under another name are left out: an amount due that is the total, an id that it assigns to
    the other party.
    """
    wanted = {
        name
        for name in (*COMPARED, "supplier_name", "customer_name", "tax_breakdown", "line_items")
        if not TERMS[name].detail
    }
    named = {getattr(extraction.invoice, name) for name in HEADER_FIELDS}
    return tuple(
        Finding(
            rule=LEFT_OUT,
            severity=Severity.WARNING,
            message=f"{name}: nothing was named; look whether the document shows it",
            fields=(name,),
        )
        for name in left_out(extraction, other, least=ASKED_FROM)
        if name in wanted and (name in TABLES or getattr(other.invoice, name) not in named)
    )


def omissions(extraction: Extraction, other: Extraction) -> tuple[Finding, ...]:
    """A finding for each value that `other` read and `extraction` does not have, under this or another name.

    It is a warning for payment-critical values that were not filled in because they would make the record worse, such
    as an account with wrong check digits: without them the record only seems to be in order. Else it is a note.
    """
    named = {getattr(extraction.invoice, name) for name in HEADER_FIELDS}
    paid_by = TRANSFER_FIELDS.intersection(left_out(extraction, other, least=FILLED_FROM))
    found = []
    for name in left_out(extraction, other, least=0.0):
        value = getattr(other.invoice, name)
        if isinstance(value, tuple):
            shown, warn = f"{len(value)} rows", False
        elif value in named:
            continue
        else:
            shown, warn = str(value), name in paid_by
        found.append(
            Finding(
                rule=LEFT_OUT,
                severity=Severity.WARNING if warn else Severity.INFO,
                message=f"{name}: {extraction.engine} has no value, {other.engine} read {shown}"
                + (": compare it with the document" if warn else ""),
                fields=(name,),
            )
        )
    return tuple(found)


def filled(extraction: Extraction, other: Extraction, name: str) -> Extraction:
    """`extraction` with the value of `name` from `other`, its evidence, and a note."""
    note = Finding(
        rule=FILLED,
        severity=Severity.INFO,
        message=f"{name}: {extraction.engine} has no value; the value of {other.engine} was taken",
        fields=(name,),
    )
    evidence = tuple(each for each in other.evidence if each.field.partition("[")[0] == name)
    return extraction.model_copy(
        update={
            "invoice": extraction.invoice.model_copy(update={name: getattr(other.invoice, name)}),
            "evidence": extraction.evidence + evidence,
            "findings": (*extraction.findings, note),
        }
    )


def _other_parties(extraction: Extraction, other: Extraction, theirs: dict[str, float]) -> Iterator[Finding]:
    """Warnings where one engine's supplier is the other's customer, or a party that the other did not read.

    Payment would go to the customer itself or to a third party.
    """
    for name, opposite in PARTIES:
        mine, same, crossed = (
            getattr(extraction.invoice, name),
            getattr(other.invoice, name),
            getattr(other.invoice, opposite),
        )
        if mine is None:
            continue
        known = same is not None and theirs.get(name, 0.0) >= SURE
        if crossed is not None and theirs.get(opposite, 0.0) >= SURE and _alike(mine, crossed):
            if same is None or not _alike(mine, same):
                yield _about_party(extraction, other, name, mine, f"the {opposite} that {other.engine} read")
        elif known and similarity(mine, same) < _UNLIKE:
            yield _about_party(extraction, other, name, mine, f"not `{same}`, which {other.engine} read")


def _ungrounded_contradictions(extraction: Extraction, other: Extraction) -> Iterator[Finding]:
    """Warnings where `other` quoted a different text that is not in the document: this also contradicts the value."""
    printed: dict[str, str] = {}
    for evidence in extraction.evidence:
        printed[evidence.field] = f"{printed.get(evidence.field, '')} {evidence.text}"
    for claim in other.findings:
        if claim.rule != UNGROUNDED or claim.severity is Severity.INFO:
            continue
        for name in claim.fields:
            mine = getattr(extraction.invoice, name) if name in _CLAIMED else None
            if mine is None or getattr(other.invoice, name) is not None:
                continue
            # The message contains the quoted text: if it contains all words of this value, there is no contradiction.
            if not _alike(printed.get(name, str(mine)), claim.message):
                yield Finding(
                    rule=RULE,
                    severity=Severity.WARNING,
                    message=f"{name}: {extraction.engine} read `{mine}`; {other.engine} quoted a text that is not in "
                    "the document: compare it with the document",
                    fields=(name,),
                )


def _about_party(extraction: Extraction, other: Extraction, name: HeaderField, mine: str, what: str) -> Finding:
    return Finding(
        rule=RULE,
        severity=Severity.WARNING,
        message=f"{name}: {extraction.engine} read `{mine}`, which is {what}: compare both parties with the document",
        fields=(name,),
    )


def similarity(left: str, right: str) -> float:
    """Token-set similarity, 0 to 100, ignoring case and punctuation."""
    return token_set_ratio(left, right, processor=default_process)


def _alike(left: str, right: str) -> bool:
    return similarity(left, right) >= LEAST_ALIKE


def _is_doubt(finding: Finding) -> bool:
    return finding.severity is not Severity.INFO and finding.rule not in _NO_DOUBTS


def _warns(name: HeaderField, confidence: float, doubted: set[str]) -> bool:
    return TERMS[name].is_decisive and name not in doubted and confidence >= SURE


def _contradiction(mine: Extraction, other: Extraction, name: HeaderField, *, warn: bool) -> Finding:
    return Finding(
        rule=RULE,
        severity=Severity.WARNING if warn else Severity.INFO,
        message=f"{name}: {mine.engine} read {getattr(mine.invoice, name)!s}, "
        f"{other.engine} read {getattr(other.invoice, name)!s}" + (": compare it with the document" if warn else ""),
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
