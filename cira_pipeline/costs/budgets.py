"""Budgets: the most that one client, or all clients together, may spend in a day or a month.

Before a paid call its worst-case cost is reserved; its actual cost is booked when the answer is stored. Booked and
reserved amounts together never exceed a budget, also with concurrent callers: the row of `spending` is locked while
reservations are summed. A reservation is an unanswered claim in `model_answers`, and ends with it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, Literal

from sqlalchemy import Connection, text

from cira_pipeline.db.database import Database
from cira_pipeline.errors import BudgetReached
from cira_pipeline.settings import Settings

Period = Literal["day", "month"]

ALL_CLIENTS = ""
"""Client name under which the spending of all clients together is kept."""

_LOCK = text("""
    INSERT INTO cira.spending (client, period, starts_on)
    SELECT client, period, date_trunc(period, now() AT TIME ZONE 'UTC')::date
    FROM jsonb_to_recordset(CAST(:budgets AS jsonb)) AS wanted (client text, period text)
    ORDER BY client, period
    ON CONFLICT (client, period, starts_on) DO UPDATE SET spent_usd = spending.spent_usd
    RETURNING client, period, starts_on, spent_usd
""")
_READ = text("""
    SELECT wanted.client, wanted.period, date_trunc(wanted.period, now() AT TIME ZONE 'UTC')::date AS starts_on,
           coalesce(spent_usd, 0) AS spent_usd
    FROM jsonb_to_recordset(CAST(:budgets AS jsonb)) AS wanted (client text, period text)
    LEFT JOIN cira.spending s ON s.client = wanted.client AND s.period = wanted.period
        AND s.starts_on = date_trunc(wanted.period, now() AT TIME ZONE 'UTC')::date
""")
# An expired claim reserves nothing: its holder is dead, or so late that another caller may ask.
_RESERVED = text("""
    SELECT coalesce(j.client, '') AS client, sum(a.reserved_usd) AS usd
    FROM cira.model_answers a LEFT JOIN cira.jobs j USING (job_id)
    WHERE a.answered_at IS NULL AND a.lease_until > now() AND a.request_hash <> :own
    GROUP BY 1
