"""The findings by which an extraction tells that it was asked for more than once, and what that changed."""

from __future__ import annotations

from typing import Final

ROUND: Final = "correction_round"
"""How many rounds there were, and because of which rules."""
ESCALATED: Final = "escalated"
"""A stronger deployment was asked, and because of which rules."""
CORRECTED: Final = "corrected"
"""A value that a later answer changed, or did not change, and validation or completeness decided."""
DIFFERENT: Final = "answers_differ"
"""Two answers contradict each other, and nothing decides between them."""
