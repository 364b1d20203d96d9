"""A table of jobs as it is after months: nearly all of them finished. Made by PostgreSQL itself, in seconds."""

from __future__ import annotations

from sqlalchemy import Connection, text

BATCH = 100
# One statement, since jobs name their batches and batches their jobs.
_JOBS_AND_BATCHES = """
WITH made AS (
INSERT INTO cira.batches (batch_id, first_job, last_job, job_count)
SELECT 'bat_' || lpad(n::text, 26, '0'), 'inv_' || lpad((n * 100)::text, 26, '0'),
       'inv_' || lpad((n * 100 + 99)::text, 26, '0'), 100
FROM generate_series(0, :last_batch) n
)
INSERT INTO cira.jobs
    (job_id, url, client, source, status, stage, batch_id, planned_before, started_at, finished_at, run_id, attempts)
SELECT 'inv_' || lpad(n::text, 26, '0'), 'https://example.com/' || n, 'default', 'cli',
       CASE WHEN n < :finished THEN 'cancelled' WHEN n < :planned THEN 'running' ELSE 'queued' END,
       CASE WHEN n < :planned THEN 'ocr_text' END,
       CASE WHEN n < :planned THEN 'bat_' || lpad((n / 100)::text, 26, '0') END,
       n < :planned,
       CASE WHEN n < :planned THEN now() END,
       CASE WHEN n < :finished THEN now() END,
       CASE WHEN n < :planned THEN 'run' END,
       CASE WHEN n < :planned THEN 1 ELSE 0 END
FROM generate_series(0, CAST(:planned AS bigint) + :waiting - 1) n
"""


def fill_queue(connection: Connection, *, finished: int, running: int, waiting: int) -> None:
    """`finished` and `running` are multiples of `BATCH`. Statistics are as autovacuum leaves them."""
    planned = finished + running
    counts = {"last_batch": planned // BATCH - 1, "finished": finished, "planned": planned, "waiting": waiting}
    connection.execute(text(_JOBS_AND_BATCHES), counts)
    connection.execute(text("ANALYZE cira.jobs"))
    connection.execute(text("ANALYZE cira.batches"))
