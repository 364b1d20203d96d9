"""Reserves the worst-case cost of a model request, and books the actual cost with the stored answer."""

from __future__ import annotations

import logging
from decimal import Decimal

from sqlalchemy import Connection

from cira_pipeline.costs.attribution import current_attribution
from cira_pipeline.costs.budgets import BudgetState, usd
from cira_pipeline.costs.ledger import Ledger
from cira_pipeline.costs.prices import PriceList
from cira_pipeline.db.answers.repository import Reservation
from cira_pipeline.jobs import JobId
from cira_pipeline.models import ModelAnswer, Usage

_log = logging.getLogger(__name__)


class Account:
    """Budget reservations and bookings for the job of this thread's `CostAttribution`. Thread-safe.

    Implements `cira_pipeline.db.answers.repository.Account`.
    """

    def __init__(self, prices: PriceList, ledger: Ledger) -> None:
        self._prices = prices
        self._ledger = ledger
        self._budgets = ledger.budgets

    def reserve(self, connection: Connection, worst_case: Usage) -> Reservation:
        """Reserves the worst-case cost in every budget of the job's client.

        Raises: BudgetReached, ConfigurationError when a price is not known.
        """
        attribution = current_attribution()
        amount_usd = self.worst_case_usd(worst_case)
        self._budgets.require_room(connection, attribution.client, amount_usd, own_claim=worst_case.request_hash)
        return Reservation(attribution.job_id, amount_usd)

    def paying_job(self) -> JobId:
        return current_attribution().job_id

    def book(self, connection: Connection, answer: ModelAnswer, asked_model: str, purchase: str) -> None:
        attribution = current_attribution()
        entries = self._prices.price_answer(self._usage(answer, asked_model), purchase)
        self._ledger.book(connection, attribution.job_id, entries)
        for state in self._budgets.states_within(connection, client=attribution.client):
            self._warn(state, sum((entry.amount_usd for entry in entries), Decimal(0)))

    def worst_case_usd(self, worst_case: Usage) -> Decimal:
        """Highest possible cost in USD. No token is assumed to be cached: only the answer states which ones were."""
        return sum((entry.amount_usd for entry in self._prices.price_answer(worst_case)), Decimal(0))

    def _usage(self, answer: ModelAnswer, asked_model: str) -> Usage:
        """Usage to bill: of the model that answered, where its price is known; a deployment can change its model."""
        known = self._prices.knows(answer.provider, answer.model)
        return Usage(
            provider=answer.provider,
            model=answer.model if known else asked_model,
            input_tokens=answer.input_tokens,
            cached_input_tokens=answer.cached_input_tokens,
            output_tokens=answer.output_tokens,
            request_hash=answer.request_hash,
            by_batch=answer.by_batch,
        )

    @staticmethod
    def _warn(state: BudgetState, spent_now_usd: Decimal) -> None:
        """Logs a warning once, when this booking crosses the budget's alert threshold."""
        threshold = state.budget.limit_usd * state.alert_share
        if state.spent_usd - spent_now_usd < threshold <= state.spent_usd:
            _log.warning("budget alert: %s; %s USD are left", state, usd(state.room_usd))
