"""Results of a benchmark, with the promises that held or did not."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Outcome:
    """`broken`: promises that did not hold; `diagnosis`: lines for finding the cause."""

    title: str = ""
    rows: list[tuple[str, str]] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    diagnosis: list[str] = field(default_factory=list)

    def reported(self, what: str, value: object) -> None:
        self.rows.append((what, str(value)))

    def promised(self, what: str, *, held: bool, value: object) -> None:
        self.rows.append((what, f"{value}  {'ok' if held else 'BROKEN'}"))
        if not held:
            self.broken.append(what)
