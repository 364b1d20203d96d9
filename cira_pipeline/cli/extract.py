"""`cira extract`: files to records in this process, no services needed."""

from __future__ import annotations

import multiprocessing
import signal
import sys
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TextIO

import typer

from cira_pipeline.errors import ExportFailed, SourceNotFound
from cira_pipeline.settings import Policy, Settings, load_settings

if TYPE_CHECKING:
    from cira_pipeline.processing.without_services import Extractor, FileResult

# Files given to each process before their turn: a slow one holds the others up only after so many.
AHEAD = 16
SUFFIXES = frozenset({".pdf", ".png", ".jpg", ".jpeg", ".tif", ".tiff", ".xml"})


def extract(
    paths: Annotated[list[Path], typer.Argument(metavar="FILE|FOLDER...", help="Invoices, or folders of them.")],
    jsonl: Annotated[bool, typer.Option("--jsonl", help="One JSON object a line instead of a table.")] = False,
    output: Annotated[Path | None, typer.Option(help="Write there instead of to standard output.")] = None,
    policy: Annotated[Policy | None, typer.Option(help="Engines to use; as configured if not given.")] = None,
    jobs: Annotated[int, typer.Option(min=1, max=64, help="Files worked on at once, each in a process.")] = 1,
) -> None:
    """Read, extract and validate files; needs no services and keeps nothing.

    One line a file, in the order given: file, status, fields, evidence, engine, verdict, findings, cost_usd, seconds. A
    file that fails is a line with its error, and the others go on; the exit status is then 1.
    """
    settings = load_settings()
    if policy is not None:
        settings = settings.model_copy(update={"policy": policy})
    files = list(_files(paths))
    if not files:
        folders = ", ".join(str(path) for path in paths)
        raise SourceNotFound(f"no invoices in {folders}: no file there ends in {', '.join(sorted(SUFFIXES))}")
    failed = 0
    with _opened(output) as stream:
        for result in _with_progress(_results(files, settings, jobs), len(files), stream):
            failed += result.error is not None
            if jsonl:
                print(result.model_dump_json(), file=stream, flush=True)
            else:
                _print_readably(result, stream)
    if failed:
        of = "the file" if len(files) == 1 else f"{failed} of {len(files)} files"
        typer.secho(f"Error: {of} could not be processed; the output says why.", err=True, fg="red")
        raise typer.Exit(1)


def _files(paths: Sequence[Path]) -> Iterator[Path]:
    """The files as given; of a folder, the ones below it whose names look like invoices, by name."""
    for path in paths:
        if path.is_dir():
            yield from sorted(each for each in path.rglob("*") if each.suffix.lower() in SUFFIXES and each.is_file())
        else:
            yield path


@contextmanager
def _opened(output: Path | None) -> Iterator[TextIO]:
    if output is None:
        yield sys.stdout
        return
    try:
        stream = output.open("w", encoding="utf-8")
    except OSError as error:
        raise ExportFailed(f"{output} cannot be written: {error.strerror}", path=str(output)) from error
    with stream:
        yield stream


def _results(files: Sequence[Path], settings: Settings, jobs: int) -> Iterator[FileResult]:
    if jobs == 1 or len(files) < 2:
        from cira_pipeline.processing.without_services import Extractor

        extractor = Extractor(settings)
        yield from map(extractor.extract, files)
        return
    # Processes share the cores: each takes its part of the threads that OCR would use.
    settings = settings.model_copy(update={"ocr_threads": max(1, settings.ocr_threads // jobs)})
    yield from _in_processes(files, settings, min(jobs, len(files)))


def _in_processes(files: Sequence[Path], settings: Settings, jobs: int) -> Iterator[FileResult]:
    """The results in the order of the files; whatever ends the iteration ends the processes at once."""
    pool = ProcessPoolExecutor(jobs, initializer=_prepare_worker, initargs=(settings,))
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


def _prepare_worker(settings: Settings) -> None:
    from cira_pipeline.processing.without_services import Extractor

    # Ctrl-C reaches every process of the terminal; the command itself ends its workers.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    global _worker_extractor
    _worker_extractor = Extractor(settings)


def _extract_in_worker(path: Path) -> FileResult:
    return _worker_extractor.extract(path)


def _with_progress(results: Iterator[FileResult], total: int, stream: TextIO) -> Iterator[FileResult]:
    """A bar on standard error where a person looks at it, unless the results appear there themselves."""
    if not sys.stderr.isatty() or stream.isatty() or total < 2:
        yield from results
        return
    from rich.progress import track

    from cira_pipeline.cli.screen import progress_console

    yield from track(results, total=total, description="Extracting", console=progress_console(), transient=True)


def _print_readably(result: FileResult, stream: TextIO) -> None:
    from cira_pipeline.cli.record_view import extracted_file_view
    from cira_pipeline.cli.screen import screen

    screen(stream).print(extracted_file_view(result))
