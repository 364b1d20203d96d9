"""`cira memory` and what `cira labels load` teaches."""

from __future__ import annotations

import json

import pytest

from cira_pipeline.db.documents.objects import ObjectStore
from cira_pipeline.settings import Settings
from tests.extraction.offline.test_suppliers_memory import truth
from tests.pipeline.test_supplier_memory import Office


@pytest.fixture
def office(cira, database) -> Office:
    return Office(database, ObjectStore(Settings(_env_file=None).object_store_url))


def test_list_shows_whose_suppliers_are_known_from_how_many_invoices(cira, office) -> None:
    office.confirmed(0)
    office.confirmed(1)
    office.confirmed(2, client="globex")
    shown = cira("memory", "list")
    assert shown.status == 0
    assert [line.split()[0] for line in shown.stdout.splitlines()[1:]] == ["acme", "globex"]
    assert "Nordlicht Bürotechnik GmbH" in shown.stdout
    [acme] = [json.loads(line) for line in cira("memory", "list", "--json", "--client", "acme").stdout.splitlines()]
    assert (acme["lessons"], acme["key"]) == (2, "vat:DE136695976")


def test_what_was_forgotten_is_learned_again_from_confirmations(cira, office) -> None:
    office.confirmed(0)
    forgotten = cira("memory", "forget", "--client", "acme", "--supplier", "Nordlicht Bürotechnik GmbH")
    assert (forgotten.status, forgotten.stdout.strip()) == (0, "1 lesson forgotten.")
    assert office.rows() == []
    assert cira("memory", "rebuild").stdout.strip() == "1 lesson learned."
    assert len(office.rows()) == 1


def test_labels_of_documents_that_were_read_teach(cira, office, tmp_path) -> None:
    office.arrived(0)
    office.arrived(1)
    labels = tmp_path / "labels.jsonl"
    rows = [
        {"sha256": office.document(index), "fields": truth(index).model_dump(mode="json", exclude_none=True)}
        for index in (0, 1)
    ]
    labels.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert cira("labels", "load", str(labels)).status == 0
    assert office.number(5) == "RE-2024-122"
