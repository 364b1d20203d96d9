"""`cira extract`: reads, extracts and validates local files in this process, without services."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TextIO

import typer

from cira_pipeline.errors import ExportFailed, SourceNotFound
from cira_pipeline.jobs import Policy
from cira_pipeline.settings import load_settings

if TYPE_CHECKING:
    from cira_pipeline.pipeline.without_services import FileResult

SUFFIXES = frozenset({".pdf", ".png", ".jpg", ".jpeg", ".tif", ".tiff", ".xml"})


def extract(
    paths: Annotated[list[Path], typer.Argument(metavar="FILE|FOLDER...", help="Invoice files, or folders of them.")],
    jsonl: Annotated[bool, typer.Option("--jsonl", help="Print one JSON object per file instead of tables.")] = False,
    output: Annotated[Path | None, typer.Option(help="File to write; default: standard output.")] = None,
    policy: Annotated[Policy | None, typer.Option(help="Policy to use; default: CIRA_POLICY.")] = None,
    jobs: Annotated[int, typer.Option(min=1, max=64, help="Files processed concurrently, one per process.")] = 1,
) -> None:
    """Read, extract and validate files, without services; nothing is stored.

    With --jsonl one line per file, in the given order: file, status, fields, evidence, engine, verdict, findings,
    cost_usd, seconds. A file that fails has an error instead and does not stop the others; the exit status is then 1.
    """
    settings = load_settings()
    if policy is not None:
        settings = settings.model_copy(update={"policy": policy})
    files = list(_files(paths))
    if not files:
        folders = ", ".join(str(path) for path in paths)
        raise SourceNotFound(f"no invoices in {folders}: no file name there ends in {', '.join(sorted(SUFFIXES))}")
    # Imported here so that wrong usage is reported without delay.
    from cira_pipeline.pipeline.many_files import extracted

    failed = 0
    with _opened(output) as stream:
        for result in _with_progress(extracted(files, settings, jobs), len(files), stream):
            failed += result.error is not None
            if jsonl:
                print(result.model_dump_json(), file=stream, flush=True)
            else:
                _print_readably(result, stream)
    if failed:
        of = "the file" if len(files) == 1 else f"{failed} of {len(files)} files"
        typer.secho(f"Error: {of} could not be processed; the output shows why.", err=True, fg="red")
        raise typer.Exit(1)


def _files(paths: Sequence[Path]) -> Iterator[Path]:
    """The given files; for a folder, all files below it with a suffix of an invoice, sorted by path."""
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


def _with_progress(results: Iterator[FileResult], total: int, stream: TextIO) -> Iterator[FileResult]:
    """Shows a progress bar if standard error is a terminal and the results are not printed there."""
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
