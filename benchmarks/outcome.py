"""What came of a benchmark that holds promises."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Outcome:
    """`broken` lists the promises that did not hold; `diagnosis` is for whoever looks for the reason."""

    title: str = ""
    rows: list[tuple[str, str]] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    diagnosis: list[str] = field(default_factory=list)

    def told(self, what: str, value: object) -> None:
        self.rows.append((what, str(value)))

    def promised(self, what: str, *, held: bool, value: object) -> None:
        self.rows.append((what, f"{value}  {'ok' if held else 'BROKEN'}"))
        if not held:
            self.broken.append(what)
