"""Two answers about one document become one extraction, and every difference between them is told.

A value that was complained about gives way to the new one; any other stays. Then each difference is put to validation:
the other value is taken where the record gets better by it. Where both answers have a value and nothing tells which is
right, a warning says so. Nothing is overwritten in silence.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

from cira_pipeline.extraction.explain import CORRECTED, DIFFERENT
from cira_pipeline.extraction.ranking import Rank
from cira_pipeline.fields import FieldKind
from cira_pipeline.invoice import HEADER_FIELDS, TABLES, Invoice, header_fields
from cira_pipeline.models import Extraction, Finding, Severity

PARTS: Final[tuple[str, ...]] = (*HEADER_FIELDS, *TABLES)
"""What is taken from one answer or the other as a whole; the rows of a table belong together."""
_CUT_OUT: Final = frozenset(header_fields(FieldKind.TEXT, FieldKind.ADDRESS))
"""Texts that are cut out of the page a little differently each time: a difference is only a note."""
_NAMES: Final = frozenset(header_fields(FieldKind.NAME))

Ranking = Callable[[Extraction], Rank]


def complained_about(findings: Iterable[Finding]) -> frozenset[str]:
    """The parts that findings name: `line_items[2].net_amount` is of `line_items`."""
    return frozenset(_part(name) for finding in findings for name in finding.fields)


def settled(before: Extraction, after: Extraction, *, doubted: frozenset[str], rank: Ranking, cause: str) -> Extraction:
    """`before` with what `after` says better. `cause` begins the message of every finding: `correction round 1`."""
    differing = [part for part in PARTS if not _same(before.invoice, after.invoice, part)]
    # A complaint about a text that is nowhere is answered when the model no longer claims it.
    withdrawn = [part for part in doubted if part in PARTS and part not in differing]
    taken = {part for part in differing if part in doubted or _of(before, part) in (None, ())}
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
        _withdrawal(part, cause) for part in withdrawn if _of(current, part) in (None, ()) and _claimed(before, part)
    ]
    return current.model_copy(update={"findings": (*current.findings, *notes)})


def _claimed(extraction: Extraction, part: str) -> bool:
    """Whether a text was named for it that did not become a value."""
    return any(part in complained_about((finding,)) for finding in extraction.findings)


def _withdrawal(part: str, cause: str) -> Finding:
    """Nobody knows whether the document shows such a value: the model said yes, wrongly, and then no."""
    message = f"{cause}: {part} was named as something that cannot be read in the document, then not at all"
    return Finding(rule=DIFFERENT, severity=Severity.WARNING, message=message, fields=(part,))


def _note(before: Extraction, after: Extraction, part: str, cause: str, *, taken: bool, sure: bool) -> Finding:
    first, second = _shown(_of(before, part)), _shown(_of(after, part))
    message = f"{cause}: {part} was {first}, then {second}; {second if taken else first} was taken"
    if not sure and _contradict(_of(before, part), _of(after, part), part):
        return Finding(rule=DIFFERENT, severity=Severity.WARNING, message=message, fields=(part,))
    return Finding(rule=CORRECTED, severity=Severity.INFO, message=message, fields=(part,))


def _with(before: Extraction, after: Extraction, parts: set[str]) -> Extraction:
    """`before` with these parts of `after`: values, evidence and the engine's own doubts about them."""
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
    """Whether both say something, and not one of them only less of the same."""
    if first in (None, ()) or second in (None, ()) or part in _CUT_OUT:
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
    if value is None or value == ():
        return "missing"
    return f"{len(value)} rows" if isinstance(value, tuple) else f"`{value}`"
