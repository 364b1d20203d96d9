"""What stops the work is found, and not only by a person who wonders where the invoices are."""

from __future__ import annotations

from pathlib import Path

import pytest
from dagster import DagsterRunStatus
from dagster._core.scheduler.instigation import TickStatus
from pydantic import SecretStr
from sqlalchemy import text

from cira_pipeline.db.database import Database
from cira_pipeline.db.jobs.repository import JobRepository, Submission
from cira_pipeline.health.findings import ProblemSeverity, findings
from cira_pipeline.health.work_state import HELD_SQL, QUEUED_SQL, RUNNING_SQL
from cira_pipeline.jobs import Stage
from cira_pipeline.settings import Settings
from tests.conftest import temporary_database
from tests.db.many_jobs import fill_queue
from tests.db.test_queue_plans import plan_of
from tests.health.conftest import state_of
from tests.health.dagster_instance import Dagster


def found(settings: Settings) -> dict[str, str]:
    return {each.code: each.severity.value for each in findings(state_of(settings), settings)}


def start_job(database: Database, run_id: str) -> None:
    jobs = JobRepository(database)
    [made] = jobs.submit([Submission(f"https://a.example/{run_id}.pdf")])
    jobs.start(made.job.job_id, Stage.OCR_TEXT, run_id)


def let_time_pass(database: Database, hours: int) -> None:
    with database.begin() as connection:
        connection.execute(text("ALTER TABLE cira.jobs DISABLE TRIGGER USER"))
        connection.execute(
            text(
                "UPDATE cira.jobs SET updated_at = updated_at - make_interval(hours => :hours), "
                "queued_at = queued_at - make_interval(hours => :hours)"
            ),
            {"hours": hours},
        )
        for table, column in (("runs", "update_timestamp"), ("runs", "create_timestamp")):
            connection.execute(
                text(f"UPDATE public.{table} SET {column} = {column} - make_interval(hours => :hours)"),
                {"hours": hours},
            )
        connection.execute(text("UPDATE public.runs SET end_time = end_time - :s"), {"s": hours * 3600})


def test_all_is_well_while_dagster_works(dagster: Dagster, settings: Settings) -> None:
    dagster.works()
    assert found(settings) == {}


def test_a_database_that_no_dagster_ran_on_processes_nothing(
    postgres_url: str, migrated_template: str, settings: Settings
) -> None:
    for url in temporary_database(postgres_url, template=migrated_template):
        new = settings.model_copy(update={"postgres_url": SecretStr(url)})
        assert found(new) == {"dagster_missing": "blocked"}


def test_dagster_in_a_database_of_its_own_is_read_there(
    dagster: Dagster, settings: Settings, migrated_database_url: str, postgres_url: str
) -> None:
    dagster.works()
    elsewhere = settings.model_copy(
        update={"postgres_url": SecretStr(migrated_database_url), "dagster_postgres_url": SecretStr(postgres_url)}
    )
    assert found(elsewhere) == {"dagster_missing": "blocked"}
    away = settings.model_copy(update={"dagster_postgres_url": SecretStr("postgresql://a@127.0.0.1:1/x")})
    assert found(away) == {"dagster_unreachable": "blocked"}


def test_a_stopped_sensor_is_found_although_everything_answers(dagster: Dagster, settings: Settings) -> None:
    dagster.works().stop("new_invoices")
    JobRepository(Database(settings.postgres_url.get_secret_value() if settings.postgres_url else "")).submit(
        [Submission("https://a.example/1.pdf")]
    )
    [finding] = findings(state_of(settings), settings)
    assert (finding.code, finding.severity) == ("sensor_stopped", ProblemSeverity.BLOCKED)
    assert "1 jobs are queued" in finding.message


def test_another_stopped_sensor_is_a_warning(dagster: Dagster, settings: Settings) -> None:
    dagster.works().sensor("inbox_files")
    dagster.tick("inbox_files")
    dagster.stop("inbox_files")
    assert found(settings) == {"sensor_stopped": "warning"}


