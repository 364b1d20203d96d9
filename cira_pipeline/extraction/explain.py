"""What the engines of one document said, for people: where they differ, and what was asked again and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from cira_pipeline.extraction.agreement import FILLED
from cira_pipeline.invoice import HEADER_FIELDS
from cira_pipeline.models import Extraction

# The findings by which an extraction tells that it was asked for more than once, and what that changed.

ROUND: Final = "correction_round"
"""How many rounds there were, and because of which rules."""
ESCALATED: Final = "escalated"
"""A stronger deployment was asked, and because of which rules."""
CORRECTED: Final = "corrected"
"""A value that a later answer changed, or did not change, and validation or completeness decided."""
DIFFERENT: Final = "answers_differ"
"""Two answers contradict each other, and nothing decides between them."""


_HISTORY = (ROUND, ESCALATED, CORRECTED, DIFFERENT, FILLED)


def differences(extractions: Sequence[Extraction]) -> Mapping[str, Mapping[str, str]]:
    """Header field -> engine -> its value, for the fields on which engines that ran say different things.

    An engine that names nothing is left out.
    """
    found: dict[str, Mapping[str, str]] = {}
    for name in HEADER_FIELDS:
        said = {
            each.engine.value: str(value) for each in extractions if (value := getattr(each.invoice, name)) is not None
        }
        if len(set(said.values())) > 1:
            found[name] = said
    return found


def history(extraction: Extraction) -> tuple[str, ...]:
    """Correction rounds, escalation, what they changed, and what was filled in from another engine, in order."""
    return tuple(finding.message for finding in extraction.findings if finding.rule in _HISTORY)
