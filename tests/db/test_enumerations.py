"""A status, a stage or a scope of the code that the database does not take, for want of a migration, shows here."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import get_args, get_type_hints

import pytest
from sqlalchemy import text

from cira_pipeline.api.delivery_routes import Delivery
from cira_pipeline.costs.budgets import Period
from cira_pipeline.db.access.api_keys import Scope
from cira_pipeline.db.answers.batched_questions import QuestionState
from cira_pipeline.db.answers.model_batches import ModelBatchState
from cira_pipeline.db.database import Database
from cira_pipeline.db.records.lessons import LessonSource
from cira_pipeline.jobs import JobSource, JobStatus, Policy, Stage
from cira_pipeline.models import MediaType, Severity, Verdict

ENUMERATIONS: dict[tuple[str, str], Iterable[str]] = {
    ("jobs", "status"): JobStatus,
    ("jobs", "stage"): Stage,
    ("jobs", "verdict"): Verdict,
    ("jobs", "source"): get_args(JobSource),
    ("jobs", "policy"): Policy,
    ("documents", "media_type"): MediaType,
    ("records", "verdict"): Verdict,
    ("record_findings", "severity"): Severity,
    ("cost_entries", "stage"): Stage,
    ("stage_timings", "stage"): Stage,
    ("api_keys", "scopes"): Scope,
    ("model_batches", "state"): get_args(ModelBatchState),
    ("batched_questions", "state"): get_args(QuestionState),
    ("spending", "period"): get_args(Period),
    ("supplier_lessons", "source"): get_args(LessonSource),
    ("webhook_events", "status"): [status for status in JobStatus if status.final],
    ("webhook_events", "verdict"): Verdict,
    ("webhook_events", "state"): get_args(get_type_hints(Delivery)["state"]),
}
"""Each column that takes the members of an enumeration: table, name of its constraint, members."""


def allowed(database: Database, table: str, constraint: str) -> set[str]:
    with database.begin() as connection:
        definition = connection.scalar(
            text(
                "SELECT pg_get_constraintdef(oid) FROM pg_constraint"
                " WHERE conrelid = to_regclass(:table) AND conname = :name"
            ),
            {"table": f"cira.{table}", "name": f"{table}_{constraint}_check"},
        )
    assert definition, f"cira.{table} has no constraint {table}_{constraint}_check"
    return set(re.findall(r"'([^']*)'", definition))


@pytest.mark.parametrize(("table", "constraint"), ENUMERATIONS)
def test_the_database_takes_each_member_of_an_enumeration_and_no_other(
    database: Database, table: str, constraint: str
) -> None:
    members, taken = set(ENUMERATIONS[table, constraint]), allowed(database, table, constraint)
    assert taken == members, (
        f"a migration is missing that changes {table}_{constraint}_check of cira.{table}: "
        f"the code has {sorted(members - taken)} besides, the database {sorted(taken - members)}"
    )


def test_no_list_of_words_in_the_database_is_left_out(database: Database) -> None:
    """A new constraint that lists words has to be named above, with the enumeration that it repeats."""
    with database.begin() as connection:
        found = connection.execute(
            text("""
            SELECT relname, conname FROM pg_constraint c JOIN pg_class r ON r.oid = conrelid
            WHERE relnamespace = 'cira'::regnamespace AND contype = 'c'
              AND pg_get_constraintdef(c.oid) ~ '^CHECK \\(\\(\\w+ = ANY'
            """)
        ).all()
    listed = {(row.relname, row.conname.removeprefix(f"{row.relname}_").removesuffix("_check")) for row in found}
    assert listed <= set(ENUMERATIONS)
