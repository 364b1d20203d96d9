"""Extracts many files in parallel: each of several processes has an extractor of its own."""

from __future__ import annotations

import multiprocessing
import signal
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from pathlib import Path

from cira_pipeline.pipeline.without_services import Extractor, FileResult
from cira_pipeline.sandbox.processors import processors
from cira_pipeline.settings import Settings

# Files handed to the processes ahead of their results: a slow file delays the others only after this many.
AHEAD = 16

Opening = Callable[[Settings], Extractor]
"""Creates the extractor of a process; must be picklable."""


def extracted(
    files: Sequence[Path], settings: Settings, jobs: int, *, opening: Opening = Extractor
) -> Iterator[FileResult]:
    """Results in the order of `files`, from `jobs` processes; ending the iteration ends the processes at once."""
    if jobs == 1 or len(files) < 2:
        yield from map(opening(settings).extract, files)
        return
    # Each process has one reading process, and they share the processors.
    threads = settings.ocr_threads or processors()
    settings = settings.model_copy(update={"reading_processes": 1, "ocr_threads": max(1, threads // jobs)})
    yield from _in_processes(files, settings, min(jobs, len(files)), opening)


def _in_processes(files: Sequence[Path], settings: Settings, jobs: int, opening: Opening) -> Iterator[FileResult]:
    pool = ProcessPoolExecutor(jobs, initializer=_prepare_worker, initargs=(settings, opening))
    ahead: deque[Future[FileResult]] = deque()
    try:
        for path in files:
            ahead.append(pool.submit(_extract_in_worker, path))
            if len(ahead) > AHEAD * jobs:
                yield ahead.popleft().result()
        while ahead:
            yield ahead.popleft().result()
    except BaseException:
        for worker in multiprocessing.active_children():
            worker.terminate()
        raise
    finally:
        pool.shutdown()


_worker_extractor: Extractor


def _prepare_worker(settings: Settings, opening: Opening) -> None:
    # Ctrl-C reaches every process of the terminal; the command itself ends its workers.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    global _worker_extractor
    _worker_extractor = opening(settings)


def _extract_in_worker(path: Path) -> FileResult:
    return _worker_extractor.extract(path)
