"""Jobs of two clients to spend money on."""

from __future__ import annotations

import pytest

from cira_pipeline.costs.payer import Payer
from cira_pipeline.storage.database import Database
from cira_pipeline.storage.jobs import JobRepository, Submission


@pytest.fixture
def acme(database: Database) -> Payer:
    return _payer(database, "acme")


@pytest.fixture
def shop(database: Database) -> Payer:
    return _payer(database, "shop")


def _payer(database: Database, client: str) -> Payer:
    [submitted] = JobRepository(database).submit([Submission("https://supplier.example/1.pdf", client=client)])
    return Payer(submitted.job.job_id, client)
