"""The store of paid answers as a job's engines use it: budgets kept, costs booked."""

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
"""For an answer that came in the last moment to be kept, by a database that is slow."""


def paid_answers(
    database: Database,
    settings: Settings,
    prices: PriceList,
    ledger: Ledger,
    *,
    after_the_deadline_s: float = AFTER_THE_DEADLINE_S,
) -> AnswerRepository:
    """`after_the_deadline_s` is how long a question stays claimed after its last call must have ended."""
    return AnswerRepository(
        database,
        owner=f"{socket.gethostname()}:{os.getpid()}",
        # Whoever has not answered by then is dead: all calls for a question end at its deadline.
        lease_s=settings.azure_openai_deadline_s + after_the_deadline_s,
        account=Account(prices, ledger),
    )
