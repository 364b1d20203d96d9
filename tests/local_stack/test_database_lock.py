"""Two `cira up` never work on one database, whatever happens to the connection that holds the lock."""

from __future__ import annotations

import psycopg
import pytest

from cira_pipeline.errors import AlreadyRunning, ServiceUnreachable
from cira_pipeline.local_stack import database_lock
from cira_pipeline.local_stack.database_lock import DatabaseLock


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database_lock, "_PREDECESSOR_PATIENCE_S", 0.0)


def end_connections(database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


def test_a_second_one_is_refused_until_the_first_has_ended(database_url: str) -> None:
    first, second = DatabaseLock(database_url), DatabaseLock(database_url)
    first.acquire()
    with pytest.raises(AlreadyRunning, match="cira up, process"):
        second.acquire()
    first.release()
    second.acquire()
    second.release()


def test_it_is_held_again_after_the_database_was_away(database_url: str) -> None:
    first, second = DatabaseLock(database_url), DatabaseLock(database_url)
    first.acquire()
    end_connections(database_url)
    first.check()
    with pytest.raises(AlreadyRunning):
        second.acquire()
    first.release()


def test_one_that_lost_it_to_another_hears_of_it(database_url: str) -> None:
    first, second = DatabaseLock(database_url), DatabaseLock(database_url)
    first.acquire()
    end_connections(database_url)
    second.acquire()
    with pytest.raises(AlreadyRunning):
        first.check()
    second.release()
    first.check()
    first.release()


def test_its_own_connection_that_the_server_still_believes_in_does_not_lock_it_out(database_url: str) -> None:
    lock = DatabaseLock(database_url)
    lock.acquire()
    cut_off, lock._connection = lock._connection, None
    lock.check()
    assert cut_off is not None
    with pytest.raises(psycopg.OperationalError):
        cut_off.execute("SELECT 1")
    lock.release()


def test_a_database_that_does_not_answer_is_a_clear_error() -> None:
    with pytest.raises(ServiceUnreachable, match=r"127\.0\.0\.1:1"):
        DatabaseLock("postgresql://nobody:secret@127.0.0.1:1/none").acquire()
