"""A question is paid once: by processes that are killed, and by many that ask at the same time."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections import Counter

import pytest
from sqlalchemy import text

from cira_pipeline.costs.attribution import CostAttribution
from cira_pipeline.costs.ledger import Ledger
from cira_pipeline.db.database import Database
from tests.costs.paying import PAID_USD, answers_of, pay


@pytest.fixture
def command(migrated_database_url: str, acme: CostAttribution) -> tuple[str, ...]:
    return (sys.executable, "-m", "tests.costs.paying", migrated_database_url, acme.job_id, acme.client, "1")


def asking(command: tuple[str, ...], answer_s: str) -> subprocess.Popen[str]:
    """A process that has claimed question 0 and waits for its answer."""
    worker = subprocess.Popen((*command, "0", "1", answer_s), stdout=subprocess.PIPE, text=True)
    assert worker.stdout is not None
    assert worker.stdout.readline() == "asking\n"
    return worker


def answers_kept(database: Database) -> int:
    with database.begin() as connection:
        return connection.scalar(text("SELECT count(*) FROM cira.model_answers WHERE answered_at IS NOT NULL")) or 0


def test_two_processes_with_the_same_document_pay_once(
    database: Database, acme: CostAttribution, command: tuple[str, ...]
) -> None:
    workers = [subprocess.Popen((*command, "0", "3", "0.3"), stdout=subprocess.PIPE, text=True) for _ in range(3)]
    said = Counter(word for worker in workers for word in worker.communicate()[0].split())
    assert (said["paid"], said["kept"]) == (3, 6)
    assert Ledger(database).total(acme.job_id) == 3 * PAID_USD


def test_a_worker_killed_before_its_answer_came_is_followed_within_seconds_by_one_that_pays(
    database: Database, acme: CostAttribution, command: tuple[str, ...]
) -> None:
    with asking(command, "600") as worker:
        worker.kill()
    killed_at = time.monotonic()
    assert pay(answers_of(database), acme, 0) == "paid"
    # Its lease has two minutes left.
    assert time.monotonic() - killed_at < 60
    assert Ledger(database).total(acme.job_id) == PAID_USD
    assert answers_kept(database) == 1


def test_a_worker_killed_after_its_answer_was_kept_is_followed_by_one_that_pays_nothing(
    database: Database, acme: CostAttribution, command: tuple[str, ...]
) -> None:
    with asking(command, "0") as worker:
        while not answers_kept(database):
            time.sleep(0.001)
        worker.kill()
    # Nothing that came after the commit is needed: what it cost is in the books already.
    assert Ledger(database).total(acme.job_id) == PAID_USD
    assert pay(answers_of(database), acme, 0) == "kept"
    assert Ledger(database).total(acme.job_id) == PAID_USD


def asks_in_vain(database: Database, acme: CostAttribution) -> bool:
    """Whether a caller is still kept waiting after some tries."""
    tries: list[float] = []

    def gives_up(seconds: float) -> None:
        tries.append(seconds)
        if len(tries) == 4:
            raise TimeoutError

    answers = answers_of(database, sleep=gives_up)
    try:
        pay(answers, acme, 0)
    except TimeoutError:
        return True
    return False


def test_while_a_worker_lives_nobody_else_pays_however_long_it_is_stopped(
    database: Database, acme: CostAttribution, command: tuple[str, ...]
) -> None:
    with asking(command, "600") as worker:
        worker.send_signal(signal.SIGSTOP)
        assert asks_in_vain(database, acme)
        worker.kill()
    assert pay(answers_of(database), acme, 0) == "paid"


def test_after_a_restart_of_postgresql_nobody_is_taken_for_dead_before_the_lease_has_ended(
    database: Database, acme: CostAttribution, command: tuple[str, ...]
) -> None:
    """A restart ends the locks of the living too."""
    with asking(command, "600") as worker:
        worker.kill()
    with database.begin() as connection:
        connection.execute(
            text("UPDATE cira.model_answers SET claimed_at = pg_postmaster_start_time() - interval '1 second'")
        )
    assert asks_in_vain(database, acme)
    with database.begin() as connection:
        connection.execute(text("UPDATE cira.model_answers SET lease_until = now()"))
    assert pay(answers_of(database), acme, 0) == "paid"


def test_a_worker_whose_connection_was_cut_between_two_questions_is_not_taken_for_dead(
    database: Database, acme: CostAttribution, migrated_database_url: str
) -> None:
    mine = Database(migrated_database_url)
    try:
        mine.presence.lock()
        with database.begin() as connection:
            connection.execute(
                text("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted")
            )
        assert pay(answers_of(mine), acme, 0, lambda: _assert(asks_in_vain(database, acme))) == "paid"
    finally:
        mine.dispose()


def _assert(true: bool) -> None:
    assert true


def test_who_waits_for_another_gets_its_answer_as_soon_as_it_is_there(
    database: Database, acme: CostAttribution, command: tuple[str, ...]
) -> None:
    with asking(command, "1") as worker:
        assert pay(answers_of(database), acme, 0) == "kept"
        assert worker.wait(60) == 0
    assert Ledger(database).total(acme.job_id) == PAID_USD
