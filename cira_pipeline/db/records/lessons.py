"""Lessons learned about suppliers from confirmed invoices, by client and document."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final, Literal

from sqlalchemy import Connection, Row, func, text
from sqlalchemy.dialects.postgresql import insert

from cira_pipeline.db.database import Database
from cira_pipeline.db.schema.tables import supplier_lessons
from cira_pipeline.jobs import JobId

LESSONS_OF_A_LAYOUT: Final = 12
"""Maximum lessons of a layout; older ones are dropped, as newer ones would outvote them."""
LAYOUTS_OF_A_SUPPLIER: Final = 8
"""Maximum layouts of a supplier; those used longest ago are dropped."""

LessonSource = Literal["confirmation", "label"]


@dataclass(frozen=True)
class StoredLesson:
    """A stored lesson: `lesson` is JSON of the offline engine; the first of `supplier_keys` names the supplier."""

    client: str
    document_sha256: str
    job_id: JobId
    source: LessonSource
    supplier: str
    supplier_keys: tuple[str, ...]
    layout: str
    lesson: Mapping[str, Any]
    taught_at: datetime


@dataclass(frozen=True)
class KnownLayout:
    """One layout of one supplier, learned from a client's confirmations."""

    client: str
    supplier: str
    key: str
    layout: str
    lessons: int
    last_taught_at: datetime


@dataclass(frozen=True)
class Confirmed:
    """A document that a person of a client has confirmed, with its latest confirmation."""

    client: str
    job_id: JobId
    document_sha256: str
    confirmed_at: datetime


@dataclass(frozen=True)
class Labelled:
    """A label from a source other than a confirmation, for a client that has the document."""

    client: str
    job_id: JobId
    document_sha256: str
    fields: Mapping[str, Any]
    updated_at: datetime


class LessonRepository:
    """Lessons in PostgreSQL. Thread-safe. Raises: StoreUnavailable."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, lesson: StoredLesson) -> None:
        """Stores `lesson`, replacing the one of its client and document; prunes what exceeds the limits."""
        values = asdict(lesson) | {"supplier_keys": list(lesson.supplier_keys), "learned_at": func.clock_timestamp()}
        changed = {name: value for name, value in values.items() if name not in ("client", "document_sha256")}
        statement = insert(supplier_lessons).values(values)
        with self._database.begin() as connection:
            connection.execute(
                statement.on_conflict_do_update(index_elements=["client", "document_sha256"], set_=changed)
            )
            _prune(connection, lesson.client, lesson.supplier_keys[0])

    def remove(self, client: str, document_sha256: str) -> None:
        """Deletes the lesson that `client` learned from a document."""
        with self._database.begin() as connection:
            connection.execute(
                text("DELETE FROM cira.supplier_lessons WHERE client = :client AND document_sha256 = :sha256"),
                {"client": client, "sha256": document_sha256},
            )

    def about(self, keys: Sequence[str], *, client: str | None, but_not: str, limit: int) -> tuple[StoredLesson, ...]:
        """Lessons of suppliers with any of `keys`, newest first; of all clients when `client` is `None`.

        Excludes document `but_not`: a lesson from a page is no independent evidence about that page.
        """
        if not keys:
            return ()
        with self._database.single() as connection:
            rows = connection.execute(_ABOUT, {"keys": list(keys), "client": client, "sha256": but_not, "most": limit})
            return tuple(_lesson(row) for row in rows)

    def layouts(self, client: str | None = None) -> tuple[KnownLayout, ...]:
        """Learned layouts, by supplier name; of all clients when `client` is `None`."""
        with self._database.begin() as connection:
            return tuple(KnownLayout(**row._mapping) for row in connection.execute(_LAYOUTS, {"client": client}))

    def forget(self, client: str, *, supplier: str | None = None, layout: str | None = None) -> int:
        """Deletes `client`'s lessons, only of `supplier` (a key, or the name as shown) or `layout` where given.

        Returns how many there were. Confirmations are kept: rebuilding learns from them again.
        """
        with self._database.begin() as connection:
            return connection.execute(_FORGET, {"client": client, "supplier": supplier, "layout": layout}).rowcount

    def forget_older(self, learned_before: datetime) -> int:
        """Deletes lessons last written before `learned_before`; returns how many there were."""
        statement = text("DELETE FROM cira.supplier_lessons WHERE learned_at < :before")
        with self._database.begin() as connection:
            return connection.execute(statement, {"before": learned_before}).rowcount

    def now(self) -> datetime:
        """The database's time, which dates the lessons."""
        with self._database.single() as connection:
            now: datetime = connection.execute(text("SELECT clock_timestamp()")).scalar_one()
        return now

    def confirmed(self) -> Iterator[Confirmed]:
        """The latest confirmation of each client and document, oldest first."""
        with self._database.begin() as connection:
            rows = connection.execute(_CONFIRMED).all()
        yield from (Confirmed(**row._mapping) for row in rows)

    def labelled(self, sha256: str | None = None) -> Iterator[Labelled]:
        """Labels of documents that a client has and that no person of it confirmed, oldest first."""
        with self._database.begin() as connection:
            rows = connection.execute(_LABELLED, {"sha256": sha256}).all()
        yield from (Labelled(**row._mapping) for row in rows)


