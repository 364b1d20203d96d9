"""Measures the SQL queries of docs/questions.md over many jobs: `python -m benchmarks.analyst_views`.

The tables are filled by analyst_views.sql. Every question is asked as the role cira_analyst. The yardstick is one pass
over the jobs: `SELECT sum(length(url)) FROM cira.jobs`.
"""

from __future__ import annotations

import argparse
import re
import tempfile
import time
from pathlib import Path

import psycopg

from cira_pipeline.db.database import Database
from cira_pipeline.local_stack.postgres import EmbeddedPostgres
from cira_pipeline.settings import inherited_environment

PAGE = Path(__file__).parents[1] / "docs" / "questions.md"
YARDSTICK = "SELECT sum(length(url)) FROM cira.jobs"
LIMIT_S = 1.0

FILL = Path(__file__).with_suffix(".sql")


def questions() -> dict[str, str]:
    """The question over each block of SQL in docs/questions.md -> the SQL."""
    written = PAGE.read_text("utf-8").partition("## The queries")[2]
    blocks = [block.split("```sql\n") for block in written.split("\n```\n")[:-1]]
    return {_question(above): sql for above, sql in blocks}


def _question(above: str) -> str:
    """The paragraph above the SQL, on one line and without text in brackets."""
    return re.sub(r"\s+", " ", re.sub(r"\(.*?\)", "", above.strip().rpartition("\n\n")[2], flags=re.DOTALL)).strip(" ?")


def fastest_s(connection: psycopg.Connection, sql: str, times: int) -> tuple[float, int]:
    """The shortest time in seconds of `times` runs with all rows fetched, and the number of rows."""
    seconds, rows = [], 0
    for _ in range(times):
        started = time.perf_counter()
        rows = len(connection.execute(sql).fetchall())
        seconds.append(time.perf_counter() - started)
    return min(seconds), rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=100_000)
    parser.add_argument("--times", type=int, default=3)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="cira-bench-", dir="/tmp") as name:
        folder = Path(name)
        server = EmbeddedPostgres(folder / "postgres", environment=inherited_environment(), marked_by=folder)
        server.start()
        try:
            slowest = measure(server.url(), arguments.jobs, arguments.times)
        finally:
            server.stop()
    raise SystemExit(slowest >= LIMIT_S)


def measure(url: str, jobs: int, times: int) -> float:
    """Prints the table; returns the slowest question's seconds."""
    database = Database(url)
    database.migrate()
    database.dispose()
    with psycopg.connect(url, autocommit=True) as connection:
        started = time.perf_counter()
        for statement in FILL.read_text().split(";\n"):
            connection.execute(statement.replace(":jobs", str(jobs)))
        connection.execute("VACUUM ANALYZE")
        print(f"{jobs:,} jobs made in {time.perf_counter() - started:.0f} s")
        connection.execute("SET SESSION AUTHORIZATION cira_analyst")
        yardstick, _ = fastest_s(connection, YARDSTICK, times)
        print(f"\nyardstick: {YARDSTICK}: {1000 * yardstick:.1f} ms\n")
        print("| question | rows | ms | times the yardstick |\n| --- | ---: | ---: | ---: |")
        slowest = 0.0
        for question, sql in questions().items():
            seconds, rows = fastest_s(connection, sql, times)
            slowest = max(slowest, seconds)
            print(f"| {question} | {rows:,} | {1000 * seconds:.0f} | {seconds / yardstick:.0f} |")
    print(f"\nslowest: {1000 * slowest:.0f} ms, {LIMIT_S * 1000:.0f} ms are allowed")
    return slowest


if __name__ == "__main__":
    main()
