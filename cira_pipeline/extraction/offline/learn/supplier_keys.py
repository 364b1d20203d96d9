"""By what a supplier is found again: VAT id, bank account, name, each as letters and digits."""

from __future__ import annotations

from collections.abc import Iterator

from cira_pipeline.extraction.offline.facts.document_facts import Facts
from cira_pipeline.extraction.offline.normal import compact
from cira_pipeline.extraction.offline.page.blocks import parts_of
from cira_pipeline.extraction.offline.parse.identifiers import bare
from cira_pipeline.extraction.offline.parties.names import namelike
from cira_pipeline.invoice import Invoice

# A shorter name would be found on pages that do not mean it.
_SHORTEST_NAME = 5
_LONGEST_NAME = 80
# Pages full of text name many companies; the supplier stands among the first or the last lines.
_MOST_NAMES = 200


def keys_of(invoice: Invoice) -> tuple[str, ...]:
    """The keys of `invoice`'s supplier, most telling first; empty when it has none."""
    keys = []
    if invoice.supplier_vat_id and len(bare(invoice.supplier_vat_id)) >= _SHORTEST_NAME:
        keys.append(f"vat:{bare(invoice.supplier_vat_id)}")
    name = compact(invoice.supplier_name or "")
    if _SHORTEST_NAME <= len(name) <= _LONGEST_NAME:
        keys.append(f"name:{name}")
    if invoice.payment_iban and len(bare(invoice.payment_iban)) >= 12:
        keys.append(f"iban:{bare(invoice.payment_iban)}")
    return tuple(keys)


def keys_on(facts: Facts) -> tuple[str, ...]:
    """Every key that a supplier of this page might have: all VAT ids, accounts and texts that look like names."""
    found = {f"vat:{identifier.value}" for identifier in facts.vat_ids}
    found |= {f"iban:{identifier.value}" for identifier in facts.ibans}
    return tuple(sorted(found)) + tuple(dict.fromkeys(_names(facts)))


def _names(facts: Facts) -> Iterator[str]:
    segments = facts.canvas.segments
    if len(segments) > _MOST_NAMES:
        segments = segments[: _MOST_NAMES // 2] + segments[-_MOST_NAMES // 2 :]
    for segment in segments:
        if len(segment.text) > 3 * _LONGEST_NAME:
            continue
        # A sender line begins with the name.
        first = next(iter(parts_of(segment)), None)
        for text in dict.fromkeys((segment.text, segment.text[first[0] : first[1]] if first else "")):
            if namelike(text) and _SHORTEST_NAME <= len(key := compact(text)) <= _LONGEST_NAME:
                yield f"name:{key}"
