"""Whether a document names accounts in places that do not belong together.

A supplier lists its accounts side by side. An account in a sentence, a line item or a corner of its own, beside another
one, is how money is led astray; which of them is the supplier's, the page cannot tell.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from stdnum import iban

from cira_pipeline.models import Extraction, Finding, Line, Reading, Severity

RULE = "accounts_apart"
_CANDIDATE = re.compile(r"[A-Z]{2}\d{2}(?: ?[A-Z0-9]){11,30}")
_SHORTEST, _LONGEST = 15, 34
_TOGETHER_LINE_HEIGHTS = 6.0


def account_findings(extraction: Extraction, reading: Reading) -> tuple[Finding, ...]:
    """A warning when the account to pay to is not the only one of the document, and another stands apart from it."""
    chosen = extraction.invoice.payment_iban
    if chosen is None:
        return ()
    places = [(number, line) for line in reading.lines for number in _ibans(line.text)]
    home = [line for number, line in places if number == chosen]
    apart = sorted(
        {number for number, line in places if number != chosen and not any(_together(line, own) for own in home)}
    )
    if not apart:
        return ()
    return (
        Finding(
            rule=RULE,
            severity=Severity.WARNING,
            message=f"payment_iban: the document names {', '.join(apart)} besides {chosen}, in another place",
            fields=("payment_iban",),
        ),
    )


def _ibans(text: str) -> Iterator[str]:
    """IBANs whose check digits hold. What follows one on its line may look like more of it."""
    for match in _CANDIDATE.finditer(text.upper()):
        squeezed = match.group().replace(" ", "")
        for length in range(min(len(squeezed), _LONGEST), _SHORTEST - 1, -1):
            if iban.is_valid(squeezed[:length]):
                yield squeezed[:length]
                break


def _together(line: Line, other: Line) -> bool:
    height = max(other.box.bottom - other.box.top, 1.0)
    return line.page == other.page and abs(line.box.top - other.box.top) <= _TOGETHER_LINE_HEIGHTS * height
