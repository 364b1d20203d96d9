"""Charts as self-contained SVG, without a library, script or network access."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from math import log10
from typing import Final

GREEN, RED, GREY, BLUE = "#2e8b57", "#c0392b", "#b8bdc4", "#2b6cb0"
_FONT: Final = 'font-family="system-ui, sans-serif" font-size="12" fill="#333"'

Point = tuple[float, float]


def stacked_bars(rows: Sequence[tuple[str, int, int, int]], *, width: int = 720) -> str:
    """SVG with one bar for each row of (name, right, wrong, missing), split by share; `width` in px."""
    label, bar_height, step = 150, 16, 24
    span = width - label - 130
    parts = []
    for index, (name, right, wrong, missing) in enumerate(rows):
        top, total = index * step + 4, max(right + wrong + missing, 1)
        left = float(label)
        parts.append(_text(label - 8, top + 12, name, "end"))
        for count, colour in ((right, GREEN), (wrong, RED), (missing, GREY)):
            length = span * count / total
            parts.append(f'<rect x="{left:.1f}" y="{top}" width="{length:.1f}" height="{bar_height}" fill="{colour}"/>')
            left += length
        parts.append(_text(label + span + 8, top + 12, f"{right / total:.3f}  ({right}/{wrong}/{missing})"))
    return _svg(width, len(rows) * step + 8, parts)


def reliability(bins: Sequence[tuple[float, float, int]], *, size: int = 360) -> str:
    """SVG reliability diagram: confidence against share right, for bins of (confidence, share right, values).

    Both axes are logarithmic in the distance from 1, because most values are above 0.9; `size` in px.
    """
    frame = _Frame(size, size, 52, 18)
    parts = [frame.axes("confidence", "share right", _NINES, _NINES)]
    parts.append(frame.line([(0, 0), (1, 1)], GREY, dashed=True))
    points = [(_nines(confidence), _nines(right)) for confidence, right, _ in bins]
    parts.append(frame.line(points, BLUE))
    for (x, y), (confidence, right, values) in zip(points, bins, strict=True):
        parts.append(frame.dot(x, y, 3 + min(values, 400) ** 0.5 / 4, f"{confidence:.3f}: {right:.3f} of {values}"))
    return _svg(size, size, parts)


def touchless_curve(lines: Sequence[tuple[str, str, Sequence[Point]]], *, chosen: Point | None = None) -> str:
    """SVG of the share of accepted records against their accuracy, for lines of (name, colour, points).

    The accuracy axis begins at 95 %; lower points are drawn on its edge. `chosen`: a point to mark.
    """
    width, height = 520, 340
    lowest = 0.95
    frame = _Frame(width, height, 58, 18)

    def scaled(point: Point) -> Point:
        return point[0], max(0.0, (point[1] - lowest) / (1 - lowest))

    ticks = [(index / 5, f"{index / 5:.0%}") for index in range(6)]
    steps = [(index / 5, f"{lowest + (1 - lowest) * index / 5:.1%}") for index in range(6)]
    parts = [frame.axes("share of records accepted", "share of their header fields right", ticks, steps)]
    for index, (name, colour, points) in enumerate(lines):
        parts.append(frame.line([scaled(point) for point in points], colour))
        parts.append(f'<g fill="{colour}">{_text(70, 36 + 16 * index, name, fill=colour)}</g>')
    if chosen is not None:
        parts.append(frame.dot(*scaled(chosen), 5, f"{chosen[0]:.1%} accepted, {chosen[1]:.2%} right"))
    return _svg(width, height, parts)


def _nines(share: float) -> float:
    """0 for 0, 1/3 for 0.9, 2/3 for 0.99, 1 for 0.999 and above."""
    return min(-log10(max(1 - share, 0.001)) / 3, 1.0)


_NINES: Final = [(_nines(share), f"{share:g}") for share in (0, 0.5, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999)]


class _Frame:
    """Plot area with axes from 0 to 1 in both directions, and margins for their labels; sizes in px."""

    def __init__(self, width: int, height: int, margin: int, edge: int) -> None:
        self._left, self._top = margin, edge
        self._width, self._height = width - margin - edge, height - margin - edge

    def x(self, share: float) -> float:
        return self._left + self._width * share

    def y(self, share: float) -> float:
        return self._top + self._height * (1 - share)

    def axes(
        self, x_name: str, y_name: str, x_ticks: Iterable[tuple[float, str]], y_ticks: Iterable[tuple[float, str]]
    ) -> str:
        parts = []
        for at, name in x_ticks:
            parts.append(self._grid(self.x(at), self.y(0), self.x(at), self.y(1)))
            parts.append(_text(self.x(at), self.y(0) + 16, str(name), "middle", size=10))
        for at, name in y_ticks:
            parts.append(self._grid(self.x(0), self.y(at), self.x(1), self.y(at)))
            parts.append(_text(self.x(0) - 6, self.y(at) + 4, name, "end", size=10))
        parts.append(_text(self.x(0.5), self.y(0) + 36, x_name, "middle"))
        middle = self.y(0.5)
        parts.append(
            f'<text x="14" y="{middle:.1f}" text-anchor="middle" transform="rotate(-90 14 {middle:.1f})" {_FONT}>'
            f"{escape(y_name)}</text>"
        )
        return "".join(parts)

    def line(self, points: Sequence[Point], colour: str, *, dashed: bool = False) -> str:
        path = " ".join(f"{self.x(x):.1f},{self.y(y):.1f}" for x, y in points)
        dash = ' stroke-dasharray="4 4"' if dashed else ""
        return f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"{dash}/>'

    def dot(self, x: float, y: float, radius: float, title: str) -> str:
        return (
            f'<circle cx="{self.x(x):.1f}" cy="{self.y(y):.1f}" r="{radius:.1f}" fill="{BLUE}" fill-opacity="0.75">'
            f"<title>{escape(title)}</title></circle>"
        )

    @staticmethod
    def _grid(x0: float, y0: float, x1: float, y1: float) -> str:
        return f'<line x1="{x0:.1f}" y1="{y0:.1f}" x2="{x1:.1f}" y2="{y1:.1f}" stroke="#e3e6ea"/>'


def _text(x: float, y: float, text: str, anchor: str = "start", *, size: int = 12, fill: str = "#333") -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-family="system-ui, sans-serif" '
        f'font-size="{size}" fill="{fill}">{escape(text)}</text>'
    )


def _svg(width: int, height: int, parts: Iterable[str]) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f'role="img"><rect width="{width}" height="{height}" fill="#fff"/>{"".join(parts)}</svg>'
    )