def test_a_sensor_that_never_ticked_or_ticks_no_more_or_always_fails_is_found(
    dagster: Dagster, settings: Settings
) -> None:
    dagster.beat()
    assert found(settings) == {"sensor_never_ticked": "blocked"}
    dagster.sensor("new_invoices")
    assert found(settings) == {"sensor_never_ticked": "blocked"}
    dagster.tick("new_invoices", age_s=900)
    assert found(settings) == {"sensor_late": "blocked"}
    dagster.tick("new_invoices", age_s=20, status=TickStatus.FAILURE)
    assert found(settings) == {"sensor_tick_failed": "warning"}
    dagster.tick("new_invoices", age_s=10, status=TickStatus.FAILURE)
    dagster.tick("new_invoices", age_s=5, status=TickStatus.FAILURE)
    assert found(settings) == {"sensor_failing": "blocked"}


@pytest.mark.parametrize(("daemon", "severity"), [("SENSOR", "blocked"), ("MONITORING", "stuck")])
def test_a_daemon_without_heartbeats_is_found(dagster: Dagster, settings: Settings, daemon: str, severity: str) -> None:
    dagster.works().beat(daemon, age_s=600)
    assert found(settings) == {"daemon_silent": severity}


def test_a_job_whose_run_died_long_ago_is_found(dagster: Dagster, settings: Settings, database: Database) -> None:
    start_job(database, dagster.run(DagsterRunStatus.FAILURE))
    let_time_pass(database, 1)
    dagster.works()
    assert found(settings) == {"jobs_run_dead": "stuck"}
    assert state_of(settings).jobs_of_dead_runs == 1


def test_a_job_whose_run_nobody_knows_is_found_after_a_while(
    dagster: Dagster, settings: Settings, database: Database
) -> None:
    dagster.works()
    start_job(database, "a run that Dagster does not know")
    assert found(settings) == {}
    let_time_pass(database, 1)
    assert found(settings) == {"jobs_run_dead": "stuck"}


def test_a_job_is_in_good_hands_while_its_run_or_the_retry_of_it_lives(
    dagster: Dagster, settings: Settings, database: Database
) -> None:
    dagster.works()
    died, retry = dagster.run(DagsterRunStatus.FAILURE), dagster.run(DagsterRunStatus.STARTED)
    start_job(database, died)
    start_job(database, dagster.run(DagsterRunStatus.STARTED))
    dagster.retried_by(died, retry)
    let_time_pass(database, 1)
    assert found(settings) == {}


def test_a_job_that_waits_too_long_is_found(dagster: Dagster, settings: Settings, database: Database) -> None:
    dagster.works()
    JobRepository(database).submit([Submission("https://a.example/1.pdf", client="acme")])
    let_time_pass(database, 3)
    assert found(settings) == {"queue_late": "stuck"}
    [queue] = state_of(settings).queues
    assert (queue.client, queue.jobs) == ("acme", 1)
    assert 3 * 3_600 <= queue.oldest_s < 4 * 3_600


def test_a_disk_with_too_little_space_is_found(dagster: Dagster, settings: Settings, tmp_path: Path) -> None:
    dagster.works()
    # More than any disk has: 10 exabytes.
    full = settings.model_copy(update={"least_free_mb": 10**13})
    assert found(full) == {"disk_low": "blocked"}


def test_without_redis_the_work_is_judged_all_the_same(dagster: Dagster, settings: Settings) -> None:
    dagster.works()
    assert found(settings.model_copy(update={"redis_url": SecretStr("redis://127.0.0.1:1/0")})) == {}


def test_the_queue_is_counted_without_reading_finished_jobs(database: Database) -> None:
    """After years of work the table is far larger than what waits."""
    with database.begin() as connection:
        fill_queue(connection, finished=30_000, running=100, waiting=300)
        for sql in (QUEUED_SQL, RUNNING_SQL, HELD_SQL):
            plan = plan_of(connection, sql)
            assert "Seq Scan on jobs" not in plan, plan
