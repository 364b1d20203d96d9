from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from cira_pipeline.db.jobs.repository import Submission
from cira_pipeline.errors import FileNotAllowed, SourceNotFound
from cira_pipeline.intake.folder import scan_folder
from tests.intake.conftest import NewFetcher


def scanned(folder: Path, *, later_s: float = 60) -> list[Submission]:
    return scan_folder(folder, now=lambda: time.time() + later_s)


def test_files_dropped_into_the_folder_are_submitted_oldest_first(tmp_path: Path, new_fetcher: NewFetcher) -> None:
    for age, name in enumerate(("new #1?.pdf", "sub/older%.xml", "oldest ü.png")):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(name.encode())
        os.utime(path, (0, 1_700_000_000 - age))
    fetcher = new_fetcher(file_roots=(tmp_path,))
    found = scan_folder(tmp_path, client="finance", now=lambda: time.time() + 60)
    assert [fetcher.fetch(each.url).content.decode() for each in found] == [
        "oldest ü.png",
        "sub/older%.xml",
        "new #1?.pdf",
    ]
    assert {(each.client, each.source) for each in found} == {("finance", "folder")}


def test_a_file_that_is_still_being_written_waits(tmp_path: Path) -> None:
    path = tmp_path / "a.pdf"
    path.write_bytes(b"half")
    assert scanned(tmp_path, later_s=1) == []
    # A copy that keeps its old time of change has just arrived all the same.
    os.utime(path, (0, 0))
    assert scanned(tmp_path, later_s=1) == []
    assert len(scanned(tmp_path, later_s=10)) == 1


def test_the_same_file_is_the_same_job_and_a_changed_one_is_not(tmp_path: Path) -> None:
    path = tmp_path / "a.pdf"
    path.write_bytes(b"first")
    os.utime(path, ns=(0, 1))
    first = scanned(tmp_path)
    assert scanned(tmp_path) == first
    path.write_bytes(b"other")
    os.utime(path, ns=(0, 2))
    changed = scanned(tmp_path)
    assert changed[0].url == first[0].url
    assert changed[0].idempotency_key != first[0].idempotency_key


@pytest.mark.parametrize(
    "name",
    [
        ".hidden.pdf",
        "~$a.docx",
        "a.pdf.part",
        "a.pdf.TMP",
        "a.pdf.crdownload",
        "a.pdf~",
        "Thumbs.db",
        ".git/a.pdf",
        "__MACOSX/a.pdf",
    ],
)
def test_leftovers_of_other_programs_are_not_invoices(tmp_path: Path, name: str) -> None:
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_bytes(b"x")
    assert scanned(tmp_path) == []


@pytest.mark.parametrize("name", ["#7 a.pdf", "a~b.pdf", "partial invoice.pdf", "tmp.pdf", "a\nb.pdf", "noending"])
def test_unusual_names_are_not_lost(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"x")
    assert len(scanned(tmp_path)) == 1


def test_links_pipes_and_what_they_lead_to_are_passed_over(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "a.pdf").write_bytes(b"x")
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    (inbox / "folder").symlink_to(outside)
    (inbox / "link.pdf").symlink_to(outside / "a.pdf")
    (inbox / "circle").symlink_to(".")
    os.mkfifo(inbox / "pipe.pdf")
    assert scanned(inbox) == []


def test_a_missing_folder_says_so(tmp_path: Path) -> None:
    with pytest.raises(SourceNotFound):
        scanned(tmp_path / "missing")
    (tmp_path / "file").touch()
    with pytest.raises(FileNotAllowed):
        scanned(tmp_path / "file")
