"""Names and numbers as people read them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from urllib.parse import unquote, urlsplit

from cira_pipeline.db.jobs.repository import Job
from cira_pipeline.fields import FieldGroup, FieldKind
from cira_pipeline.invoice import HEADER_FIELDS, ROW_TERMS, TERMS, HeaderField
from cira_pipeline.jobs import JobStatus, Stage
from cira_pipeline.models import EngineName, Severity, Verdict

FIELDS: Mapping[str, str] = {name: term.label for name, term in TERMS.items()}
# Only names that are no words of their own.
_FIELD_NAME = re.compile(rf"\b({'|'.join(name for name in FIELDS if '_' in name)})\b")
GROUPS: Sequence[tuple[str, Sequence[HeaderField]]] = tuple(
    (group.value, tuple(name for name in HEADER_FIELDS if TERMS[name].group is group)) for group in FieldGroup
)
COLUMNS: Mapping[str, Mapping[str, str]] = {
    table: {name: term.label for name, term in terms.items() if term.kind is not FieldKind.MAP}
    for table, terms in ROW_TERMS.items()
}
INVOICE_TYPES: Mapping[str, str] = {
    "261": "Self-billed credit note",
    "380": "Invoice",
    "381": "Credit note",
    "383": "Debit note",
    "384": "Corrected invoice",
    "386": "Prepayment invoice",
    "389": "Self-billed invoice",
    "527": "Self-billed debit note",
}
STAGES: Mapping[Stage, str] = {
    Stage.RAW_DOCUMENT: "Fetching",
    Stage.OCR_TEXT: "Reading",
    Stage.EXTRACTED_FIELDS: "Extracting",
    Stage.VALIDATED_RECORD: "Checking",
}
VERDICTS: Mapping[Verdict, str] = {
    Verdict.ACCEPTED: "Accepted",
    Verdict.NEEDS_REVIEW: "Needs review",
    Verdict.REJECTED: "Rejected",
}
STATUSES: Mapping[JobStatus, str] = {
    JobStatus.QUEUED: "In the queue",
    JobStatus.RUNNING: "Starting",
    JobStatus.NEEDS_BUDGET: "Waits for budget",
    JobStatus.WAITING: "Waits for a service",
    JobStatus.SUCCEEDED: "Done",
    JobStatus.FAILED: "Failed",
    JobStatus.REJECTED: "Rejected",
    JobStatus.CANCELLED: "Cancelled",
}
ENGINES: Mapping[EngineName, str] = {name: name.label for name in EngineName}
SEVERITIES: Mapping[Severity, str] = {Severity.ERROR: "Wrong", Severity.WARNING: "Check", Severity.INFO: "Note"}


def state(job: Job) -> tuple[str, str]:
    """How a job stands: a word for the style sheet, and words for people."""
    if job.verdict is not None and job.status.final:
        return job.verdict.value, VERDICTS[job.verdict]
    if job.status is JobStatus.RUNNING and job.stage is not None:
        return "running", STAGES[job.stage]
    return job.status.value, STATUSES[job.status]


def step(job: Job) -> int:
    """The stage a job under way is in, 1 to 4; 0 before the first."""
    return list(STAGES).index(job.stage) + 1 if job.stage is not None and not job.status.final else 0


def source(job: Job) -> str:
    """What people know a document by: its reference, else the last part of its URL."""
    if job.client_reference:
        return job.client_reference
    if job.url.startswith("upload:"):
        return "uploaded document"
    parts = urlsplit(job.url)
    return unquote(parts.path.rstrip("/").rpartition("/")[2]) or parts.netloc


def field_label(path: str) -> str:
    """`line_items[2].net_amount` is row 3 of the table, for people."""
    name, _, rest = path.partition("[")
    label = FIELDS.get(name, name)
    index, _, part = rest.partition("]")
    if not index.isdigit():
        return label
    column = COLUMNS.get(name, {}).get(part.lstrip("."), "")
    return f"{label}, row {int(index) + 1}{f', {column}' if column else ''}"


def kind_of_cell(table: str, column: str) -> str:
    """How a cell is shown: `amount` (right-aligned), `date` or `text`."""
    kind = ROW_TERMS[table][column].kind
    if kind.is_number or kind is FieldKind.POSITION:
        return "amount"
    return "date" if kind is FieldKind.DATE else "text"


def money(value: Decimal | None) -> str:
    return "" if value is None else f"{value:,f}"


def day(value: date | None) -> str:
    return "" if value is None else f"{value.day} {value:%B %Y}"


def when(value: date, today: date) -> str:
    """A date with its distance, so that a wrong year is seen."""
    days = (value - today).days
    distance = "today" if days == 0 else f"in {_counted(days, 'day')}" if days > 0 else f"{_counted(-days, 'day')} ago"
    return f"{value:%a} {day(value)}, {distance}"


def moment(value: datetime | None) -> str:
    return "" if value is None else f"{day(value.astimezone(UTC).date())}, {value.astimezone(UTC):%H:%M} UTC"


def age(value: datetime, now: datetime) -> str:
    passed = now - value
    for size, unit in ((timedelta(days=1), "day"), (timedelta(hours=1), "hour"), (timedelta(minutes=1), "minute")):
        if passed >= size:
            return f"{_counted(passed // size, unit)} ago"
    return "just now"


def percent(value: float) -> str:
    # 99.96 % is not certain, and must not look so.
    return "100 %" if value == 1 else f"{min(int(value * 100 + 0.5), 99)} %"


def capital(text: str) -> str:
    """As a sentence begins; a host or a path at its start keeps its letters."""
    return text if "." in text.partition(" ")[0] else text[:1].upper() + text[1:]


def plain(text: str) -> str:
    """A message with fields as people call them, and without the marks of code."""
    return _FIELD_NAME.sub(lambda found: f"the {FIELDS[found[0]].lower()}", text).replace("`", "")


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
