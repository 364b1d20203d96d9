"""Features of the confidence calibration, computed alike for every engine.

A feature is observed on the page or in the record; it never uses the correct value.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from cira_pipeline.invoice import HEADER_FIELDS, HeaderField
from cira_pipeline.models import EngineName, Evidence, Finding, Severity
from cira_pipeline.validation import rules
from cira_pipeline.validation.checks.cross_checks import count_cross_checks
from cira_pipeline.validation.checks.identifiers import iban_is_valid, vat_id_is_valid
from cira_pipeline.validation.checks.own_domain import domain_matches_name, other_name_printed
from cira_pipeline.validation.normalise import bare
from cira_pipeline.validation.validation_input import ValidationInput

_COUNTED_ON_PAGE: Final = frozenset({"supplier_name", "invoice_number"})
_VAT_ID_FIELDS: Final = frozenset({"supplier_vat_id", "customer_vat_id"})
_VAT_ID: Final = re.compile(r"\b[A-Z]{2}[ .]?[A-Z\d](?:[ .-]?\d){6,10}(?:[ .]?[A-Z]\d{0,2})?\b")
DISAGREEMENT: Final = "engines_disagree"
# Rules that are unrelated to how well the document was read, or are separate features.
_NOT_DOUBTS: Final = frozenset(
    {
        rules.DUPLICATE.id,
        rules.IBAN_CHANGED.id,
        rules.IBAN_INVALID.id,
        rules.SUPPLIER_VAT_ID.id,
        rules.CUSTOMER_VAT_ID.id,
        rules.LOW_CONFIDENCE.id,
        DISAGREEMENT,
    }
)


@dataclass(frozen=True)
class ConfidenceFeatures:
    """Features of one value.

    `engine_confidence`, `ocr_confidence`: 0 to 1, the latter `None` where no character was recognised by OCR.
    `cross_checks`: number of equations with this value that hold. `check_digits`: whether they are valid, `None` where
    the field has none or no rule is known. `agreed`: another engine read the same; `contradicted`: it read another
    value. `remembered`: number of the supplier's confirmed invoices with the field in the same place. `doubts`: number
    of warnings and errors that name the field. `repeated`: the supplier's name or the invoice number is printed more
    than once. For the supplier's name only: `own_domain`, whether a domain on the page matches it, `None` without
    domains; `other_name`, whether the name that a domain does match is printed too. For VAT ids only: `rival`, whether
    the page prints a VAT id that the record assigns to neither party.
    """

    engine: EngineName
    engine_confidence: float
    ocr_confidence: float | None = None
    cross_checks: int = 0
    check_digits: bool | None = None
    agreed: bool = False
    remembered: int = 0
    contradicted: bool = False
    doubts: int = 0
    own_domain: bool | None = None
    repeated: bool = False
    rival: bool = False
    other_name: bool = False


def confidence_features(
    subject: ValidationInput, findings: Iterable[Finding]
) -> Mapping[HeaderField, ConfidenceFeatures]:
    """The features of every header field with a value and evidence. `findings`: all findings raised so far."""
    evidence: dict[str, list[Evidence]] = {}
    for each in subject.extraction.evidence:
        evidence.setdefault(each.field, []).append(each)
    findings = tuple(findings)
    contradicted = {name for finding in findings if finding.rule == DISAGREEMENT for name in finding.fields}
    doubts = _doubts(findings)
    cross_checks = count_cross_checks(subject)
    own_domain = _own_domain(subject)
    return {
        name: ConfidenceFeatures(
            engine=subject.extraction.engine,
            engine_confidence=min(each.confidence for each in evidence[name]),
            ocr_confidence=_ocr_confidence(subject, evidence[name]),
            cross_checks=cross_checks[name],
            check_digits=_check_digits(subject, name),
            agreed=any(each.agreed_by for each in evidence[name]),
            remembered=min(each.remembered for each in evidence[name]),
            contradicted=name in contradicted,
            doubts=doubts[name],
            own_domain=own_domain if name == "supplier_name" else None,
            repeated=name in _COUNTED_ON_PAGE and _is_repeated(subject, getattr(subject.invoice, name)),
            other_name=name == "supplier_name" and own_domain is False and _other_name(subject),
            rival=name in _VAT_ID_FIELDS and bool(_unassigned_vat_ids(subject)),
        )
        for name in HEADER_FIELDS
        if getattr(subject.invoice, name) is not None and name in evidence
    }


def _doubts(findings: Iterable[Finding]) -> Counter[str]:
    return Counter(
        name
        for finding in findings
        if finding.severity is not Severity.INFO and finding.rule not in _NOT_DOUBTS
        for name in set(finding.fields)
    )


def _ocr_confidence(subject: ValidationInput, evidence: Iterable[Evidence]) -> float | None:
    """The lowest OCR confidence of the lines the value was read from; `None` where no line is from OCR."""
    lines = subject.ocr_confidences
    found = (lines.get(each.line) for each in evidence if each.line is not None)
    return min((confidence for confidence in found if confidence is not None), default=None)


def _own_domain(subject: ValidationInput) -> bool | None:
    invoice, reading = subject.invoice, subject.context.reading
    if reading is None or invoice.supplier_name is None:
        return None
    return domain_matches_name((line.text for line in reading.lines), invoice.supplier_name, invoice.customer_name)


def _other_name(subject: ValidationInput) -> bool:
    invoice, reading = subject.invoice, subject.context.reading
    if reading is None or invoice.supplier_name is None:
        return False
    return other_name_printed((line.text for line in reading.lines), invoice.supplier_name, invoice.customer_name)


def _is_repeated(subject: ValidationInput, value: str) -> bool:
    text = bare(value)
    return sum(line.count(text) for line in subject.printed_lines) > 1


def _unassigned_vat_ids(subject: ValidationInput) -> set[str]:
    """Valid VAT ids that the page prints and the record assigns to neither party."""
    reading, invoice = subject.context.reading, subject.invoice
    if reading is None:
        return set()
    own = {invoice.supplier_vat_id, invoice.customer_vat_id}
    # Ids are printed with spaces or dots in any place; an IBAN, which begins with letters too, is not a valid VAT id.
    printed = {
        "".join(filter(str.isalnum, match.group())) for line in reading.lines for match in _VAT_ID.finditer(line.text)
    }
    return {each for each in printed if each not in own and vat_id_is_valid(each)}


def _check_digits(subject: ValidationInput, name: HeaderField) -> bool | None:
    invoice = subject.invoice
    match name:
        case "payment_iban":
            return iban_is_valid(invoice.payment_iban or "")
        case "supplier_vat_id":
            return vat_id_is_valid(invoice.supplier_vat_id or "")
        case "customer_vat_id":
            return vat_id_is_valid(invoice.customer_vat_id or "")
        case _:
            return None
