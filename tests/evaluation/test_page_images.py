"""Pictures in the report of an evaluation are drawn where a hostile document costs no more than its own picture."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from cira_pipeline.evaluation.page_images import PagePictures
from cira_pipeline.models import Page
from cira_pipeline.sandbox.pool import WorkerPool
from tests.orchestration.invoice_pdf import invoice_pdf


@pytest.fixture
def pool() -> Iterator[WorkerPool]:
    pool = WorkerPool(["cira_pipeline.evaluation.page_images"], processes=1, memory_mb=600, crashes=1)
    yield pool
    pool.close()


def page(number: int = 1, rotation: int = 0) -> Page:
    return Page(number=number, width=595, height=842, source="native", rotation=rotation)


def picture(url: str | None) -> Image.Image:
    assert url is not None
    kind, _, content = url.partition(",")
    assert kind == "data:image/jpeg;base64"
    return Image.open(BytesIO(base64.b64decode(content)))


def test_pages_of_pdfs_and_frames_of_pictures_are_shown_as_they_were_read(pool: WorkerPool, tmp_path: Path) -> None:
    pictures = PagePictures(pool, timeout_s=30)
    pdf, tiff = tmp_path / "invoice.pdf", tmp_path / "scan.tiff"
    pdf.write_bytes(invoice_pdf("SHOWN-1"))
    Image.new("L", (400, 300)).save(tiff, save_all=True, append_images=[Image.new("L", (2_000, 500))])

    upright, turned = picture(pictures.data_url(pdf, page())), picture(pictures.data_url(pdf, page(rotation=90)))
    assert upright.height > upright.width
    assert turned.size == upright.size[::-1]
    assert picture(pictures.data_url(tiff, page(2))).size == (1_200, 300)
    assert picture(pictures.data_url(tiff, page(2, rotation=270))).size == (300, 1_200)


@pytest.mark.parametrize("content", [b"crash", b"swell"])
def test_a_document_that_ends_the_drawing_costs_its_own_picture_only(
    pool: WorkerPool, tmp_path: Path, content: bytes
) -> None:
    hostile, other = tmp_path / "hostile.pdf", tmp_path / "other.pdf"
    hostile.write_bytes(content)
    other.write_bytes(invoice_pdf("SHOWN-2"))
    assert PagePictures(pool, timeout_s=30, call="tests.sandbox.poison:act").data_url(hostile, page()) is None
    assert PagePictures(pool, timeout_s=30).data_url(hostile, page()) is None
    assert PagePictures(pool, timeout_s=30).data_url(other, page(9)) is None
    assert picture(PagePictures(pool, timeout_s=30).data_url(other, page()))
