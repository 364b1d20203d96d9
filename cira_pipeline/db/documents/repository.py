"""Documents: bytes in the object store under their hash, metadata in PostgreSQL."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, select
from sqlalchemy.dialects.postgresql import insert

from cira_pipeline.db.database import Database
from cira_pipeline.db.documents.objects import ObjectStore
from cira_pipeline.db.schema.tables import attached_files, documents
from cira_pipeline.errors import ObjectMissing
from cira_pipeline.models import AttachedFile, Document, MediaType

_KEEP = insert(documents).on_conflict_do_nothing()
_OF_HASH = select(documents).where(documents.c.sha256 == bindparam("of_hash"))
_KEEP_FILE = insert(attached_files).on_conflict_do_nothing()
_FILES = select(attached_files.c.sha256).where(attached_files.c.document_sha256 == bindparam("of_hash"))
_FILE = select(attached_files.c.object_key).where(
    attached_files.c.document_sha256 == bindparam("of_hash"), attached_files.c.sha256 == bindparam("of_file")
)


@dataclass(frozen=True)
class DocumentRow:
    """Metadata of a document, without its bytes."""

    sha256: str
    media_type: MediaType
    size_bytes: int
    page_count: int
    object_key: str
    created_at: datetime


class DocumentRepository:
    """Documents in PostgreSQL and the object store. Thread-safe. Raises: StoreUnavailable."""

    def __init__(self, database: Database, objects: ObjectStore) -> None:
        self._database = database
        self._objects = objects

    def put(self, document: Document) -> None:
        """Stores the document; idempotent. The bytes are stored before the row.

        Raises: ValueError when the content does not match its hash.
        """
        if hashlib.sha256(document.content).hexdigest() != document.sha256:
            raise ValueError(f"the content does not match the SHA-256 {document.sha256}")
        key = _key(document.sha256)
        self._objects.put(key, document.content)
        row = document.model_dump(exclude={"content"}) | {"object_key": key}
        with self._database.single() as connection:
            connection.execute(_KEEP, row)

    def load(self, sha256: str) -> Document:
        """The document with its bytes. Raises: ObjectMissing when row or bytes are missing, or the bytes changed."""
        row = self.row(sha256)
        if row is None:
            raise ObjectMissing(f"document {sha256} is not stored", sha256=sha256)
        content = self._objects.get(row.object_key)
        if hashlib.sha256(content).hexdigest() != sha256:
            raise ObjectMissing(f"document {sha256} was changed in the object store", sha256=sha256)
        return Document(
            sha256=sha256,
            media_type=row.media_type,
            size_bytes=row.size_bytes,
            page_count=row.page_count,
            content=content,
        )

    def put_files(self, sha256: str, files: Iterable[AttachedFile]) -> None:
        """Stores files that document `sha256` carries; idempotent. The bytes are stored before the rows."""
        for each in files:
            key = f"attachments/{sha256[:2]}/{sha256}/{each.sha256}"
            self._objects.put(key, each.content)
            row = {"document_sha256": sha256, "sha256": each.sha256, "size_bytes": len(each.content), "object_key": key}
            with self._database.single() as connection:
                connection.execute(_KEEP_FILE, row)

    def files(self, sha256: str) -> frozenset[str]:
        """Hashes of the stored files that document `sha256` carries."""
        with self._database.single() as connection:
            return frozenset(connection.scalars(_FILES, {"of_hash": sha256}))

    def file(self, sha256: str, file_sha256: str) -> bytes:
        """The content of a file that document `sha256` carries. Raises: ObjectMissing, also when it was changed."""
        with self._database.single() as connection:
            key = connection.scalar(_FILE, {"of_hash": sha256, "of_file": file_sha256})
        if key is None:
            raise ObjectMissing(f"document {sha256} has no stored file {file_sha256}", sha256=file_sha256)
        content = self._objects.get(key)
        if hashlib.sha256(content).hexdigest() != file_sha256:
            raise ObjectMissing(f"attached file {file_sha256} was changed in the object store", sha256=file_sha256)
        return content

    def row(self, sha256: str) -> DocumentRow | None:
        with self._database.single() as connection:
            row = connection.execute(_OF_HASH, {"of_hash": sha256}).one_or_none()
        if row is None:
            return None
        values = dict(row._mapping)
        return DocumentRow(**values | {"media_type": MediaType(values["media_type"])})

    def url_of(self, sha256: str) -> str:
        """URL of the bytes, for people."""
        return self._objects.url_of(_key(sha256))


def _key(sha256: str) -> str:
    return f"documents/{sha256[:2]}/{sha256}"
