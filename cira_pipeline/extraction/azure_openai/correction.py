"""Combines two answers about one document into one extraction, with a finding for every difference.

A value named by a finding is replaced by the new one; any other stays. Then validation decides each difference: the
other value is taken where it improves the record. Where both answers have a value and validation cannot decide, a
warning states both.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from cira_pipeline.extraction.explain import CORRECTED, DIFFERENT
from cira_pipeline.extraction.ranking import Rank
from cira_pipeline.fields import FieldKind
from cira_pipeline.invoice import HEADER_FIELDS, TABLES, TERMS, Invoice, header_fields
from cira_pipeline.models import Extraction, Finding, Severity

PARTS: Final[tuple[str, ...]] = (*HEADER_FIELDS, *TABLES, "custom")
"""Parts of an invoice that are taken as a whole from one answer or the other; rows of a table belong together."""
_NOTHING: Final[tuple[object, ...]] = (None, (), {})
_CUT_OUT: Final = frozenset(header_fields(FieldKind.TEXT, FieldKind.ADDRESS))
"""Texts whose extent varies a little with every answer: a difference is only a note."""
_NAMES: Final = frozenset(header_fields(FieldKind.NAME))

Ranking = Callable[[Extraction], Rank]


def complained_about(findings: Iterable[Finding]) -> frozenset[str]:
    """The parts that `findings` name: `line_items[2].net_amount` belongs to `line_items`."""
    return frozenset(_part(name) for finding in findings for name in finding.fields)


def settled(before: Extraction, after: Extraction, *, doubted: frozenset[str], rank: Ranking, cause: str) -> Extraction:
    """`before` with the parts of `after` that improve the record, and a finding for each difference.

    `doubted`: the parts that findings name; `rank`: rates an extraction; `cause`: begins the message of every finding,
    such as `correction round 1`.
    """
    differing = [part for part in PARTS if not _same(before.invoice, after.invoice, part)]
    # A finding about a text that is not in the document is resolved when the model no longer quotes the text.
    withdrawn = [part for part in doubted if part in PARTS and part not in differing]
    taken = {part for part in differing if part in doubted or _of(before, part) in _NOTHING}
    current = _with(before, after, taken | set(withdrawn))
    best, decided = rank(current), set()
    for part in differing:
        flipped = _with(before, after, (taken ^ {part}) | set(withdrawn))
        other = rank(flipped)
        if other != best:
            decided.add(part)
        if other > best:
            taken, current, best = taken ^ {part}, flipped, other
    notes = [_note(before, after, part, cause, taken=part in taken, sure=part in decided) for part in differing]
    notes += [
        _withdrawal(part, cause) for part in withdrawn if _of(current, part) in _NOTHING and _claimed(before, part)
    ]
    return current.model_copy(update={"findings": (*current.findings, *notes)})


def _claimed(extraction: Extraction, part: str) -> bool:
    """Whether the model quoted a text for `part` that did not become a value."""
    return any(part in complained_about((finding,)) for finding in extraction.findings)


def _withdrawal(part: str, cause: str) -> Finding:
    """A warning for a text that the model quoted wrongly and then withdrew: the document may contain the value."""
    message = (
        f"{cause}: for {part} the model first quoted a text that is not in the document, then none: "
        "look for the value in the document"
    )
    return Finding(rule=DIFFERENT, severity=Severity.WARNING, message=message, fields=(part,))


def _note(before: Extraction, after: Extraction, part: str, cause: str, *, taken: bool, sure: bool) -> Finding:
    first, second = _shown(_of(before, part)), _shown(_of(after, part))
    message = f"{cause}: {part} was {first}, then {second}; {second if taken else first} was taken"
    if not sure and _contradict(_of(before, part), _of(after, part), part):
        message = f"{message}: compare it with the document"
        return Finding(rule=DIFFERENT, severity=Severity.WARNING, message=message, fields=(part,))
    return Finding(rule=CORRECTED, severity=Severity.INFO, message=message, fields=(part,))


def _with(before: Extraction, after: Extraction, parts: set[str]) -> Extraction:
    """`before` with `parts` of `after`: values, evidence and the engine's own findings about them."""
    if not parts:
        return before
    values = {part: _of(after, part) for part in parts}
    return before.model_copy(
        update={
            "invoice": before.invoice.model_copy(update=values),
            "evidence": tuple(each for each in before.evidence if _part(each.field) not in parts)
            + tuple(each for each in after.evidence if _part(each.field) in parts),
            "findings": tuple(each for each in before.findings if not _only_about(each, parts))
            + tuple(each for each in after.findings if _only_about(each, parts)),
        }
    )


def _only_about(finding: Finding, parts: set[str]) -> bool:
    named = complained_about((finding,))
    return bool(named) and named <= parts


def _same(before: Invoice, after: Invoice, part: str) -> bool:
    first, second = getattr(before, part), getattr(after, part)
    if isinstance(first, str) and isinstance(second, str):
        return _bare(first) == _bare(second)
    return bool(first == second)


def _contradict(first: Any, second: Any, part: str) -> bool:
    """Whether both have a value that a payment or booking hangs on, and neither is only a shorter form of the other."""
    if not TERMS[part].is_decisive:
        return False
    if first in _NOTHING or second in _NOTHING or part in _CUT_OUT:
        return False
    if part in _NAMES:
        return _bare(first) not in _bare(second) and _bare(second) not in _bare(first)
    return True


def _bare(text: str) -> str:
    return "".join(char for char in text.casefold() if char.isalnum()) or text


def _of(extraction: Extraction, part: str) -> Any:
    return getattr(extraction.invoice, part)


def _part(name: str) -> str:
    return name.partition("[")[0].partition(".")[0]


def _shown(value: Any) -> str:
    if value in _NOTHING:
        return "missing"
    if isinstance(value, Mapping):
        return ", ".join(f"{name} `{text}`" for name, text in value.items())
    return f"{len(value)} rows" if isinstance(value, tuple) else f"`{value}`"
