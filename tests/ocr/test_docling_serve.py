"""Reading with a docling-serve, and what becomes of its failures."""

from __future__ import annotations

import socket
from typing import Any

import pytest
from docling_core.types.doc.base import Size
from docling_core.types.doc.document import DoclingDocument

from cira_pipeline.errors import (
    CiraError,
    CircuitOpen,
    ConfigurationError,
    ReaderUnavailable,
    ReadingFailed,
    ReadingTimedOut,
)
from cira_pipeline.models import MediaType
from cira_pipeline.ocr.docling_serve import DoclingServeReader
from cira_pipeline.ocr.isolated import IsolatedReader
from cira_pipeline.ocr.open_reader import reader_from_settings
from cira_pipeline.resilience.breaker import Breaker
from cira_pipeline.settings import Settings
from tests.ocr.papers import document, encoded, pdf, print_invoice, scan, texts
from tests.ocr.serve_standin import (
    Answer,
    Standin,
    answered,
    converted,
    docling_serve,
    invoice_document,
    task,
)

PAPER = document(pdf(print_invoice, print_invoice), page_count=2)


def reader_of(standin: Standin, breaker: Breaker | None = None, attempts: int = 1, **more: Any) -> DoclingServeReader:
    settings = Settings(_env_file=None, reader="docling_serve", docling_serve_url=standin.url, **more)
    return DoclingServeReader(settings, breaker, attempts=attempts)


def error_of(paper: Any = PAPER, **answers: Any) -> CiraError:
    with docling_serve(**answers) as standin, pytest.raises(CiraError) as caught:
        reader_of(standin).read(paper)
    return caught.value


def test_a_document_is_read_by_the_server() -> None:
    with docling_serve() as standin:
        reader = reader_of(standin, docling_serve_api_key="secret")
        result = reader.read(PAPER)
    assert texts(result.reading) == [
        "Rechnung  Nr. 2024-0017",
        "Leistung",
        "Betrag",
        "Wartung",
        "1.107,00",
        "USt-IdNr. DE136695976",
    ]
    assert [page.source for page in result.reading.pages] == ["native", "empty"]
    heading, amount = result.reading.lines[0], result.reading.lines[4]
    assert (heading.box.left, heading.box.top, heading.box.right, heading.box.bottom) == (50, 80, 250, 100)
    assert (amount.box.left, amount.box.top) == (250, 220)
    assert DoclingDocument.model_validate_json(result.docling_json) == invoice_document()
    assert (result.reading.reader, result.reading.reader_version) == ("docling_serve", reader.version)


def test_the_server_gets_the_file_the_key_and_the_wish_for_json() -> None:
    with docling_serve() as standin:
        reader_of(standin, docling_serve_api_key="secret").read(PAPER)
    submitted = standin.requests[0]
    assert PAPER.content in submitted.body
    assert f'filename="{PAPER.sha256}.pdf"'.encode() in submitted.body
    assert b'name="to_formats"\r\n\r\njson' in submitted.body
    assert {request.headers["X-Api-Key"] for request in standin.requests} == {"secret"}
    assert [request.path.partition("?")[0] for request in standin.requests[1:]] == [
        "/v1/status/poll/7f3c",
        "/v1/status/poll/7f3c",
        "/v1/result/7f3c",
    ]


def test_boxes_on_a_picture_are_in_its_pixels() -> None:
    """Docling measures pictures in points of the resolution they claim."""
    picture = scan(dpi=250)
    read = invoice_document()
    del read.pages[2]
    read.pages[1].size = Size(width=picture.width / 2, height=picture.height / 2)
    paper = document(encoded(picture, "PNG", dpi=(144, 144)), MediaType.PNG)
    with docling_serve(result=converted(read)) as standin:
        reading = reader_of(standin).read(paper).reading
    assert (reading.pages[0].width, reading.pages[0].height) == picture.size
    assert reading.lines[0].box.left == pytest.approx(100)


def test_what_the_server_read_by_ocr_says_how_sure_it_is() -> None:
    confidence = {"pages": {"1": {"ocr_score": 0.91}, "2": {"ocr_score": None}}}
    with docling_serve(result=converted(invoice_document(), confidence=confidence)) as standin:
        reading = reader_of(standin).read(PAPER).reading
    assert reading.pages[0].source == "ocr"
    assert {line.confidence for line in reading.lines} == {0.91}


def test_xml_is_not_sent_away() -> None:
    with docling_serve() as standin:
        reading = reader_of(standin).read(document(b"<Invoice/>", MediaType.XML, page_count=0)).reading
    assert (reading.pages, reading.lines, standin.requests) == ((), (), [])


@pytest.mark.parametrize("step", ["submit", "poll", "result"])
@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_failure_of_the_server_may_be_retried(step: str, status: int) -> None:
    error = error_of(**{step: answered(status, detail="busy")})
    assert isinstance(error, ReaderUnavailable)
    assert str(status) in error.message


@pytest.mark.parametrize("step", ["poll", "result"])
def test_a_task_the_server_has_forgotten_may_be_retried(step: str) -> None:
    assert isinstance(error_of(**{step: answered(404, detail="Task not found.")}), ReaderUnavailable)


@pytest.mark.parametrize("content", [b"<html>Bad gateway</html>", b"[]", b'{"task_id": 7}', b""])
def test_an_answer_that_is_not_docling_serves_may_be_retried(content: bytes) -> None:
    assert isinstance(error_of(submit=(200, content, {})), ReaderUnavailable)


