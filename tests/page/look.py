"""Pictures of every page over invented invoices, processed for real: `python -m tests.page.look FOLDER`.

`overview`, `review`, `pages` (of several), `xml`, `failed`, `sign-in`; wide, narrow and dark. docs/images/page.png is
`review-wide.png`.
"""

from __future__ import annotations

import socket
import sys
import tempfile
import threading
import time
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import uvicorn
from playwright.sync_api import Browser, Page
from pydantic import SecretStr

from cira_pipeline.api.app import create_app
from cira_pipeline.api.server import server_config
from cira_pipeline.api.services import open_services
from cira_pipeline.client import Client
from cira_pipeline.db.database import Database
from cira_pipeline.errors import SourceNotFound
from cira_pipeline.jobs import JobId, JobStatus, Stage
from cira_pipeline.local_stack.postgres import EmbeddedPostgres
from cira_pipeline.pipeline.stream import stream
from cira_pipeline.samples.demo_set import demo_samples
from cira_pipeline.settings import Settings, inherited_environment
from tests.api.conftest import ALL_OF_A_CLIENT, RunningApi
from tests.page.conftest import NARROW, WIDE, chromium, patient, sign_in
from tests.pipeline.worker import opened

LOOKS: dict[str, Any] = {
    "wide": {"viewport": WIDE},
    "narrow": {"viewport": NARROW},
    "dark": {"viewport": WIDE, "color_scheme": "dark"},
}


def _jobs(api: RunningApi, settings: Settings, key: str) -> dict[str, JobId]:
    """Submits the demo's invoices and processes them here; returns the ids by what each is about."""
    jobs: dict[str, JobId] = {}
    with Client(api.url, key) as client, opened(settings) as processor:
        # The scans come without OCR's minutes: pages with text, XML, and what goes wrong with them.
        for sample in demo_samples(7, datetime.now(UTC).date()):
            if sample.kind in ("pdf-scan", "image", "broken"):
                continue
            job = client.upload(sample.content, client_reference=sample.name)
            jobs.setdefault(sample.about, JobId(job.job_id))
            for _ in stream(processor, [JobId(job.job_id)], tuple(Stage), run_id="look"):
                continue
        missing = client.submit("https://supplier.example/invoices/2026/4711.pdf")
        api.services.jobs.start(JobId(missing.job_id), Stage.RAW_DOCUMENT, "look")
        api.services.jobs.fail(
            JobId(missing.job_id), Stage.RAW_DOCUMENT, SourceNotFound("supplier.example answers 404")
        )
        jobs["failed"] = JobId(missing.job_id)
        for stage in (None, Stage.OCR_TEXT, Stage.EXTRACTED_FIELDS):
            job = client.submit(f"https://supplier.example/invoices/2026/{stage or 'new'}.pdf")
            if stage is not None:
                api.services.jobs.start(JobId(job.job_id), stage, "look")
                jobs["running"] = JobId(job.job_id)
    return jobs


def _look(browser: Browser, api: RunningApi, key: str, jobs: dict[str, JobId], folder: Path) -> None:
    review = next(iter(api.services.jobs.list(status=JobStatus.SUCCEEDED, limit=1)))
    paths = {
        "overview": "/",
        "review": f"/invoices/{jobs.get('wrong sum', review.job_id)}",
        "pages": f"/invoices/{jobs['2 pages']}",
        "xml": f"/invoices/{jobs['UBL']}",
        "failed": f"/invoices/{jobs['failed']}",
        "running": f"/invoices/{jobs['running']}",
        "error": "/invoices/inv_00000000000000000000000000",
    }
    for look, options in LOOKS.items():
        context = patient(browser.new_context(**options))
        page = context.new_page()
        page.goto(f"{api.url}/")
        page.screenshot(path=folder / f"sign-in-{look}.png")
        sign_in(page, api.url, key)
        for name, path in paths.items():
            page.goto(api.url + path)
            _settled(page)
            page.screenshot(path=folder / f"{name}-{look}.png")
            page.screenshot(path=folder / f"{name}-{look}-whole.png", full_page=True)
        context.close()


def _settled(page: Page) -> None:
    page.wait_for_function("[...document.images].every(image => image.complete || image.loading === 'lazy')")
    page.wait_for_timeout(300)


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as closing:
        home = Path(closing.enter_context(tempfile.TemporaryDirectory(prefix="cira-look-", dir="/tmp")))
        server = EmbeddedPostgres(home / "postgres", environment=inherited_environment(), marked_by=home, durable=False)
        server.start()
        closing.callback(server.stop)
        database = Database(server.url())
        database.migrate()
        closing.callback(database.dispose)
        settings = Settings(
            _env_file=None, home=home, postgres_url=SecretStr(server.url()), policy="offline_only", ocr_threads=1
        )
        services = open_services(settings)
        listener = socket.create_server(("127.0.0.1", 0))
        web = uvicorn.Server(server_config(create_app(services), settings))
        thread = threading.Thread(target=web.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        while not web.started:
            time.sleep(0.05)
        api = RunningApi(f"http://127.0.0.1:{listener.getsockname()[1]}", services)
        key = api.key("accounting", *ALL_OF_A_CLIENT)
        jobs = _jobs(api, settings, key)
        with chromium() as browser:
            _look(browser, api, key, jobs, folder)
        web.should_exit = True
        thread.join(30)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
