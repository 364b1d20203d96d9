"""Jobs that pay for answers, in this process or in one of their own that can be killed.

`python -m tests.costs.paying DATABASE_URL JOB CLIENT BUDGET_USD FIRST COUNT ANSWER_S` asks COUNT questions and prints a
word for each: `paid`, `kept` (somebody had), `refused` (no money).
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from decimal import Decimal

from cira_pipeline.costs.account import Account
from cira_pipeline.costs.attribution import CostAttribution, attributed_to
from cira_pipeline.costs.budgets import Budget, Budgets
from cira_pipeline.costs.ledger import Ledger
from cira_pipeline.costs.prices import PriceList
from cira_pipeline.db.answers.repository import AnswerRepository
from cira_pipeline.db.database import Database
from cira_pipeline.errors import BudgetReached
from cira_pipeline.jobs import JobId
from cira_pipeline.models import ModelAnswer, Usage

MODEL = "gpt-4.1-mini"
WORST_USD = Decimal("0.002")
"""A question of 1,000 tokens and an answer of 1,000."""
PAID_USD = Decimal("0.0006")
"""What it costs in the end: 500 tokens and 250."""


def question_hash(number: int) -> str:
    return f"{number:064x}"


def worst_case(number: int) -> Usage:
    return Usage(
        provider="azure", model=MODEL, input_tokens=1_000, output_tokens=1_000, request_hash=question_hash(number)
    )


def answer(number: int, content: str = "{}") -> ModelAnswer:
    return ModelAnswer(
        request_hash=question_hash(number),
        provider="azure",
        model=f"{MODEL}-2025-04-14",
        content=content,
        finish_reason="stop",
        input_tokens=500,
        output_tokens=250,
    )


def answers_of(
    database: Database,
    *budgets: Budget,
    owner: str = "test",
    lease_s: float = 600,
    alert_share: Decimal = Decimal("0.8"),
    sleep: Callable[[float], None] = time.sleep,
) -> AnswerRepository:
    account = Account(PriceList.load(), Ledger(database, Budgets(budgets, alert_share)))
    return AnswerRepository(database, owner=owner, lease_s=lease_s, account=account, sleep=sleep)


def pay(
    answers: AnswerRepository, payer: CostAttribution, number: int, answering: Callable[[], object] = lambda: None
) -> str:
    """Asks one question as the engine does; `answering` is the provider's work."""
    with attributed_to(payer):
        try:
            if answers.claim(question_hash(number), worst_case(number)) is not None:
                return "kept"
        except BudgetReached:
            return "refused"
        answering()
        answers.commit(answer(number), MODEL)
        return "paid"


def main(arguments: list[str]) -> None:
    url, job_id, client, budget_usd, first, count, answer_s = arguments
    database = Database(url)
    answers = answers_of(database, Budget("", "day", Decimal(budget_usd)), owner=f"process {first}", lease_s=120)
    for number in range(int(first), int(first) + int(count)):
        said = pay(answers, CostAttribution(JobId(job_id), client), number, lambda: _announce_and_wait(float(answer_s)))
        print(said, flush=True)
    database.dispose()


def _announce_and_wait(seconds: float) -> None:
    print("asking", flush=True)
    time.sleep(seconds)


if __name__ == "__main__":
    main(sys.argv[1:])
