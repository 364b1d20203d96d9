from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text

from cira_pipeline.db.answers.repository import AnswerRepository
from cira_pipeline.db.database import Database
from cira_pipeline.models import ModelAnswer

_HASH = "f" * 64


def _answer(content: str = '{"invoice_number": "1"}') -> ModelAnswer:
    return ModelAnswer(
        request_hash=_HASH,
        provider="azure",
        model="gpt-4.1-mini",
        content=content,
        finish_reason="stop",
        input_tokens=2_000,
        cached_input_tokens=1_024,
        output_tokens=500,
    )


@pytest.fixture
def answers(database):
    return AnswerRepository(database, owner="me")


def _end_lease(database: Database) -> None:
    with database.begin() as connection:
        connection.execute(text("UPDATE cira.model_answers SET lease_until = now()"))


def test_of_many_who_ask_at_once_one_pays_and_all_get_the_answer(answers):
    paid = []

    def ask(_: int) -> ModelAnswer:
        kept = answers.claim(_HASH)
        if kept is None:
            paid.append(threading.get_ident())
            answers.commit(_answer())
            return _answer()
        return kept

    with ThreadPoolExecutor(8) as pool:
        got = list(pool.map(ask, range(24)))
    assert len(paid) == 1
    assert got == [_answer()] * 24


def test_an_answer_is_there_for_every_later_process(answers, database):
    assert answers.claim(_HASH) is None
    answers.commit(_answer("€ 1 \x00"))
    again = Database(database.engine.url.render_as_string(hide_password=False))
    assert AnswerRepository(again, owner="another").claim(_HASH) == _answer("€ 1 \ufffd")
    again.dispose()


def test_who_gives_up_lets_the_next_one_ask(answers, database):
    def waits_and_then_asks() -> ModelAnswer | None:
        return AnswerRepository(database, owner="next").claim(_HASH)

    assert answers.claim(_HASH) is None
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(waits_and_then_asks)
        assert not waiting.done()
        answers.release(_HASH)
        assert waiting.result() is None


def test_the_claim_of_a_dead_process_is_taken_over_when_its_lease_ends(database):
    waits = []

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        _end_lease(database)

    assert AnswerRepository(database, owner="killed").claim(_HASH) is None
    assert AnswerRepository(database, owner="next", sleep=sleep).claim(_HASH) is None
    assert len(waits) == 1
    with database.begin() as connection:
        assert connection.scalar(text("SELECT claimed_by FROM cira.model_answers")).startswith("next/")


def test_of_two_who_take_over_at_once_one_pays(database):
    assert AnswerRepository(database, owner="killed").claim(_HASH) is None
    _end_lease(database)
    answers = AnswerRepository(database, owner="next")
    paid = []

    def ask(_: int) -> None:
        if answers.claim(_HASH) is None:
            paid.append(1)
            answers.commit(_answer())

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(ask, range(4)))
    assert paid == [1]


def test_a_slow_answer_is_kept_although_another_took_over(answers, database):
    assert answers.claim(_HASH) is None
    _end_lease(database)
    other = AnswerRepository(database, owner="other")
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(other.claim, _HASH).result() is None
        answers.commit(_answer("slow, but paid"))
        pool.submit(other.commit, _answer("second")).result()
    assert answers.claim(_HASH).content == "slow, but paid"


def test_giving_up_takes_no_claim_and_no_answer_from_another(answers, database):
    assert answers.claim(_HASH) is None
    AnswerRepository(database, owner="other").release(_HASH)
    with database.begin() as connection:
        assert connection.scalar(text("SELECT count(*) FROM cira.model_answers")) == 1
    answers.commit(_answer())
    answers.release(_HASH)
    assert answers.claim(_HASH) == _answer()


def test_an_answer_nobody_claimed_is_kept_all_the_same(answers):
    answers.commit(_answer())
    assert answers.claim(_HASH) == _answer()
