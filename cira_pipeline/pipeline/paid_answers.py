"""Builds the answer cache of a job's engines, with budgets checked and costs booked."""

from __future__ import annotations

import os
import socket

from cira_pipeline.costs.account import Account
from cira_pipeline.costs.ledger import Ledger
from cira_pipeline.costs.prices import PriceList
from cira_pipeline.db.answers.repository import AnswerRepository
from cira_pipeline.db.database import Database
from cira_pipeline.settings import Settings

AFTER_THE_DEADLINE_S = 60.0
"""Time to store an answer that came at the last moment, with a slow database."""


def paid_answers(
    database: Database,
    settings: Settings,
    prices: PriceList,
    ledger: Ledger,
    *,
    after_the_deadline_s: float = AFTER_THE_DEADLINE_S,
) -> AnswerRepository:
    """`after_the_deadline_s`: how long a question stays claimed after its last call must have ended."""
    return AnswerRepository(
        database,
        owner=f"{socket.gethostname()}:{os.getpid()}",
        # A caller that has not answered by then is dead: all calls for a question end at its deadline.
        lease_s=settings.azure_openai_deadline_s + after_the_deadline_s,
        account=Account(prices, ledger),
    )
