"""Reading cache in a folder, for measuring the same files many times: each document is read once."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from pydantic import ValidationError

from cira_pipeline.models import Document, Reading
from cira_pipeline.ocr.reader import Reader, ReadResult


class KeptReadings:
    """Implements `Reader` with a cache over another one, by document, reader and reader version.

    `docling_json` is empty for a cached reading: no measurement needs it. Many processes may share the folder.
    """

    def __init__(self, reader: Reader, folder: Path) -> None:
        self._reader = reader
        self._folder = folder

    @property
    def name(self) -> str:
        return self._reader.name

    @property
    def version(self) -> str:
        return self._reader.version

    def read(self, document: Document) -> ReadResult:
        """The cached reading, else the reader's. A cached file that is damaged or of an older format is read again."""
        path = self._path(document.sha256)
        try:
            return ReadResult(Reading.model_validate_json(path.read_bytes()), b"")
        except (FileNotFoundError, ValidationError):
            result = self._reader.read(document)
        self._folder.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(f".{os.getpid()}.part")
        part.write_text(result.reading.model_dump_json(), encoding="utf-8")
        part.replace(path)
        return result

    def interrupt(self) -> None:
        self._reader.interrupt()

    def _path(self, sha256: str) -> Path:
        reader = hashlib.sha256(f"{self.name} {self.version}".encode()).hexdigest()[:12]
        return self._folder / f"{sha256}-{reader}.json"
