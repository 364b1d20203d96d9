"""docs/client.md and docs/client-reference.md: the examples run without the server, the table names every method."""

from __future__ import annotations

import re
import threading
import time
from pathlib import Path

import pytest

from cira_pipeline.client import Client
from cira_pipeline.jobs import JobStatus, Stage
from tests.api.stored import kept_document
from tests.client.test_client import HEAVY
from tests.db.invoices import record
from tests.test_wheel import REPOSITORY, build, install, owned, run

DOCS = REPOSITORY / "docs"
EXAMPLES = re.findall(r"```python\n(.*?)```", (DOCS / "client.md").read_text("utf-8"), re.DOTALL)


IMPORT_ALL = """
import importlib, pkgutil, sys
import cira_client
for module in pkgutil.walk_packages(cira_client.__path__, "cira_client."):
    importlib.import_module(module.name)
print(*{name.partition(".")[0] for name in sys.modules})
"""


@pytest.fixture(scope="module")
def client_wheel(tmp_path_factory) -> Path:
    return build(REPOSITORY / "packages" / "client", tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def client_alone(client_wheel) -> Path:
    """The Python of an environment with this wheel and what it declares to need."""
    return install(client_wheel, client_wheel.parent / "installed") / "bin" / "python"


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
def test_an_example_that_people_copy_runs_without_the_server(api, pipeline, client_alone, number, printed):
    code = EXAMPLES[number].replace("http://127.0.0.1:8000", api.url).replace("cira_...", api.key())
    assert printed in run(client_alone, "-c", code, folder=client_alone.parent)


def test_the_client_alone_brings_no_server_and_overwrites_none_of_its_files(client_wheel, client_alone):
    assert {name for name in owned(client_wheel) if not name.endswith(".dist-info")} == {"cira_client"}
    loaded = run(client_alone, "-c", IMPORT_ALL, folder=client_alone.parent).split()
    assert "httpx" in loaded
    assert not set(loaded) & {"cira_pipeline", *HEAVY}


def test_every_method_is_in_the_table_and_every_method_in_the_table_exists():
    page = (DOCS / "client-reference.md").read_text("utf-8")
    table = page.split("| --- | --- |")[1].split("\n\n")[0]
    named = set(re.findall(r"`(\w+)\(", table))
    methods = {name for name in vars(Client) if not name.startswith("_")} - {"close"}
    assert named == methods
    assert len(EXAMPLES) == 3
