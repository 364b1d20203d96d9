"""Measures time and memory of reading: `python benchmarks/reading.py FILE...` (PDF, PNG, JPEG, TIFF).

The first file is read twice, once with everything cold; the first reading is reported separately.
"""

from __future__ import annotations

import argparse
import resource
import time
from pathlib import Path

from cira_pipeline.intake.recognise import recognise
from cira_pipeline.models import Document
from cira_pipeline.ocr.local import LocalReader
from cira_pipeline.settings import Settings


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--threads", type=int, default=2, help="ONNX threads")
    arguments = parser.parse_args()
    settings = Settings(_env_file=None, ocr_threads=arguments.threads)
    documents = {path: _document(path, settings) for path in arguments.files}
    reader = LocalReader(settings)

    first = next(iter(documents.values()))
    print(f"{_seconds(reader, first)[0]:7.2f} s  first document, Docling and models loaded")
    totals: dict[str, tuple[float, int]] = {}
    for path, document in documents.items():
        seconds, sources = _seconds(reader, document)
        kind = "+".join(sorted(set(sources)))
        total, pages = totals.get(kind, (0.0, 0))
        totals[kind] = (total + seconds, pages + len(sources))
        print(f"{seconds:7.2f} s  {len(sources):3} pages  {kind:8} {path.name}")
    for kind, (total, pages) in sorted(totals.items()):
        print(f"{total / pages:7.2f} s a page  {kind} ({pages} pages)")
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{peak_mb:7.0f} MB at the most")


def _document(path: Path, settings: Settings) -> Document:
    return recognise(path.read_bytes(), max_pages=settings.max_pages, max_pixels=settings.max_pixels)


def _seconds(reader: LocalReader, document: Document) -> tuple[float, list[str]]:
    started = time.monotonic()
    reading = reader.read(document).reading
    return time.monotonic() - started, [page.source for page in reading.pages]


if __name__ == "__main__":
    main()
