"""Generates a company's mix of documents: text PDFs, e-invoices, hybrids, scans, photos, copies, other files."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any

from cira_pipeline.samples.generator import LabelledKind, Order, labelled_document
from cira_pipeline.samples.sample import label_of
from tests.intake.documents import pdf_with_password

_MIX: Sequence[LabelledKind | str] = (
    *("pdf-text", "xml", "pdf-text", "hybrid-pdf", "hopeless", "pdf-text", "xml", "pdf-text", "copy", "hybrid-pdf"),
    *("pdf-text", "xml", "pdf-text", "hybrid-pdf", "hopeless", "pdf-text", "xml", "pdf-text", "pdf-scan", "xml"),
    *("pdf-text", "xml", "pdf-text", "hybrid-pdf", "hopeless", "pdf-text", "xml", "pdf-text", "copy", "image"),
)
_KINDS: Sequence[LabelledKind] = ("pdf-text", "xml", "hybrid-pdf", "pdf-scan", "image")


@dataclass(frozen=True)
class MixedDocument:
    """`label`: values on its pages, `None` for a file that is not an invoice. A copy has the bytes of another one."""

    name: str
    kind: str
    content: bytes
    label: Mapping[str, Any] | None

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()


def mixed_documents(count: int, *, seed: int) -> list[MixedDocument]:
    """The first `count` documents; each `seed` has invoices of its own."""
    made: list[MixedDocument] = []
    for number in range(count):
        kind = _MIX[number % len(_MIX)]
        if kind == "hopeless":
            made.append(_hopeless(number, seed))
        elif kind == "copy":
            original = next(each for each in reversed(made) if each.kind == "pdf-text")
            made.append(MixedDocument(f"{number:04}-copy.pdf", "copy", original.content, original.label))
        else:
            index = _KINDS.index(kind)  # type: ignore[arg-type]
            document = labelled_document(Order(seed=seed + index, kinds=(_KINDS[index],)), number)
            suffix = document.name.rpartition(".")[2]
            made.append(MixedDocument(f"{number:04}-{kind}.{suffix}", kind, document.content, label_of(document.truth)))
    return made


def endless_documents(*, seed: int, portion: int = 60) -> Iterator[MixedDocument]:
    """Ever new documents in the same mix."""
    while True:
        yield from mixed_documents(portion, seed=seed)
        seed += len(_KINDS)


def _hopeless(number: int, seed: int) -> MixedDocument:
    """Of each kind that a client sends by mistake one in turn; no two have the same bytes."""
    whole = labelled_document(Order(seed=seed, kinds=("pdf-text",)), number).content
    mark = f"{seed}/{number}".encode()
    files = (
        ("cut.pdf", whole[: len(whole) // 3] + mark),
        ("page.html", b"<!doctype html><html><body><h1>Please sign in</h1>" + mark + b"</body></html>"),
        ("locked.pdf", pdf_with_password(f"secret {number}") + b"\n%" + mark),
        ("letter.xml", b'<?xml version="1.0"?><letter>' + mark + b"</letter>"),
        ("empty.pdf", b""),
        ("many.zip", _archive(mark)),
        ("broken.xml", b'<?xml version="1.0"?><Invoice><open>' + mark),
    )
    name, content = files[number // 10 % len(files)]
    return MixedDocument(f"{number:04}-{name}", "hopeless", content, None)


def _archive(content: bytes) -> bytes:
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("invoice.txt", content)
    return buffer.getvalue()
