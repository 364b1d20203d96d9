"""Writes the DoclingDocument of a reading as JSON, without building Docling's own objects.

Docling's own classes take some 40 ms for the hundred lines of an invoice, only to be serialised once and dropped.
tests/ocr/test_docling_json.py compares this output with theirs, byte by byte.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from docling_core.types.doc.common.origin import DocumentOrigin
from docling_core.types.doc.document import DoclingDocument
from pydantic_core import to_json

from cira_pipeline.ocr.lines import Rectangle

if TYPE_CHECKING:
    from cira_pipeline.ocr.pipeline import ReadDoclingPage

_BODY = {"cref": "#/body"}


def docling_json(pages: Sequence[ReadDoclingPage], filename: str, document_hash: str) -> bytes:
    """JSON with a text item for each line and a picture item for each picture of an upright page, as NativePdfPipeline.

    `document_hash`: Docling's own hash of the input document.
    """
    origin = DocumentOrigin.model_validate(
        {"mimetype": "application/pdf", "filename": filename, "binary_hash": document_hash}
    )
    document = DoclingDocument(name=PurePath(filename).stem, origin=origin).model_dump(mode="json")
    children, texts, pictures = document["body"]["children"], document["texts"], document["pictures"]
    for page in pages:
        height = page.read.height
        document["pages"][str(page.page_no)] = {
            "size": {"width": page.read.width, "height": height},
            "image": None,
            "page_no": page.page_no,
        }
        for line in page.lines:
            if line.text:
                left, top, right, bottom = line.box
                place = _place(page.page_no, (left, height - top, right, height - bottom), len(line.text))
                texts.append(_text(f"#/texts/{len(texts)}", line.text, place))
                children.append({"cref": texts[-1]["self_ref"]})
        for corners in _pictures(page):
            pictures.append(_picture(f"#/pictures/{len(pictures)}", _place(page.page_no, corners, 0)))
            children.append({"cref": pictures[-1]["self_ref"]})
    return to_json(document)


def _pictures(page: ReadDoclingPage) -> list[Rectangle]:
    """Left, top, right, bottom from the page's bottom left; none for a turned page, whose pictures were not."""
    if page.parsed_page is None or page.read.rotation:
        return []
    boxes = [bitmap.rect.to_bounding_box() for bitmap in page.parsed_page.bitmap_resources]
    return [(box.l, box.t, box.r, box.b) for box in boxes]


def _text(reference: str, text: str, place: dict[str, Any]) -> dict[str, Any]:
    return {
        "self_ref": reference,
        "parent": _BODY,
        "children": [],
        "content_layer": "body",
        "meta": None,
        "label": "text",
        "prov": [place],
        "orig": text,
        "text": text,
        "formatting": None,
        "hyperlink": None,
    }


def _picture(reference: str, place: dict[str, Any]) -> dict[str, Any]:
    return {
        "self_ref": reference,
        "parent": _BODY,
        "children": [],
        "content_layer": "body",
        "meta": None,
        "label": "picture",
        "prov": [place],
        "captions": [],
        "references": [],
        "footnotes": [],
        "image": None,
        "annotations": [],
    }


def _place(page: int, corners: Rectangle, characters: int) -> dict[str, Any]:
    """`corners`: left, top, right, bottom, from the page's bottom left as in Docling."""
    left, top, right, bottom = corners
    return {
        "page_no": page,
        "bbox": {"l": left, "t": top, "r": right, "b": bottom, "coord_origin": "BOTTOMLEFT"},
        "charspan": [0, characters],
    }
