"""Generates the table of all rules in docs/validation.md: `python -m cira_pipeline.validation.rules_page`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

from cira_pipeline.validation.rules import RULES, Effect, Rule

BEGIN: Final = "<!-- rules: made by python -m cira_pipeline.validation.rules_page -->"
END: Final = "<!-- end of rules -->"

_EFFECTS: Final = {
    Effect.REJECTED: "rejected",
    Effect.REVIEW: "needs review",
    Effect.REVIEW_IF_READ: "needs review when read from a page",
    Effect.DOUBT: "lowers the confidence",
    Effect.NONE: "none",
}


def rules_table() -> str:
    """All rules as a Markdown table."""
    rows = [
        "| rule | severity | verdict | what is wrong | standard | raised by |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    return "\n".join([*rows, *(_row(rule) for rule in RULES.values())])


def with_rules(page: str) -> str:
    """`page` with the table between `BEGIN` and `END` generated again."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{rules_table()}\n{END}{after}"


def _row(rule: Rule) -> str:
    cells = (f"`{rule.id}`", rule.severity, _EFFECTS[rule.effect], rule.title, rule.standard, rule.raised_by)
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    path = Path(sys.argv[1] if len(sys.argv) > 1 else "docs/validation.md")
    path.write_text(with_rules(path.read_text(encoding="utf-8")), encoding="utf-8")
