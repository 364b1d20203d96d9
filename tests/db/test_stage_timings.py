from __future__ import annotations

from cira_pipeline.db.database import Database
from cira_pipeline.db.jobs.stage_timings import KEPT_EVERY_S, StageTimings, timings
from cira_pipeline.jobs import Stage


def test_what_is_noted_is_written_after_a_few_seconds_and_at_the_end(database):
    now = 0.0
    noted = StageTimings(database, monotonic=lambda: now)
    noted.note(Stage.OCR_TEXT, 0.2)
    noted.note(Stage.OCR_TEXT, 0.2)
    assert _runs(database) == (0, 0.0)
    now = KEPT_EVERY_S
    noted.note(Stage.OCR_TEXT, 3.0)
    assert _runs(database) == (3, 3.4)
    noted.note(Stage.OCR_TEXT, 0.6)
    noted.keep()
    noted.keep()
    assert _runs(database) == (4, 4.0)


def test_without_postgresql_figures_stop_no_work_and_wait(database):
    away = Database("postgresql://cira:cira@127.0.0.1:1/cira")
    noted = StageTimings(away, monotonic=lambda: 0.0)
    noted.note(Stage.OCR_TEXT, 0.2)
    noted.keep()
    noted.note(Stage.OCR_TEXT, 0.3)
    noted._database = database
    noted.keep()
    assert _runs(database) == (2, 0.5)


def _runs(database: Database) -> tuple[int, float]:
    with database.begin() as connection:
        timing = timings(connection)[Stage.OCR_TEXT]
    return sum(timing.runs), round(timing.seconds, 6)
