"""Keys that identify a supplier: VAT id, bank account and name, each reduced to letters and digits."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from cira_pipeline.extraction.offline.facts.document_facts import Facts
from cira_pipeline.extraction.offline.normal import compact
from cira_pipeline.extraction.offline.page.blocks import parts_of
from cira_pipeline.extraction.offline.parse.identifiers import SHORTEST_ACCOUNT, bare
from cira_pipeline.extraction.offline.parties.names import namelike
from cira_pipeline.extraction.offline.thresholds import thresholds
from cira_pipeline.invoice import Invoice


@dataclass(frozen=True, slots=True)
class _Tuned:
    shortest_name: int
    longest_name: int
    most_names: int
    longest_line: int


_TUNED = thresholds(_Tuned)


def keys_of(invoice: Invoice) -> tuple[str, ...]:
    """The keys of the supplier of `invoice`, most specific first; empty when it has none."""
    keys = []
    if invoice.supplier_vat_id and len(bare(invoice.supplier_vat_id)) >= _TUNED.shortest_name:
        keys.append(f"vat:{bare(invoice.supplier_vat_id)}")
    name = compact(invoice.supplier_name or "")
    if _TUNED.shortest_name <= len(name) <= _TUNED.longest_name:
        keys.append(f"name:{name}")
    if invoice.payment_iban and len(bare(invoice.payment_iban)) >= SHORTEST_ACCOUNT:
        keys.append(f"iban:{bare(invoice.payment_iban)}")
    return tuple(keys)


def keys_on(facts: Facts) -> tuple[str, ...]:
    """Every key that a supplier of this page might have: all VAT ids, accounts and texts that look like names."""
    found = {f"vat:{identifier.value}" for identifier in facts.vat_ids}
    found |= {f"iban:{identifier.value}" for identifier in facts.ibans}
    return tuple(sorted(found)) + tuple(dict.fromkeys(_names(facts)))


def _names(facts: Facts) -> Iterator[str]:
    segments = facts.canvas.segments
    if len(segments) > _TUNED.most_names:
        segments = segments[: _TUNED.most_names // 2] + segments[-_TUNED.most_names // 2 :]
    for segment in segments:
        if len(segment.text) > _TUNED.longest_line * _TUNED.longest_name:
            continue
        # A sender line begins with the name.
        first = next(iter(parts_of(segment)), None)
        for text in dict.fromkeys((segment.text, segment.text[first[0] : first[1]] if first else "")):
            if namelike(text) and _TUNED.shortest_name <= len(key := compact(text)) <= _TUNED.longest_name:
                yield f"name:{key}"
