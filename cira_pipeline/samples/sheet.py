"""Sheet: reportlab's canvas with the origin at the top left, in points; text is placed by its baseline."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Literal

import reportlab
from reportlab.lib.colors import HexColor
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas

from cira_pipeline.samples.extended_font import with_polish_letters

Align = Literal["left", "right", "centre"]
BLACK = "#1a1a1a"
GREY = "#6b6b6b"
LIGHT = "#d9d9d9"


@dataclass(frozen=True)
class Family:
    """Names of fonts as reportlab knows them."""

    regular: str
    bold: str
    italic: str


_FAMILIES = {
    "helvetica": Family("Helvetica", "Helvetica-Bold", "Helvetica-Oblique"),
    "times": Family("Times-Roman", "Times-Bold", "Times-Italic"),
    "courier": Family("Courier", "Courier-Bold", "Courier-Oblique"),
    "vera": Family("Vera", "VeraBd", "VeraIt"),
}


@cache
def family(name: str) -> Family:
    """The fonts of `name`. Vera, embedded, has the letters of all languages here; the others lack those of Polish."""
    found = _FAMILIES[name]
    if name == "vera":
        folder = Path(reportlab.__file__).parent / "fonts"
        for font in (found.regular, found.bold, found.italic):
            data = with_polish_letters((folder / f"{font}.ttf").read_bytes())
            pdfmetrics.registerFont(TTFont(font, BytesIO(data)))
    return found


class Sheet:
    """A PDF under way. The same calls give the same bytes."""

    def __init__(self, fonts: Family, *, width: float = 595.28, height: float = 841.89, title: str = "") -> None:
        self.width, self.height = width, height
        self.page = 1
        self._fonts = fonts
        self._file = BytesIO()
        self._canvas = Canvas(self._file, pagesize=(width, height), invariant=1)
        self._canvas.setTitle(title)

    def text(
        self,
        x: float,
        y: float,
        text: str,
        size: float,
        *,
        bold: bool = False,
        italic: bool = False,
        colour: str = BLACK,
        align: Align = "left",
        spacing: float = 0,
    ) -> None:
        """`x` is the left end, the right end or the middle, as `align` says."""
        self._canvas.setFont(self._font(bold=bold, italic=italic), size)
        self._canvas.setFillColor(HexColor(colour))
        width = self.width_of(text, size, bold=bold) + spacing * len(text)
        left = {"left": x, "right": x - width, "centre": x - width / 2}[align]
        self._canvas.drawString(left, self.height - y, text, charSpace=spacing)

    def fitted(self, width: float, text: str, size: float, *, bold: bool = False) -> float:
        """`size`, or as much less as `text` needs to fit into `width`."""
        wide = self.width_of(text, size, bold=bold)
        return size if wide <= width else size * width / wide

    def width_of(self, text: str, size: float, *, bold: bool = False) -> float:
        return float(pdfmetrics.stringWidth(text, self._font(bold=bold), size))

    def wrapped(self, text: str, width: float, size: float, *, bold: bool = False) -> list[str]:
        """`text` in lines that fit into `width`; a word that is too long stands alone and sticks out."""
        lines: list[str] = []
        for word in text.split(" "):
            longer = f"{lines[-1]} {word}" if lines else word
            if lines and self.width_of(longer, size, bold=bold) <= width:
                lines[-1] = longer
            else:
                lines.append(word)
        return lines

    def rule(self, left: float, y: float, right: float, *, thickness: float = 0.6, colour: str = BLACK) -> None:
        self._canvas.setStrokeColor(HexColor(colour))
        self._canvas.setLineWidth(thickness)
        self._canvas.line(left, self.height - y, right, self.height - y)

    def upright(self, x: float, top: float, bottom: float, *, thickness: float = 0.5, colour: str = BLACK) -> None:
        self._canvas.setStrokeColor(HexColor(colour))
        self._canvas.setLineWidth(thickness)
        self._canvas.line(x, self.height - top, x, self.height - bottom)

    def box(
        self,
        left: float,
        top: float,
        right: float,
        bottom: float,
        *,
        fill: str | None = None,
        stroke: str | None = None,
        thickness: float = 0.6,
    ) -> None:
        if fill is not None:
            self._canvas.setFillColor(HexColor(fill))
        if stroke is not None:
            self._canvas.setStrokeColor(HexColor(stroke))
            self._canvas.setLineWidth(thickness)
        self._canvas.rect(
            left, self.height - bottom, right - left, bottom - top, stroke=int(stroke is not None), fill=int(bool(fill))
        )

    def stamp(self, x: float, y: float, text: str, size: float, *, colour: str, degrees: float) -> None:
        """A framed word across the page, its middle at `x`, `y`."""
        canvas = self._canvas
        canvas.saveState()
        canvas.translate(x, self.height - y)
        canvas.rotate(degrees)
        canvas.setFont(self._font(bold=True), size)
        width = self.width_of(text, size, bold=True)
        canvas.setFillColor(HexColor(colour))
        canvas.setStrokeColor(HexColor(colour))
        canvas.setLineWidth(size / 14)
        canvas.drawCentredString(0, -size * 0.35, text)
        canvas.roundRect(-width / 2 - size / 3, -size * 0.7, width + size / 1.5, size * 1.4, size / 5)
        canvas.restoreState()

    def new_page(self) -> None:
        self._canvas.showPage()
        self.page += 1

    def finished(self) -> bytes:
        self._canvas.showPage()
        self._canvas.save()
        return self._file.getvalue()

    def _font(self, *, bold: bool = False, italic: bool = False) -> str:
        if bold:
            return self._fonts.bold
        return self._fonts.italic if italic else self._fonts.regular
