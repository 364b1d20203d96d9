"""export, labels and extract: files that go out and come in."""

from __future__ import annotations

import csv
import io
import json
import os
import pty
import signal
import subprocess
import time
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from sqlalchemy import text

from cira_pipeline.db.records.labels import LabelRepository
from tests.db.invoices import invoice, record
from tests.extraction.einvoice.documents import CII
from tests.orchestration.invoice_pdf import invoice_pdf


def test_export_writes_the_same_rows_in_every_format(cira, finished) -> None:
    jobs = [finished(f"{n}.pdf", record(invoice(invoice_number=f"RE-{n}"))) for n in range(3)]
    as_csv = cira("export")
    assert (as_csv.status, as_csv.stderr) == (0, "")
    assert [row["job_id"] for row in csv.DictReader(io.StringIO(as_csv.stdout))] == jobs
    as_json = [json.loads(line) for line in cira("export", "--format", "jsonl").stdout.splitlines()]
    assert [(row["job_id"], row["gross_total"]) for row in as_json] == [(job, "119.00") for job in jobs]

    to_file = cira("export", "--format", "parquet", "--output", "invoices.parquet")
    assert (to_file.stdout, to_file.stderr) == ("", "3 rows in invoices.parquet.\n")
    table = pq.read_table(cira.folder / "invoices.parquet")
    assert table["gross_total"].to_pylist() == [Decimal("119.00")] * 3


def test_export_takes_only_what_was_asked_for(cira, finished, database) -> None:
    old, new = finished("old.pdf"), finished("new.pdf", record(invoice(invoice_number="2")), client="anna")
    with database.begin() as connection:
        connection.execute(
            text("UPDATE cira.records SET updated_at = :at WHERE job_id = :job"),
            {"at": datetime(2026, 1, 31, 23, 59, 59, tzinfo=UTC), "job": old},
        )

    def exported(*arguments: str) -> list[str]:
        return [
            json.loads(line)["job_id"] for line in cira("export", "--format", "jsonl", *arguments).stdout.splitlines()
        ]

    assert exported("--since", "2026-02-01") == [new]
    assert exported("--since", "2026-01-31T23:59:59") == [old, new]
    assert exported("--client", "anna") == [new]
    assert exported("--view", "invoice_lines") == [old, old, new, new]


def test_export_that_cannot_be_written_says_where(cira) -> None:
    answer = cira("export", "--output", "no/such/folder.csv")
    assert answer.status == 1
    assert "no/such/folder.csv cannot be written: No such file or directory [export_failed]" in answer.stderr


@pytest.mark.parametrize("file_format", ["csv", "jsonl", "parquet"])
def test_a_reader_that_stops_early_ends_the_export_quietly(cira, finished, file_format) -> None:
    finished()
    reader, writer = os.pipe()
    os.close(reader)
    ended = cira.process("export", "--format", file_format, stdout=writer, stderr=subprocess.PIPE)
    os.close(writer)
    assert ended.communicate(timeout=120)[1] == b""
    assert ended.returncode == 1


def test_at_a_terminal_rows_fit_into_100_columns_and_ids_stay_whole(cira, finished, failed) -> None:
    jobs = [finished("a-file-with-quite-a-long-name-of-its-own-2026-11.pdf"), failed()]
    ours, theirs = pty.openpty()
    cira.monkeypatch.setenv("COLUMNS", "100")
    cira.monkeypatch.setenv("NO_COLOR", "1")
    cira.monkeypatch.setenv("TERM", "dumb")
    running = cira.process("status", stdout=theirs, stderr=theirs, stdin=subprocess.DEVNULL)
    ended = running.wait(120)
    lines = os.read(ours, 65_536).decode().replace("\r", "").splitlines()
    assert ended == 0, lines
    os.close(ours)
    os.close(theirs)
    assert max(map(len, lines)) <= 100
    assert [line.split()[0] for line in lines[3:]] == jobs[::-1]
    assert [line[:24] for line in lines[3:]] == [job[:24] for job in jobs[::-1]]


def test_labels_are_loaded_and_replace_earlier_ones(cira, database) -> None:
    sha256 = "a" * 64
    labels = cira.folder / "labels.jsonl"
    for total, said in (("1.00", "1 label loaded.\n"), ("2.00", "1 label loaded.\n")):
        labels.write_text(json.dumps({"sha256": sha256, "fields": {"gross_total": total}}) + "\n\n")
        answer = cira("labels", "load", str(labels))
        assert (answer.status, answer.stdout, answer.stderr) == (0, said, "")
        assert LabelRepository(database).get(sha256) == {"gross_total": total}


