from __future__ import annotations

import json

import pytest
from sqlalchemy import text

from cira_pipeline.db.documents.readings import ReadingRepository
from cira_pipeline.models import Box, Line, Page, Reading, Word
from tests.db.invoices import document

_BOX = Box(left=1.5, top=2, right=30.25, bottom=12)


def _reading(**fields) -> Reading:
    return Reading(
        **{
            "reader": "docling",
            "reader_version": "2.142.1+rapidocr/3",
            "pages": (
                Page(number=1, width=595, height=842, source="native"),
                Page(number=2, width=1240, height=1754, source="ocr", rotation=90),
            ),
            "lines": (
                Line(number=1, page=1, text="Rechnung Nr. 1\x00€", box=_BOX, confidence=1),
                Line(number=2, page=2, text="119,00", box=_BOX, confidence=0.5, words=(Word(text="119,00", box=_BOX),)),
            ),
            "seconds": 0.25,
            **fields,
        }
    )


@pytest.fixture
def readings(database, objects):
    return ReadingRepository(database, objects)


@pytest.fixture
def sha256(documents):
    documents.put(document())
    return document().sha256


def test_a_reading_comes_back_as_it_was(readings, sha256):
    readings.put(sha256, _reading(), b"{}")
    assert readings.get(sha256, "docling", "2.142.1+rapidocr/3") == _reading()


def test_another_reader_or_version_reads_again(readings, sha256):
    readings.put(sha256, _reading(), b"{}")
    assert readings.get(sha256, "docling", "2.143.0") is None
    assert readings.get(sha256, "docling_serve", "2.142.1+rapidocr/3") is None


def test_the_docling_document_and_the_figures_are_kept(readings, sha256, database, objects):
    readings.put(sha256, _reading(), b'{"schema_name": "DoclingDocument"}')
    with database.begin() as connection:
        row = connection.execute(text("SELECT * FROM cira.readings")).one()
    assert (row.page_count, row.ocr_page_count, row.line_count, row.mean_confidence, row.seconds) == (
        2,
        1,
        2,
        0.75,
        0.25,
    )
    assert json.loads(objects.get(row.docling_key)) == {"schema_name": "DoclingDocument"}


def test_xml_without_pages_is_read_too(readings, sha256):
    empty = _reading(pages=(), lines=())
    readings.put(sha256, empty, b"{}")
    assert readings.get(sha256, empty.reader, empty.reader_version) == empty


def test_reading_twice_keeps_the_newer(readings, sha256):
    readings.put(sha256, _reading(), b"{}")
    readings.put(sha256, _reading(lines=()), b"{}")
    assert readings.get(sha256, "docling", "2.142.1+rapidocr/3").lines == ()


@pytest.mark.parametrize("damage", ["lost", "cut off"])
def test_a_reading_the_object_store_lost_is_made_again(readings, sha256, database, objects, damage):
    readings.put(sha256, _reading(), b"{}")
    with database.begin() as connection:
        key = connection.scalar(text("SELECT reading_key FROM cira.readings"))
    if damage == "lost":
        objects.delete(key)
    else:
        objects.put(key, objects.get(key)[:40])
    assert readings.get(sha256, "docling", "2.142.1+rapidocr/3") is None


def test_an_erased_reading_is_gone(readings, sha256, database):
    readings.put(sha256, _reading(), b"{}")
    with database.begin() as connection:
        connection.execute(text("DELETE FROM cira.readings"))
    assert readings.get(sha256, "docling", "2.142.1+rapidocr/3") is None
    assert readings.latest(sha256) is None