""")


@dataclass(frozen=True)
class Budget:
    """Limit of `limit_usd` for the jobs of `client` (`ALL_CLIENTS` for all of them) in one `period`, in UTC."""

    client: str
    period: Period
    limit_usd: Decimal

    @property
    def name(self) -> str:
        whose = f"of client {self.client}" if self.client else "of all clients"
        return f"the {'daily' if self.period == 'day' else 'monthly'} budget {whose}"


@dataclass(frozen=True)
class BudgetState:
    """Use of a budget in its current period. `reserved_usd` is the most that calls under way can cost."""

    budget: Budget
    starts_on: date
    spent_usd: Decimal
    reserved_usd: Decimal
    alert_share: Decimal

    @property
    def room_usd(self) -> Decimal:
        return max(self.budget.limit_usd - self.spent_usd - self.reserved_usd, Decimal(0))

    @property
    def share(self) -> Decimal:
        """Share of the budget that is spent; 1 for a budget of zero."""
        return self.spent_usd / self.budget.limit_usd if self.budget.limit_usd else Decimal(1)

    @property
    def alert(self) -> bool:
        return self.share >= self.alert_share

    @property
    def ends_on(self) -> date:
        """First day of the next period."""
        days = 1 if self.budget.period == "day" else 32
        later = self.starts_on + timedelta(days=days)
        return later if self.budget.period == "day" else later.replace(day=1)

    def __str__(self) -> str:
        return f"{self.budget.name}: {usd(self.spent_usd)} of {usd(self.budget.limit_usd)} USD spent ({self.share:.0%})"


class Budgets:
    """All budgets of an installation. Thread-safe."""

    def __init__(self, budgets: Iterable[Budget] = (), alert_share: Decimal = Decimal("0.8")) -> None:
        self.budgets = tuple(budgets)
        self._alert_share = alert_share

    @classmethod
    def from_settings(cls, settings: Settings) -> Budgets:
        limits: list[tuple[str, Period, Decimal | None]] = [
            (ALL_CLIENTS, "day", settings.daily_budget_usd),
            (ALL_CLIENTS, "month", settings.monthly_budget_usd),
        ]
        for each in settings.client_budgets:
            limits += [(each.client, "day", each.daily_usd), (each.client, "month", each.monthly_usd)]
        budgets = (Budget(client, period, limit) for client, period, limit in limits if limit is not None)
        return cls(budgets, settings.budget_alert_share)

    def of_client(self, client: str) -> tuple[Budget, ...]:
        """The budgets that apply to a job of `client`."""
        return tuple(budget for budget in self.budgets if budget.client in (ALL_CLIENTS, client))

    def require_room(self, connection: Connection, client: str, needs_usd: Decimal, *, own_claim: str = "") -> None:
        """Requires that `needs_usd` fit into every budget of `client`; they stay free until the transaction ends.

        `own_claim` is the request hash under which the caller reserves them. Raises: BudgetReached.
        """
        budgets = self.of_client(client)
        if not budgets:
            return
        # Lock first, sum afterwards: this sees what other transactions reserved before they released the lock.
        rows = connection.execute(_LOCK, {"budgets": _as_json(budgets)}).all()
        for state in self._states(budgets, rows, _reserved(connection, own_claim)):
            if needs_usd > state.room_usd:
                raise _budget_reached(state, needs_usd)

    def states(self, database: Database, *, client: str | None = None) -> tuple[BudgetState, ...]:
        """Use of every budget, or of those that apply to a job of `client`."""
        if not (self.budgets if client is None else self.of_client(client)):
            return ()
        with database.begin() as connection:
            return self.states_within(connection, client=client)

    def states_within(self, connection: Connection, *, client: str | None = None) -> tuple[BudgetState, ...]:
        """As `states`, including what this transaction has booked."""
        budgets = self.budgets if client is None else self.of_client(client)
        if not budgets:
            return ()
        rows = connection.execute(_READ, {"budgets": _as_json(budgets)}).all()
        return self._states(budgets, rows, _reserved(connection, ""))

    def _states(
        self, budgets: Sequence[Budget], rows: Sequence[Any], reserved: dict[str, Decimal]
    ) -> tuple[BudgetState, ...]:
        found = {(row.client, row.period): row for row in rows}
        everything = sum(reserved.values(), Decimal(0))
        states = []
        for budget in budgets:
            row = found[budget.client, budget.period]
            held_back = everything if budget.client == ALL_CLIENTS else reserved.get(budget.client, Decimal(0))
            states.append(BudgetState(budget, row.starts_on, row.spent_usd, held_back, self._alert_share))
        return tuple(states)


def usd(amount: Decimal) -> str:
    """Formats an amount for people: no exponent, no needless zeros, at least cents."""
    text_ = f"{amount.normalize():f}"
    whole, _, fraction = text_.partition(".")
    return f"{whole}.{fraction:0<2}"


def _as_json(budgets: Sequence[Budget]) -> str:
    return json.dumps([{"client": budget.client, "period": budget.period} for budget in budgets])


def _reserved(connection: Connection, own_claim: str) -> dict[str, Decimal]:
    """USD reserved by calls under way, by client."""
    return {row.client: row.usd for row in connection.execute(_RESERVED, {"own": own_claim})}


def _budget_reached(state: BudgetState, needs_usd: Decimal) -> BudgetReached:
    message = f"{state}, {usd(state.reserved_usd)} reserved; this call can cost up to {usd(needs_usd)} USD"
    if needs_usd > state.budget.limit_usd:
        message += ", which is more than the whole budget"
    return BudgetReached(
        message,
        needs_usd=needs_usd,
        not_before=datetime.combine(state.ends_on, datetime.min.time(), UTC),
        client=state.budget.client,
        period=state.budget.period,
    )


# Check of one invoice's cost against its own limit, and of the budgets of its client.


@dataclass(frozen=True)
class CostResult:
    """Result of the cost check. `alerts` lists budgets near or at their limit, which is no fault of one invoice."""

    passed: bool
    total_usd: Decimal
    budget_usd: Decimal
    alerts: tuple[str, ...] = ()


def check_cost(total_usd: Decimal, budget_usd: Decimal, budgets: Iterable[BudgetState] = ()) -> CostResult:
    """Passes while `total_usd`, the cost of one invoice, is at most `budget_usd`."""
    return CostResult(
        passed=total_usd <= budget_usd,
        total_usd=total_usd,
        budget_usd=budget_usd,
        alerts=tuple(str(state) for state in budgets if state.alert),
    )
