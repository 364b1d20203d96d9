from __future__ import annotations

from pathlib import Path

from cira_pipeline.cli import COMMANDS
from cira_pipeline.cli.commands_page import page

PAGE = Path(__file__).parents[2] / "docs" / "commands.md"


def test_the_page_has_the_commands_there_are() -> None:
    assert PAGE.read_text("utf-8") == page(), "run: python -m cira_pipeline.cli.commands_page docs/commands.md"


def test_every_command_and_option_says_what_it_does() -> None:
    text = page()
    missing = [name for name in COMMANDS if f"## `cira {name}`" not in text]
    assert missing == []
    silent = [line for line in text.splitlines() if line.startswith("* `") and ": " not in line]
    assert silent == []
