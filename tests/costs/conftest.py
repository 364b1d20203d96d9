"""Jobs of two clients to spend money on."""

from __future__ import annotations

import pytest

from cira_pipeline.costs.attribution import CostAttribution
from cira_pipeline.db.database import Database
from cira_pipeline.db.jobs.repository import JobRepository, Submission


@pytest.fixture
def acme(database: Database) -> CostAttribution:
    return _payer(database, "acme")


@pytest.fixture
def shop(database: Database) -> CostAttribution:
    return _payer(database, "shop")


def _payer(database: Database, client: str) -> CostAttribution:
    [submitted] = JobRepository(database).submit([Submission("https://supplier.example/1.pdf", client=client)])
    return CostAttribution(submitted.job.job_id, client)
