from __future__ import annotations

import re
from pathlib import Path

from cira_pipeline.errors import leaves
from cira_pipeline.intake.manifest import read_manifest
from cira_pipeline.settings import Settings

PAGE = (Path(__file__).parents[2] / "docs" / "intake.md").read_text("utf-8")


def test_the_manifest_people_copy_is_a_good_one(tmp_path: Path) -> None:
    path = tmp_path / "invoices.csv"
    path.write_text(PAGE.split("```csv\n")[1].split("```")[0], "utf-8")
    submissions = read_manifest(path)
    assert len(submissions) == 4
    assert submissions[1].client_reference == "order 2026-119, part 2"


def test_the_limits_people_read_are_those_in_force() -> None:
    fields = Settings.model_fields
    rows = re.findall(r"\| `CIRA_(\w+)` \| ([\d,]+)", PAGE)
    assert len(rows) == 11
    for name, default in rows:
        assert fields[name.lower()].default == int(default.replace(",", "")), name
    for name in re.findall(r"CIRA_(\w+)", PAGE):
        assert name.lower() in fields, name


def test_the_errors_people_read_about_exist() -> None:
    named = set(re.findall(r"`(\w+)` \|$", PAGE.split("## Limits")[1], re.MULTILINE))
    assert named <= {each.code for each in leaves()}
    assert "document_too_large" in named
