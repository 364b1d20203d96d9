"""Labels: ground truth for the fields of a document."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import bindparam, func, select
from sqlalchemy.dialects.postgresql import insert

from cira_pipeline.db.database import Database
from cira_pipeline.db.schema.tables import labels

_OF_DOCUMENT = select(labels.c.fields).where(labels.c.document_sha256 == bindparam("document"))


class LabelRepository:
    """Labels in PostgreSQL. Thread-safe. Raises: StoreUnavailable."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, sha256: str, fields: Mapping[str, Any], source: str, confirmed_by: str | None = None) -> None:
        """Stores `fields`, JSON values by invoice field name, as the ground truth of document `sha256`.

        The document need not be known yet. An existing label is replaced.
        """
        values = {"fields": dict(fields), "source": source, "confirmed_by": confirmed_by}
        statement = insert(labels).values(document_sha256=sha256, **values)
        with self._database.begin() as connection:
            connection.execute(
                statement.on_conflict_do_update(
                    index_elements=["document_sha256"], set_={**values, "updated_at": func.now()}
                )
            )

    def get(self, sha256: str) -> dict[str, Any] | None:
        with self._database.single() as connection:
            fields = connection.scalar(_OF_DOCUMENT, {"document": sha256})
        return None if fields is None else dict(fields)