@pytest.mark.parametrize(
    "line",
    [
        "{",
        "[]",
        '{"fields": {"gross_total": "1.00"}}',
        '{"sha256": "xyz", "fields": {"gross_total": "1.00"}}',
        '{"file": "missing.pdf", "fields": {"gross_total": "1.00"}}',
        '{"sha256": "%s"}' % ("b" * 64),
        '{"sha256": "%s", "fields": {"total": "1.00"}}' % ("b" * 64),
        '{"sha256": "%s", "fields": {"gross_total": "one"}}' % ("b" * 64),
        '{"sha256": "%s", "fields": {"issue_date": "31.12.2026"}}' % ("b" * 64),
    ],
)
def test_a_bad_label_is_one_line_with_its_number_and_none_is_loaded(cira, database, line) -> None:
    good = json.dumps({"sha256": "a" * 64, "fields": {"gross_total": "1.00"}})
    (cira.folder / "labels.jsonl").write_text(f"{good}\n{line}\n")
    answer = cira("labels", "load", "labels.jsonl")
    assert (answer.status, answer.stdout) == (1, "")
    error, hint = answer.stderr.splitlines()
    assert error.endswith("[labels_invalid]")
    assert ":2" in error or "line 2" in error, error
    assert "docs/labels.md" in hint
    assert LabelRepository(database).get("a" * 64) is None


def test_labels_that_are_not_there_are_no_stack_trace(cira) -> None:
    answer = cira("labels", "load", "nowhere.jsonl")
    assert answer.status == 1
    assert len(answer.stderr.splitlines()) == 2
    assert "nowhere.jsonl" in answer.stderr


@pytest.fixture
def folder(without_services) -> Path:
    """Two invoices, a broken one between them, and a file that is none."""
    folder = without_services.folder / "invoices"
    (folder / "below").mkdir(parents=True)
    (folder / "a.xml").write_bytes(CII.encode())
    (folder / "b.pdf").write_bytes(b"%PDF-1.7 cut off")
    (folder / "below" / "c.PDF").write_bytes(invoice_pdf("INV-7"))
    (folder / "notes.txt").write_text("not an invoice")
    return folder


def test_extract_of_a_folder_is_a_line_a_file_and_a_broken_one_stops_no_other(without_services, folder) -> None:
    answer = without_services("extract", "--jsonl", "invoices", "missing.pdf")
    lines = [json.loads(line) for line in answer.stdout.splitlines()]
    assert answer.status == 1
    assert [line["file"] for line in lines] == [
        "invoices/a.xml",
        "invoices/b.pdf",
        "invoices/below/c.PDF",
        "missing.pdf",
    ]
    assert [(line["error"] or {}).get("code") for line in lines] == [None, "document_damaged", None, "source_not_found"]
    assert [line["engine"] for line in lines] == ["einvoice", None, "offline", None]
    assert lines[2]["fields"]["invoice_number"] == "INV-7"
    assert lines[2]["fields"]["gross_total"] == "120.00"
    assert answer.stderr == "Error: 2 of 4 files could not be processed; the output shows why.\n"

    readable = without_services("extract", "invoices/b.pdf", "invoices/a.xml")
    assert readable.status == 1
    assert "invoices/b.pdf  rejected: " in readable.stdout
    assert "0.0000 USD" in readable.stdout


def test_extract_in_processes_writes_the_same_lines_in_the_same_order(without_services, folder) -> None:
    names = ["invoices/below/c.PDF", "invoices/a.xml", "invoices/b.pdf"]
    answer = without_services("extract", "--jsonl", "--jobs", "2", "--output", "out.jsonl", *names)
    assert (answer.status, answer.stdout) == (1, "")
    written = [json.loads(line) for line in (without_services.folder / "out.jsonl").read_text().splitlines()]
    assert [line["file"] for line in written] == names
    assert written[0]["fields"]["invoice_number"] == "INV-7"


def test_extract_says_when_there_is_nothing_to_do_or_nowhere_to_write(without_services, folder) -> None:
    (folder / "empty").mkdir()
    nothing = without_services("extract", "invoices/empty")
    assert (nothing.status, nothing.stdout) == (1, "")
    assert "no invoices in invoices/empty" in nothing.stderr
    nowhere = without_services("extract", "invoices/a.xml", "--output", "no/such/file.jsonl")
    assert nowhere.status == 1
    assert "[export_failed]" in nowhere.stderr


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_ctrl_c_ends_extract_with_130_and_nothing_left_running(without_services, folder, jobs) -> None:
    names = ["invoices/a.xml", *["invoices/below/c.PDF"] * 500]
    running = without_services.process(
        "extract", "--jsonl", "--jobs", jobs, *names,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
    )  # fmt: skip
    assert running.stdout.readline()
    os.killpg(running.pid, signal.SIGINT)
    _, said = running.communicate(timeout=120)
    assert running.returncode == 130
    assert b"Traceback" not in said
    ends = time.monotonic() + 30
    while time.monotonic() < ends:
        try:
            os.killpg(running.pid, 0)
        except ProcessLookupError:
            return
        time.sleep(0.2)
    pytest.fail("workers are left running")
