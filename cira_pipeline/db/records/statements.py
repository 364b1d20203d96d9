"""SQL statements that write a record and look up earlier ones, built once: building takes longer than executing.

Parameters: `job_id` or `of_job`, `asking` (the job for which the lookup is made), `document` (its SHA-256), and the
keys of an InvoiceIdentity, NULL where unknown: NULL equals nothing.
"""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Insert,
    Table,
    Text,
    and_,
    bindparam,
    case,
    cast,
    delete,
    func,
    insert,
    literal,
    or_,
    select,
    union,
)
from sqlalchemy import column as sql_column
from sqlalchemy.dialects.postgresql import insert as upsert

from cira_pipeline.db.schema.tables import ROW_TABLES, jobs, record_evidence, record_findings, records
from cira_pipeline.jobs import JobStatus
from cira_pipeline.models import Verdict

PARTS = (*ROW_TABLES.values(), record_evidence, record_findings)


def _from_json(table: Table) -> Insert:
    """Inserts rows of the job `of_job` from a JSON array: hundreds of parameters would take longer to pass."""
    columns = [column for column in table.c if column.name != "job_id"]
    given = func.json_to_recordset(cast(bindparam(table.name, type_=Text), JSON)).table_valued(
        *(sql_column(column.name, column.type) for column in columns), name="given"
    )
    rows = select(bindparam("of_job", type_=Text), *given.render_derived(with_types=True).c)
    return insert(table).from_select(["job_id", *(column.name for column in columns)], rows)


# Two statements in all, instead of one for each table.
DELETE_PARTS = select(literal(1)).add_cte(
    *(delete(table).where(table.c.job_id == bindparam("of_job")).cte(f"no_{table.name}") for table in PARTS)
)
INSERT_PARTS = select(literal(1)).add_cte(*(_from_json(table).cte(f"new_{table.name}") for table in PARTS))
_NOW = func.clock_timestamp()
_NEW = upsert(records).values(recorded_at=_NOW, updated_at=_NOW)
KEEP_RECORD = _NEW.on_conflict_do_update(
    index_elements=["job_id"],
    set_={column.name: _NEW.excluded[column.name] for column in records.c if column.name != "job_id"}
    # A record that was rejected before is valid only from now on.
    | {"recorded_at": case((records.c.verdict == Verdict.REJECTED, _NOW), else_=records.c.recorded_at)},
)
LOCK = select(func.pg_advisory_xact_lock(bindparam("lock", type_=BigInteger)))

_ASKING = bindparam("asking", type_=Text)
_SAME_SUPPLIER = or_(records.c.vat_key == bindparam("vat_key"), records.c.name_key == bindparam("name_key"))
_OWN_CLIENT = select(jobs.c.client).where(jobs.c.job_id == _ASKING).scalar_subquery()

IBANS = (
    select(records.c.payment_iban, func.bool_or(jobs.c.client == _OWN_CLIENT))
    .join(jobs, jobs.c.job_id == records.c.job_id)
    .where(
        records.c.verdict == Verdict.ACCEPTED,
        records.c.job_id != _ASKING,
        records.c.payment_iban.is_not(None),
        _SAME_SUPPLIER,
    )
    .group_by(records.c.payment_iban)
)

_OWN = records.alias("own")
_OWN_SINCE = (
    select(_OWN.c.recorded_at).where(_OWN.c.job_id == _ASKING, _OWN.c.verdict != Verdict.REJECTED).scalar_subquery()
)
_STANDING = select(records.c.job_id).where(
    or_(
        records.c.document_sha256 == bindparam("document"),
        and_(records.c.number_key == bindparam("number_key"), _SAME_SUPPLIER),
    ),
    records.c.job_id != _ASKING,
    records.c.verdict != Verdict.REJECTED,
    # For that job, this one was already reported as the first.
    ~(records.c.duplicate_of.any(_ASKING)),
    or_(_OWN_SINCE.is_(None), records.c.recorded_at < _OWN_SINCE),
)
_UNDER_WAY = (
    select(jobs.c.job_id)
    .outerjoin(records, records.c.job_id == jobs.c.job_id)
    .where(
        _OWN_SINCE.is_(None),
        jobs.c.document_sha256 == bindparam("document"),
        jobs.c.job_id < _ASKING,
        jobs.c.status.in_([status for status in JobStatus if not status.final]),
        records.c.job_id.is_(None),
    )
)
DUPLICATES = union(_STANDING, _UNDER_WAY)