_ABOUT = text("""
    SELECT client, document_sha256, job_id, source, supplier, supplier_keys, layout, lesson, taught_at
    FROM cira.supplier_lessons
    WHERE supplier_keys && CAST(:keys AS text[]) AND document_sha256 <> :sha256
      AND (CAST(:client AS text) IS NULL OR client = :client)
    ORDER BY taught_at DESC, document_sha256
    LIMIT :most
""")
_LAYOUTS = text("""
    SELECT client, (array_agg(supplier ORDER BY taught_at DESC))[1] AS supplier, supplier_keys[1] AS key, layout,
           count(*) AS lessons, max(taught_at) AS last_taught_at
    FROM cira.supplier_lessons
    WHERE CAST(:client AS text) IS NULL OR client = :client
    GROUP BY client, supplier_keys[1], layout
    ORDER BY client, 2, last_taught_at DESC
""")
_FORGET = text("""
    DELETE FROM cira.supplier_lessons
    WHERE client = :client
      AND (CAST(:supplier AS text) IS NULL OR supplier = :supplier OR :supplier = ANY (supplier_keys))
      AND (CAST(:layout AS text) IS NULL OR layout = :layout)
""")
_CONFIRMED = text("""
    SELECT client, job_id, document_sha256, confirmed_at
    FROM (
        SELECT DISTINCT ON (j.client, c.document_sha256) j.client, c.job_id, c.document_sha256, c.confirmed_at
        FROM cira.confirmations c JOIN cira.jobs j ON j.job_id = c.job_id
        ORDER BY j.client, c.document_sha256, c.confirmation_id DESC
    ) latest
    ORDER BY confirmed_at
""")
_LABELLED = text("""
    SELECT j.client, max(j.job_id) AS job_id, l.document_sha256, l.fields, l.updated_at
    FROM cira.labels l JOIN cira.jobs j ON j.document_sha256 = l.document_sha256
    WHERE l.source <> 'review' AND (CAST(:sha256 AS text) IS NULL OR l.document_sha256 = :sha256)
      AND NOT EXISTS (
          SELECT 1 FROM cira.confirmations c JOIN cira.jobs o ON o.job_id = c.job_id
          WHERE c.document_sha256 = l.document_sha256 AND o.client = j.client
      )
    GROUP BY j.client, l.document_sha256, l.fields, l.updated_at
    ORDER BY l.updated_at
""")
_PRUNE = text("""
    DELETE FROM cira.supplier_lessons WHERE (client, document_sha256) IN (
        SELECT client, document_sha256
        FROM (
            SELECT client, document_sha256, of_layout, dense_rank() OVER (ORDER BY last_used DESC, layout) AS nth_layout
            FROM (
                SELECT client, document_sha256, layout,
                       row_number() OVER (PARTITION BY layout ORDER BY taught_at DESC, document_sha256) AS of_layout,
                       max(taught_at) OVER (PARTITION BY layout) AS last_used
                FROM cira.supplier_lessons
                WHERE client = :client AND supplier_keys && ARRAY[CAST(:key AS text)] AND supplier_keys[1] = :key
            ) own
        ) ranked
        WHERE of_layout > :lessons OR nth_layout > :layouts
    )
""")


def _prune(connection: Connection, client: str, key: str) -> None:
    bounds = {"lessons": LESSONS_OF_A_LAYOUT, "layouts": LAYOUTS_OF_A_SUPPLIER}
    connection.execute(_PRUNE, {"client": client, "key": key} | bounds)


def _lesson(row: Row[Any]) -> StoredLesson:
    return StoredLesson(**{**row._mapping, "supplier_keys": tuple(row.supplier_keys)})
