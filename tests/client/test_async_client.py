"""The asynchronous client against the service as it runs: the same methods, the same answers, many at once."""

from __future__ import annotations

import asyncio
import io
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest

from cira_pipeline.client import AsyncClient
from cira_pipeline.errors import JobNotFinished, JobNotFound, ServiceUnreachable
from cira_pipeline.jobs import JobStatus, Stage, new_job_id
from tests.api.stored import ended_job
from tests.client.conftest import QUICK, Answer
from tests.client.test_repeating import KEY, LISTED
from tests.orchestration.invoice_pdf import invoice_pdf

REPOSITORY = Path(__file__).parents[2]


def test_what_was_changed_in_one_client_is_in_the_other_too(tmp_path):
    generated = tmp_path / "sync_client.py"
    subprocess.run([sys.executable, REPOSITORY / "packages/client/generate_sync.py", generated], check=True)
    assert (REPOSITORY / "cira_pipeline/client/sync_client.py").read_text("utf-8") == generated.read_text("utf-8"), (
        "run: make client"
    )


def test_an_invoice_goes_all_the_way_with_many_calls_at_once(api):
    async def use() -> None:
        async with AsyncClient(api.url, api.key(), patience=QUICK) as client:
            uploaded = await asyncio.gather(*(client.upload(invoice_pdf(f"A-{number}")) for number in range(5)))
            assert len({job.job_id for job in uploaded}) == 5
            assert [job.job_id async for job in client.jobs(page_size=2)] == sorted(
                (job.job_id for job in uploaded), reverse=True
            )
            job_id = ended_job(api.services)
            assert (await client.invoice(job_id)).invoice.gross_total == Decimal("119.00")
            assert (await client.confirm(job_id, {"invoice_number": "RE-9"})).invoice.invoice_number == "RE-9"
            assert [each.invoice_number async for each in client.invoices()] == ["RE-9"]
            file = io.BytesIO()
            await client.export(file)
            assert b"RE-9" in file.getvalue()
            assert (await client.page_picture(job_id)).startswith(b"\x89PNG")
            assert (await client.costs()).total_usd == 0

    asyncio.run(use())


def test_waiting_hears_the_end_and_gives_up_when_told(api):
    async def use() -> None:
        async with AsyncClient(api.url, api.key(), patience=QUICK) as client:
            job = await client.submit("https://supplier.example/1.pdf")
            with pytest.raises(JobNotFinished):
                await client.wait(job.job_id, timeout_s=0.3)
            waiting = asyncio.create_task(client.wait(job.job_id, timeout_s=60))
            await asyncio.sleep(0.2)
            await asyncio.to_thread(api.services.jobs.start, job.job_id, Stage.RAW_DOCUMENT, "run-1")
            await client.cancel(job.job_id)
            assert (await waiting).status is JobStatus.CANCELLED
            with pytest.raises(JobNotFound):
                await client.status(new_job_id())

    asyncio.run(use())


def test_a_retry_whose_answer_is_lost_is_never_sent_twice(scripted):
    server = scripted(Answer(None), LISTED)

    async def use() -> None:
        async with AsyncClient(server.url, KEY, patience=QUICK) as client:
            with pytest.raises(ServiceUnreachable, match="is not known"):
                await client.retry(new_job_id())
            await client.cancel(new_job_id())

    asyncio.run(use())
    assert [request.method for request in server.requests] == ["POST", "DELETE"]
