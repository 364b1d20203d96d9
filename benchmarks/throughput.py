"""Compares the pipeline's throughput with bare Docling on the same files and workers, by kind of document.

    python -m benchmarks.throughput --texts 60 --scans 12 2>/dev/null

Bare Docling is a converter called in as many processes and nothing else: no download, no database, no extraction, no
Dagster. Text PDFs are measured against three: Docling as it comes, which draws each page for its picture; Docling asked
for text alone; and CIRA's converter, which looks at the drawn page for what a person sees. Docling without torch has no
OCR, so scans are measured against the last alone. The pipeline is a Dagster run over the same documents from URL to
record. All are warm, and each repetition reads documents of its own, in every way. The bar: the pipeline reaches at
least 0.85 of bare Docling's documents a minute. `--threads 1,2` measures other divisions of the processors: processes
times threads. `--keys batch` gives each repetition one partition key instead of one a document.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.bench_house import BenchHouse, bench_house, machine
from cira_pipeline.intake.recognise import recognise
from cira_pipeline.models import Document
from cira_pipeline.samples.generator import LabelledKind
from cira_pipeline.sandbox.messages import Message
from cira_pipeline.sandbox.pool import WorkerPool
from cira_pipeline.sandbox.processors import processors

BAR = 0.85
_NO_LIMIT_S = 3_600.0
_YARDSTICKS: dict[LabelledKind, tuple[str, ...]] = {
    "pdf-text": ("as it comes", "text alone", "CIRA's converter"),
    "pdf-scan": ("CIRA's converter",),
}
"""See benchmarks/bare_docling.py."""


@dataclass(frozen=True)
class Measured:
    kind: str
    processes: int
    threads: int
    bare: dict[str, list[float]]
    pipeline: list[float]
    """Documents a minute, one figure for each repetition, and those of each yardstick."""

    @property
    def bare_per_minute(self) -> float:
        """By the first of the yardsticks."""
        return statistics.median(next(iter(self.bare.values())))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--texts", type=int, default=60, help="text PDFs in each repetition")
    parser.add_argument("--scans", type=int, default=12, help="scans in each repetition")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--threads", default="1", help="ONNX threads a process, such as 1,2")
    parser.add_argument("--keys", choices=("job", "batch"), default="job", help="what a partition key stands for")
    arguments = parser.parse_args()
    measured = []
    for threads in (int(each) for each in arguments.threads.split(",")):
        processes = max(1, processors() // threads)
        for kind, count in (("pdf-text", arguments.texts), ("pdf-scan", arguments.scans)):
            if count:
                measured.append(measure(kind, count, arguments.repeat, processes, threads, arguments.keys))
    console = Console()
    console.print(machine())
    console.print(_table(measured))


def measure(kind: LabelledKind, count: int, repeat: int, processes: int, threads: int, keys: str = "job") -> Measured:
    """Each repetition by bare Docling and by the pipeline, both warm, on the same documents."""
    measured = Measured(kind, processes, threads, {name: [] for name in _YARDSTICKS[kind]}, [])
    given = {"reading_processes": processes, "ocr_threads": threads}
    with bench_house((kind,), **given) as house, house.opened() as processor:
        house.warm(processor)
        bare = WorkerPool(["benchmarks.bare_docling"], processes=processes, memory_mb=8_000, crashes=1)
        first = [_document(path, house) for path in house.documents(2 * processes)]
        for name in measured.bare:
            _read_bare(bare, first, name, threads)
        for _ in range(repeat):
            jobs = house.submit(count)
            documents = [_document(house.path_of(job), house) for job in jobs]
            for name, figures in measured.bare.items():
                figures.append(_per_minute(count, partial(_read_bare, bare, documents, name, threads)))
            measured.pipeline.append(_per_minute(count, house.planned_run(jobs, keys)))
            house.require_done(jobs)
        bare.close()
        processor.reader.interrupt()
    return measured


def _per_minute(count: int, go) -> float:
    started = time.monotonic()
    go()
    return 60 * count / (time.monotonic() - started)


def _document(path: Path, house: BenchHouse) -> Document:
    return recognise(path.read_bytes(), max_pages=house.settings.max_pages, max_pixels=house.settings.max_pixels)


def _read_bare(pool: WorkerPool, documents: Sequence[Document], yardstick: str, threads: int) -> None:
    """Handing bytes to a process costs milliseconds; a bare loop in each process would have the same work."""

    def read(document: Document) -> None:
        facts = {
            "call": "benchmarks.bare_docling:convert",
            "suffix": "pdf",
            "yardstick": yardstick,
            "threads": threads,
        }
        answer = pool.ask(Message(facts, document.content), timeout_s=_NO_LIMIT_S)
        assert answer.facts["pages"] == document.page_count

    with ThreadPoolExecutor(pool.processes) as asking:
        list(asking.map(read, documents))


def _table(measured: Sequence[Measured]) -> Table:
    table = Table(title="documents a minute (median)")
    for column in ("kind", "processes x threads", "yardstick", "bare Docling", "pipeline", "ratio", "bar"):
        table.add_column(column, justify="left" if column == "kind" else "right")
    for each in measured:
        pipeline = statistics.median(each.pipeline)
        for name, figures in each.bare.items():
            bare = statistics.median(figures)
            table.add_row(
                each.kind,
                f"{each.processes} x {each.threads}",
                name,
                f"{bare:.1f}",
                f"{pipeline:.1f}",
                f"{pipeline / bare:.2f}",
                f"{BAR:.2f}",
            )
    return table


if __name__ == "__main__":
    os.environ.setdefault("DAGSTER_EVENT_BATCH_SIZE", "500")
    assert Path("dagster.yaml").is_file(), "run it from the checkout"
    main()
