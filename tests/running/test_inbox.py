"""Files that people and programs drop into the inbox folder."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cira_pipeline.db.jobs.repository import Job
from cira_pipeline.jobs import JobStatus
from tests.orchestration.invoice_pdf import invoice_pdf
from tests.running.conftest import RunningCira

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]


def jobs_of(cira: RunningCira, name: str) -> list[Job]:
    return [job for job in cira.jobs.list(limit=500) if job.url.endswith(f"/{name}")]


@contextmanager
def growing(path: Path) -> Iterator[None]:
    """A copy that goes on as long as the block."""
    done = threading.Event()

    def copy() -> None:
        with path.open("ab", buffering=0) as file:
            while not done.wait(0.1):
                file.write(b"%PDF-1.7 ")

    copying = threading.Thread(target=copy)
    copying.start()
    try:
        yield
    finally:
        done.set()
        copying.join()


def test_dropped_files_become_records_once_and_bad_ones_end_with_a_clear_error(cira: RunningCira) -> None:
    inbox = cira.services.settings.inbox_path
    content = invoice_pdf("INBOX-3001")
    slow = inbox / "slow.pdf"
    (inbox / "good.pdf").write_bytes(content)
    (inbox / "broken.pdf").write_bytes(content[:700])
    (inbox / "letter.docx").write_bytes(b"PK\x03\x04 not an invoice")

    with growing(slow):
        cira.wait_until(
            lambda: all(jobs_of(cira, name) for name in ("good.pdf", "broken.pdf", "letter.docx")),
            "the sensor submitted the files that had arrived",
        )
        assert not jobs_of(cira, "slow.pdf"), "a file that is still being written is not an invoice"
    slow.write_bytes(invoice_pdf("INBOX-3002"))
    cira.wait_until(lambda: jobs_of(cira, "slow.pdf"), "the sensor submitted the file that took its time")

    names = ("good.pdf", "slow.pdf", "broken.pdf", "letter.docx")
    cira.wait_for_end(*(job.job_id for name in names for job in jobs_of(cira, name)))
    ended = {name: jobs_of(cira, name) for name in names}
    assert {name: len(jobs) for name, jobs in ended.items()} == dict.fromkeys(names, 1), "no file became two jobs"
    assert ended["good.pdf"][0].status is JobStatus.SUCCEEDED
    assert ended["slow.pdf"][0].status is JobStatus.SUCCEEDED
    assert {job.source for jobs in ended.values() for job in jobs} == {"folder"}
    for name, code in {"broken.pdf": "document_damaged", "letter.docx": "document_type_unsupported"}.items():
        (job,) = ended[name]
        assert (job.status, job.error_code) == (JobStatus.REJECTED, code)
        assert job.error_message
        assert job.error_hint
