"""Generates the table of e-invoice syntaxes in docs/intake.md: `python -m cira_pipeline.syntaxes.syntaxes_page`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

from cira_pipeline.syntaxes.registry import SYNTAXES

BEGIN: Final = "<!-- syntaxes: made by python -m cira_pipeline.syntaxes.syntaxes_page -->"
END: Final = "<!-- end of syntaxes -->"


def with_syntaxes(page: str) -> str:
    """`page` with the table between `BEGIN` and `END` generated again."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    rows = (f"| {syntax.name} | {syntax.covers} |" for syntax in SYNTAXES)
    table = "\n".join(["| syntax | covers |", "| --- | --- |", *rows])
    return f"{before}{BEGIN}\n\n{table}\n\n{END}{after}"


if __name__ == "__main__":
    path = Path(sys.argv[1] if len(sys.argv) > 1 else "docs/intake.md")
    path.write_text(with_syntaxes(path.read_text(encoding="utf-8")), encoding="utf-8")
