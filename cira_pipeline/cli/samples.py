"""`cira samples`: generates labelled sample invoices for measuring and training."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from cira_pipeline.errors import ExportFailed

if TYPE_CHECKING:
    from cira_pipeline.samples.generator import LabelledDocument, LabelledKind, Order

LABELS_FILE = "labels.jsonl"


class Kind(StrEnum):
    PDF_TEXT = "pdf-text"
    PDF_SCAN = "pdf-scan"
    HYBRID_PDF = "hybrid-pdf"
    IMAGE = "image"
    XML = "xml"


PRINTED = (Kind.PDF_TEXT, Kind.PDF_SCAN)
"""Kinds of documents in the habits of a country."""


class Country(StrEnum):
    AU = "AU"
    CA = "CA"
    CH = "CH"
    ES = "ES"
    GB = "GB"
    IN = "IN"
    SE = "SE"
    US = "US"


class Layouts(StrEnum):
    TRAIN = "train"
    TEST = "test"
    ALL = "all"


def samples(
    out: Annotated[Path, typer.Argument(metavar="OUT", help="Folder to write to; created if missing.")],
    count: Annotated[int, typer.Option(min=1, help="Number of documents.")] = 100,
    seed: Annotated[int, typer.Option(min=0, help="Random seed; each seed gives other documents.")] = 1,
    layouts: Annotated[Layouts, typer.Option(help="Layouts to use: train, test or all.")] = Layouts.ALL,
    kinds: Annotated[str, typer.Option(help=f"Comma-separated kinds: {', '.join(Kind)}; default: a mixture.")] = "",
    countries: Annotated[
        str,
        typer.Option(
            help="Comma-separated countries (ISO 3166-1) whose taxes, ids, accounts and references the invoices state: "
            f"{', '.join(Country)}; default: VAT and IBAN of twelve European countries."
        ),
    ] = "",
    jobs: Annotated[int, typer.Option(min=1, max=64, help="Documents generated concurrently, one per process.")] = 1,
) -> None:
    """Generate labelled invoices in OUT/documents/ and OUT/labels.jsonl.

    Layouts, languages, suppliers, goods and dates vary; the labels are the values shown on the page. Each layout
    belongs permanently to the training or the test set, so what was learned on one can be measured on the other. The
    same seed gives the same documents.
    """
    from rich.console import Console
    from rich.progress import track

    from cira_pipeline.samples.generator import Order

    order = Order(seed, layouts.value, _kinds(kinds), _countries(countries))
    if order.countries and not set(order.kinds) <= set(PRINTED):
        raise typer.BadParameter(f"with --countries the kinds are {', '.join(PRINTED)}")
    documents = out / "documents"
    try:
        documents.mkdir(parents=True, exist_ok=True)
        with (out / LABELS_FILE).open("w", encoding="utf-8") as labels:
            made = track(
                _made(order, count, jobs), "Generating", total=count, console=Console(stderr=True), transient=True
            )
            for document in made:
                (documents / document.name).write_bytes(document.content)
                labels.write(json.dumps(document.row, ensure_ascii=False) + "\n")
    except OSError as error:
        raise ExportFailed(f"{error.filename or out} cannot be written: {error.strerror}") from error
    typer.echo(f"{count} documents written to {documents}, their labels to {out / LABELS_FILE}")


def _kinds(given: str) -> tuple[LabelledKind, ...]:
    return cast("tuple[LabelledKind, ...]", _named(given, "kind", Kind))


def _countries(given: str) -> tuple[str, ...]:
    return _named(given.upper(), "country", Country)


def _named(given: str, what: str, known: type[StrEnum]) -> tuple[str, ...]:
    names = tuple(name.strip() for name in given.split(",") if name.strip())
    unknown = [name for name in names if name not in list(known)]
    if unknown:
        raise typer.BadParameter(f"unknown {what} {', '.join(unknown)}; expected {', '.join(known)}")
    return names


def _made(order: Order, count: int, jobs: int) -> Iterator[LabelledDocument]:
    from cira_pipeline.samples.generator import labelled_document

    make = partial(labelled_document, order)
    if jobs == 1:
        yield from map(make, range(count))
        return
    with ProcessPoolExecutor(min(jobs, count)) as pool:
        yield from pool.map(make, range(count), chunksize=4)
