"""Whether an invoice stayed within its budget."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True)
class CostResult:
    passed: bool
    total_usd: Decimal
    budget_usd: Decimal


def check_cost(total_usd: Decimal, budget_usd: Decimal) -> CostResult:
    """Passes while `total_usd` is not above `budget_usd`."""
    return CostResult(passed=total_usd <= budget_usd, total_usd=total_usd, budget_usd=budget_usd)
