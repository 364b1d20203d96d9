"""Whether an invoice stayed within its own budget, and how far those of its client are used up."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from cira_pipeline.costs.budgets import BudgetState


@dataclass(frozen=True)
class CostResult:
    """`alerts` says which daily and monthly budgets are nearly or wholly used up; they are nobody's single fault."""

    passed: bool
    total_usd: Decimal
    budget_usd: Decimal
    alerts: tuple[str, ...] = ()


def check_cost(total_usd: Decimal, budget_usd: Decimal, budgets: Iterable[BudgetState] = ()) -> CostResult:
    """Passes while `total_usd`, the cost of one invoice, is not above `budget_usd`."""
    return CostResult(
        passed=total_usd <= budget_usd,
        total_usd=total_usd,
        budget_usd=budget_usd,
        alerts=tuple(str(state) for state in budgets if state.alert),
    )
