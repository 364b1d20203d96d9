"""`cira extract`: files to records in this process, no services needed."""

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
    # Loaded only now, so that wrong usage is told at once.
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
