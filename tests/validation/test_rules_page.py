from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from cira_pipeline.syntaxes.field_reader import XmlRule
from cira_pipeline.validation.rules import RULES
from cira_pipeline.validation.rules_page import with_rules

PAGE = Path(__file__).parents[2] / "docs" / "validation.md"


def test_the_page_of_all_rules_is_up_to_date() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert with_rules(page) == page, "run: python -m cira_pipeline.validation.rules_page"
    for rule in RULES:
        assert page.count(f"| `{rule}` |") == 1


def test_the_command_that_the_page_names_brings_it_up_to_date(tmp_path: Path) -> None:
    page = tmp_path / "validation.md"
    kept = PAGE.read_text(encoding="utf-8")
    page.write_text(kept.replace("| `CIRA-DUP-01` |", "| `OLD-RULE` |"), encoding="utf-8")
    subprocess.run([sys.executable, "-m", "cira_pipeline.validation.rules_page", str(page)], check=True)
    assert page.read_text(encoding="utf-8") == kept


def test_every_complaint_of_the_einvoice_engine_is_on_the_page() -> None:
    assert {rule.value for rule in XmlRule} == {rule.id for rule in RULES.values() if rule.raised_by == "einvoice"}
