from __future__ import annotations

from pathlib import Path

from cira_pipeline.cli.settings_page import page
from cira_pipeline.settings import Settings

PAGE = Path(__file__).parents[2] / "docs" / "settings.md"


def test_the_page_lists_the_settings_there_are() -> None:
    assert PAGE.read_text("utf-8") == page(), "run: python -m cira_pipeline.cli.settings_page docs/settings.md"


def test_every_setting_says_what_it_means() -> None:
    silent = [name for name, field in Settings.model_fields.items() if not field.description]
    assert silent == []
