"""What was answered is on disk, whatever happens to the service the moment after."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import httpx
import pytest

from cira_pipeline.db.jobs.repository import JobRepository
from cira_pipeline.jobs import JobStatus
from cira_pipeline.local_stack.api_process import api_child
from cira_pipeline.local_stack.ports import LOOPBACK, free_port
from cira_pipeline.settings import Settings, inherited_environment

pytestmark = pytest.mark.slow


def _started(settings: Settings, folder, port: int):
    child = api_child(
        environment={**inherited_environment(), **settings.as_environment()},
        folder=folder,
        log=folder / "api.log",
        host=LOOPBACK,
        port=port,
    )
    child.start_timeout_s = 300
    child.launch()
    child.wait_until_ready()
    return child


def test_a_thousand_urls_survive_the_service_being_killed_right_after_its_answer(
    api, api_settings, database, services_folder
):
    port = free_port()
    child = _started(api_settings, services_folder, port)
    urls = [f"https://supplier.example/{number}.pdf" for number in range(1_000)]
    headers = {"Authorization": f"Bearer {api.key()}"}
    try:
        with httpx.Client(
            base_url=f"http://{LOOPBACK}:{port}", headers=headers, timeout=120, trust_env=False
        ) as client:
            answer = client.post("/v1/jobs", json={"jobs": [{"url": url} for url in urls]})
            os.kill(child.pid, signal.SIGKILL)
        assert answer.status_code == 202
        child.process.wait(timeout=30)
    finally:
        child.stop()
    # Seen by another process over a connection of its own: nothing of the killed one is left to help.
    script = (
        "import sys; from cira_pipeline.db.database import Database; "
        "from cira_pipeline.db.jobs.repository import JobRepository; "
        "print(*(job.url for job in JobRepository(Database(sys.argv[1])).list(limit=2000)), sep='\\n')"
    )
    url = api_settings.postgres_url.get_secret_value()
    found = subprocess.run([sys.executable, "-c", script, url], check=True, capture_output=True, text=True, timeout=300)
    assert sorted(found.stdout.split()) == sorted(urls)
    assert JobRepository(database).counts()[JobStatus.QUEUED] == 1_000
