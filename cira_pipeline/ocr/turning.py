"""Coordinate transformations for quarter turns and levelling of a page."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

Turn = Literal[0, 90, 180, 270]
TURNS: tuple[Turn, ...] = (0, 90, 180, 270)


@dataclass(frozen=True)
class Turned:
    """A page of `width` x `height` turned clockwise by `turn` degrees. Origin top left, before and after."""

    width: float
    height: float
    turn: Turn

    @property
    def size(self) -> tuple[float, float]:
        return (self.height, self.width) if self.turn in (90, 270) else (self.width, self.height)

    def point(self, x: float, y: float) -> tuple[float, float]:
        match self.turn:
            case 0:
                return x, y
            case 90:
                return self.height - y, x
            case 180:
                return self.width - x, self.height - y
            case 270:
                return y, self.width - x

    def box(self, left: float, top: float, right: float, bottom: float) -> tuple[float, float, float, float]:
        x0, y0 = self.point(left, top)
        x1, y1 = self.point(right, bottom)
        return min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)


def levelled(x: float, y: float, centre: tuple[float, float], skew_deg: float) -> tuple[float, float]:
    """The point after the page was rotated about `centre` to level it; `skew_deg` > 0: its lines fall to the right."""
    angle = math.radians(-skew_deg)
    dx, dy = x - centre[0], y - centre[1]
    return (
        centre[0] + dx * math.cos(angle) - dy * math.sin(angle),
        centre[1] + dx * math.sin(angle) + dy * math.cos(angle),
    )
