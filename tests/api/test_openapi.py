"""The committed contract is the one the service keeps."""

from __future__ import annotations

import json
from pathlib import Path

from cira_pipeline.api.openapi_page import main

ROOT = Path(__file__).parents[2]
COMMITTED = ROOT / "docs" / "openapi.json"


def test_the_committed_contract_is_what_the_code_says(tmp_path):
    """Make it again with `python -m cira_pipeline.api.openapi_page docs/openapi.json`."""
    assert main([str(tmp_path / "openapi.json")]) == 0
    assert json.loads(COMMITTED.read_text()) == json.loads((tmp_path / "openapi.json").read_text())


def test_every_operation_names_its_problems_and_says_whether_it_needs_a_key():
    contract = json.loads(COMMITTED.read_text())
    assert contract["openapi"] == "3.1.0"
    operations = [
        (path, method, operation)
        for path, methods in contract["paths"].items()
        for method, operation in methods.items()
    ]
    assert len(operations) > 10
    for path, method, operation in operations:
        assert operation["summary"], (path, method)
        if path.startswith("/v1/"):
            assert operation["security"] == [{"key": []}], (path, method)
            for status in ("401", "403", "422", "429", "503"):
                assert "application/problem+json" in operation["responses"][status]["content"], (path, method, status)
    assert "code" in contract["components"]["schemas"]["Problem"]["properties"]
