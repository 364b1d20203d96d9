"""Detects a second bank account printed apart from the payment account, a sign of payment fraud.

A supplier lists its accounts side by side. Another account in a sentence, a line item or a corner of the page can be a
forgery, and the page does not show which account is the supplier's.
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
    """A warning when the document prints another account, and not next to the payment account."""
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
            message=f"payment_iban: besides {chosen}, the document names {', '.join(apart)} in another place: "
            "confirm the account with the supplier before paying",
            fields=("payment_iban",),
        ),
    )


def _ibans(text: str) -> Iterator[str]:
    """IBANs with valid check digits; text after one on its line may look like a part of it."""
    for match in _CANDIDATE.finditer(text.upper()):
        squeezed = match.group().replace(" ", "")
        for length in range(min(len(squeezed), _LONGEST), _SHORTEST - 1, -1):
            if iban.is_valid(squeezed[:length]):
                yield squeezed[:length]
                break


def _together(line: Line, other: Line) -> bool:
    height = max(other.box.bottom - other.box.top, 1.0)
    return line.page == other.page and abs(line.box.top - other.box.top) <= _TOGETHER_LINE_HEIGHTS * height
