"""docs/client.md and docs/client-reference.md: the examples run, and the table names every method."""

from __future__ import annotations

import re
import threading
import time
from pathlib import Path

import pytest

from cira_pipeline.client import Client
from cira_pipeline.jobs import JobStatus, Stage
from tests.api.stored import kept_document
from tests.db.invoices import record

DOCS = Path(__file__).parents[2] / "docs"
EXAMPLES = re.findall(r"```python\n(.*?)```", (DOCS / "client.md").read_text("utf-8"), re.DOTALL)


def _pipeline(api, stop: threading.Event) -> None:
    """Gives every submitted job the same record, as the pipeline would."""
    services = api.services
    sha256 = kept_document(services, b"%PDF-1.7 an invoice")
    while not stop.is_set():
        for job in services.jobs.list(status=JobStatus.QUEUED, limit=10):
            services.jobs.start(job.job_id, Stage.RAW_DOCUMENT, "run-1")
            services.jobs.document_found(job.job_id, sha256)
            services.records.put(job.job_id, sha256, record())
            services.jobs.succeed(job.job_id, record().verdict)
        time.sleep(0.05)


@pytest.fixture
def pipeline(api):
    stop = threading.Event()
    thread = threading.Thread(target=_pipeline, args=(api, stop))
    thread.start()
    yield
    stop.set()
    thread.join()


@pytest.mark.parametrize(
    ("number", "printed"),
    [(0, "accepted Müller & Söhne GmbH 119.00"), (1, "succeeded accepted"), (2, "there is no job inv_01jdj5hx4fhk1n")],
)
def test_an_example_that_people_copy_runs(api, pipeline, capsys, number, printed):
    code = EXAMPLES[number].replace("http://127.0.0.1:8000", api.url).replace("cira_...", api.key())
    exec(compile(code, f"docs/client.md, example {number + 1}", "exec"), {"__name__": "example"})
    assert printed in capsys.readouterr().out


def test_every_method_is_in_the_table_and_every_method_in_the_table_exists():
    page = (DOCS / "client-reference.md").read_text("utf-8")
    table = page.split("| --- | --- |")[1].split("\n\n")[0]
    named = set(re.findall(r"`(\w+)\(", table))
    methods = {name for name in vars(Client) if not name.startswith("_")} - {"close"}
    assert named == methods
    assert len(EXAMPLES) == 3
