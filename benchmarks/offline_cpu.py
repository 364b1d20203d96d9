"""Measures CPU time of offline extraction and of reading: `python benchmarks/offline_cpu.py FILE...`.

Reading is Docling's native reading of the page in the same process, which says how fast the machine is: a figure in
milliseconds alone is worth little on a loaded or slow one. Pages without text are read by OCR and told apart. With
`--most MS` the exit code is 1 when extraction takes more than that a page.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cira_pipeline.extraction.offline.engine import OfflineEngine
from cira_pipeline.intake.recognise import recognise
from cira_pipeline.models import Document, Reading
from cira_pipeline.ocr.local import LocalReader
from cira_pipeline.settings import Settings


@dataclass(frozen=True)
class Measured:
    """CPU seconds of one document, all threads."""

    path: Path
    pages: int
    native: bool
    reading_s: float
    extraction_s: float


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--repeat", type=int, default=5, help="extractions of each document; the median counts")
    parser.add_argument("--most", type=float, help="milliseconds a page that extraction may take")
    options = parser.parse_args(arguments)
    measured = _measure(options.files, options.repeat)
    for native in (True, False):
        _report("text" if native else "OCR", [each for each in measured if each.native is native])
    pages = sum(each.pages for each in measured)
    per_page_ms = 1_000 * sum(each.extraction_s for each in measured) / pages
    slowest = max(measured, key=lambda each: each.extraction_s / each.pages)
    print(f"extraction: {per_page_ms:.1f} ms of CPU a page over {pages} pages")
    print(f"slowest: {1_000 * slowest.extraction_s / slowest.pages:.1f} ms a page, {slowest.path.name}")
    return 1 if options.most is not None and per_page_ms > options.most else 0


def _measure(files: Sequence[Path], repeat: int) -> list[Measured]:
    settings = Settings(_env_file=None)
    reader, engine = LocalReader(settings), OfflineEngine()
    documents = [
        (path, recognise(path.read_bytes(), max_pages=settings.max_pages, max_pixels=settings.max_pixels))
        for path in files
    ]
    # The first of everything loads models, tables and dictionaries.
    engine.extract(documents[0][1], reader.read(documents[0][1]).reading)
    return [_one(path, document, reader, engine, repeat) for path, document in documents]


def _one(path: Path, document: Document, reader: LocalReader, engine: OfflineEngine, repeat: int) -> Measured:
    started = time.process_time()
    reading = reader.read(document).reading
    reading_s = time.process_time() - started
    extraction_s = statistics.median(_extraction_s(document, reading, engine) for _ in range(repeat))
    native = all(page.source != "ocr" for page in reading.pages)
    return Measured(path, max(len(reading.pages), 1), native, reading_s, extraction_s)


def _extraction_s(document: Document, reading: Reading, engine: OfflineEngine) -> float:
    started = time.process_time()
    engine.extract(document, reading)
    return time.process_time() - started


def _report(kind: str, measured: Sequence[Measured]) -> None:
    pages = sum(each.pages for each in measured)
    if not pages:
        return
    reading_ms = 1_000 * sum(each.reading_s for each in measured) / pages
    extraction_ms = 1_000 * sum(each.extraction_s for each in measured) / pages
    print(
        f"{kind:5} {pages:4} pages: reading {reading_ms:8.1f} ms, extraction {extraction_ms:6.1f} ms of CPU a page "
        f"({extraction_ms / max(reading_ms, 1e-9):.2f} of the reading)"
    )


if __name__ == "__main__":
    sys.exit(main())