def test_a_server_that_is_not_there_may_be_retried() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        standin = Standin({}, url=f"http://127.0.0.1:{unused.getsockname()[1]}")
        with pytest.raises(ReaderUnavailable, match="does not answer"):
            reader_of(standin).read(PAPER)


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_key_says_which_setting_to_correct(status: int) -> None:
    error = error_of(submit=answered(status, detail="Unauthorized"))
    assert isinstance(error, ConfigurationError)
    assert "CIRA_DOCLING_SERVE_API_KEY" in error.message


@pytest.mark.parametrize("answer", [answered(404), (302, b"", {"Location": "http://203.0.113.9/v1"})])
def test_a_wrong_address_says_which_setting_to_correct_and_the_key_goes_nowhere_else(answer: Answer) -> None:
    error = error_of(submit=answer)
    assert isinstance(error, ConfigurationError)
    assert "CIRA_DOCLING_SERVE_URL" in error.message


@pytest.mark.parametrize("status", [400, 413, 422])
def test_a_document_the_server_refuses_is_not_sent_again(status: int) -> None:
    error = error_of(submit=answered(status, detail="no"))
    assert isinstance(error, ReadingFailed)
    assert not error.retryable


@pytest.mark.parametrize("status", ["partial_success", "failure", "skipped"])
def test_a_document_read_in_part_is_not_taken_for_the_whole(status: str) -> None:
    errors = [{"component_type": "pipeline", "module_name": "x", "error_message": "page 2 is broken"}]
    error = error_of(result=converted(invoice_document(), status, errors=errors))
    assert isinstance(error, ReadingFailed)
    assert "page 2 is broken" in error.message


def test_pages_that_are_missing_without_a_word_are_noticed() -> None:
    read = invoice_document()
    del read.pages[2]
    error = error_of(result=converted(read))
    assert isinstance(error, ReadingFailed)
    assert "1 of 2 pages" in error.message


def test_a_document_of_a_schema_nobody_knows_fails() -> None:
    assert isinstance(error_of(result=converted({"schema_name": "Other"})), ReadingFailed)
    assert isinstance(error_of(result=converted(None)), ReadingFailed)


@pytest.mark.parametrize(
    ("failure", "expected"),
    [
        ({"category": "timeout", "message": "too slow", "retryable": True}, ReadingTimedOut),
        ({"category": "unknown", "message": "worker lost", "retryable": True}, ReaderUnavailable),
        ({"category": "backend_failure", "message": "no PDF", "retryable": False}, ReadingFailed),
    ],
)
def test_a_failed_task_ends_as_its_server_says(failure: dict[str, Any], expected: type[CiraError]) -> None:
    at_poll = error_of(poll=task("failure", failure=failure))
    at_result = error_of(result=answered(kind="TaskFailureResult", failure=failure))
    assert {type(at_poll), type(at_result)} == {expected}
    assert failure["message"] in at_poll.message


def test_a_server_that_ran_out_of_time_may_be_retried() -> None:
    errors = [{"category": "timeout", "error_message": "exceeded 300 s"}]
    assert isinstance(error_of(result=converted(invoice_document(), "partial_success", errors=errors)), ReadingTimedOut)


def test_waiting_ends_when_the_document_has_had_its_time() -> None:
    with docling_serve(poll=task("started")) as standin, pytest.raises(ReadingTimedOut):
        reader_of(standin, reading_timeout_s=0.3).read(PAPER)


def test_a_passing_failure_is_tried_again_by_itself() -> None:
    busy = (503, b'{"detail": "busy"}', {"Retry-After": "0"})
    with docling_serve(submit=[busy, task("pending")]) as standin:
        assert reader_of(standin, attempts=3).read(PAPER).reading.lines
    assert sum(request.method == "POST" for request in standin.requests) == 2


def test_a_server_that_keeps_failing_is_left_alone() -> None:
    breaker = Breaker("docling_serve", fail_max=2, reset_timeout_s=60)
    with docling_serve(submit=answered(500)) as standin:
        reader = reader_of(standin, breaker)
        for expected in (ReaderUnavailable, ReaderUnavailable, CircuitOpen):
            with pytest.raises(expected):
                reader.read(PAPER)
    assert len(standin.requests) == 2


def test_refused_documents_do_not_cut_others_off() -> None:
    breaker = Breaker("docling_serve", fail_max=1, reset_timeout_s=60)
    with docling_serve(submit=[answered(422), task("pending")]) as standin:
        reader = reader_of(standin, breaker)
        with pytest.raises(ReadingFailed):
            reader.read(PAPER)
        assert reader.read(PAPER).reading.lines


def test_the_settings_choose_the_reader() -> None:
    assert isinstance(reader_from_settings(Settings(_env_file=None)), IsolatedReader)
    chosen = Settings(_env_file=None, reader="docling_serve", docling_serve_url="http://127.0.0.1:9")
    assert isinstance(reader_from_settings(chosen), DoclingServeReader)
    with pytest.raises(ConfigurationError, match="CIRA_DOCLING_SERVE_URL"):
        reader_from_settings(Settings(_env_file=None, reader="docling_serve"))


def test_an_upgraded_server_reads_documents_anew() -> None:
    standin = Standin({}, url="http://127.0.0.1:9")
    assert reader_of(standin).version != reader_of(standin, docling_serve_release="1.31").version
