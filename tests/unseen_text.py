"""Ways to put text into a PDF so that software finds it and a person at the page does not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from io import BytesIO

from PIL import Image, ImageDraw
from pypdf import PdfReader, PdfWriter
from pypdf.generic import ArrayObject, DecodedStreamObject, DictionaryObject, NameObject, NumberObject, TextStringObject
from reportlab.lib.colors import HexColor, black, white
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

Hiding = Callable[[Canvas, str, float, float], None]
"""Draws a text hidden at x, y (points from the bottom left), 30 points of free height around it."""


def white_on_white(canvas: Canvas, text: str, x: float, y: float) -> None:
    canvas.setFillColor(white)
    canvas.drawString(x, y, text)


def nearly_white(canvas: Canvas, text: str, x: float, y: float) -> None:
    canvas.setFillColor(HexColor(0xF4F4F4))
    canvas.drawString(x, y, text)


def black_on_black(canvas: Canvas, text: str, x: float, y: float) -> None:
    canvas.setFillColor(black)
    canvas.rect(x - 10, y - 10, 360, 30, fill=1, stroke=0)
    canvas.drawString(x, y, text)


def transparent(canvas: Canvas, text: str, x: float, y: float) -> None:
    canvas.setFillAlpha(0)
    canvas.drawString(x, y, text)


def covered(canvas: Canvas, text: str, x: float, y: float) -> None:
    canvas.drawString(x, y, text)
    canvas.setFillColor(white)
    canvas.rect(x - 10, y - 10, 400, 30, fill=1, stroke=0)


def tiny(canvas: Canvas, text: str, x: float, y: float) -> None:
    canvas.setFont("Helvetica", 1)
    canvas.drawString(x, y, text)


def squeezed_flat(canvas: Canvas, text: str, x: float, y: float) -> None:
    canvas.translate(x, y)
    canvas.scale(1, 0.05)
    canvas.drawString(0, 0, text)


def left_of_the_page(canvas: Canvas, text: str, x: float, y: float) -> None:
    canvas.drawString(-1_000, y, text)


def below_the_page(canvas: Canvas, text: str, x: float, y: float) -> None:
    canvas.drawString(x, -40, text)


def clipped_away(canvas: Canvas, text: str, x: float, y: float) -> None:
    path = canvas.beginPath()
    path.rect(0, 0, 2, 2)
    canvas.clipPath(path, stroke=0)
    canvas.drawString(x, y, text)


def painted_with_nothing(canvas: Canvas, text: str, x: float, y: float) -> None:
    invisible = canvas.beginText(x, y)
    invisible.setTextRenderMode(3)
    invisible.textLine(text)
    canvas.drawText(invisible)


def under_a_picture(canvas: Canvas, text: str, x: float, y: float) -> None:
    canvas.drawString(x, y, text)
    canvas.drawImage(ImageReader(logo()), x - 10, y - 10, 360, 30)


def unpainted_over_a_picture(canvas: Canvas, text: str, x: float, y: float) -> None:
    canvas.drawImage(ImageReader(logo()), x - 10, y - 10, 360, 30)
    painted_with_nothing(canvas, text, x, y)


HIDINGS: Mapping[str, Hiding] = {
    hiding.__name__: hiding
    for hiding in (
        white_on_white,
        nearly_white,
        black_on_black,
        transparent,
        covered,
        tiny,
        squeezed_flat,
        left_of_the_page,
        below_the_page,
        clipped_away,
        painted_with_nothing,
        under_a_picture,
        unpainted_over_a_picture,
    )
}


def logo() -> Image.Image:
    """A picture with strong strokes and nothing to read."""
    picture = Image.new("RGB", (720, 60), "white")
    draw = ImageDraw.Draw(picture)
    for x in range(0, 720, 24):
        draw.line((x, 0, x + 40, 60), fill=(30, 60, 120), width=6)
    return picture


def with_layer_off(content: bytes, text: str) -> bytes:
    """The first page with `text` on an optional content layer that viewers do not show (ISO 32000-1, 8.11)."""
    writer = PdfWriter(clone_from=PdfReader(BytesIO(content)))
    page = writer.pages[0]
    layer = writer._add_object(
        DictionaryObject(
            {NameObject("/Type"): NameObject("/OCG"), NameObject("/Name"): TextStringObject("for software")}
        )
    )
    stream = DecodedStreamObject()
    escaped = text.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)")
    font = next(iter(page["/Resources"]["/Font"]))
    stream.set_data(f"/OC /Hidden BDC BT {font} 10 Tf 40 200 Td ({escaped}) Tj ET EMC".encode("latin-1", "replace"))
    contents = page["/Contents"]
    own = contents if isinstance(contents, ArrayObject) else [page.raw_get("/Contents")]
    page[NameObject("/Contents")] = ArrayObject([*own, writer._add_object(stream)])
    page["/Resources"][NameObject("/Properties")] = DictionaryObject({NameObject("/Hidden"): layer})
    writer.root_object[NameObject("/OCProperties")] = DictionaryObject(
        {
            NameObject("/OCGs"): ArrayObject([layer]),
            NameObject("/D"): DictionaryObject({NameObject("/OFF"): ArrayObject([layer])}),
        }
    )
    return _written(writer)


def with_metadata(content: bytes, text: str) -> bytes:
    """`text` in title, subject, keywords and XMP."""
    writer = PdfWriter(clone_from=PdfReader(BytesIO(content)))
    writer.add_metadata({"/Title": text, "/ValidationInput": text, "/Keywords": text})
    safe = text.replace("&", "&amp;").replace("<", "&lt;")
    xmp = DecodedStreamObject()
    xmp.set_data(
        '<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" '
        f'xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:description>{safe}</dc:description></rdf:Description>'
        '</rdf:RDF></x:xmpmeta><?xpacket end="w"?>'.encode()
    )
    xmp[NameObject("/Type")], xmp[NameObject("/Subtype")] = NameObject("/Metadata"), NameObject("/XML")
    writer.root_object[NameObject("/Metadata")] = writer._add_object(xmp)
    return _written(writer)


def with_note(content: bytes, text: str) -> bytes:
    """`text` in a closed comment on the first page."""
    writer = PdfWriter(clone_from=PdfReader(BytesIO(content)))
    writer.add_annotation(
        0,
        DictionaryObject(
            {
                NameObject("/Type"): NameObject("/Annot"),
                NameObject("/Subtype"): NameObject("/Text"),
                NameObject("/Rect"): ArrayObject([NumberObject(edge) for edge in (40, 40, 60, 60)]),
                NameObject("/Contents"): TextStringObject(text),
            }
        ),
    )
    return _written(writer)


def _written(writer: PdfWriter) -> bytes:
    buffer = BytesIO()
    writer.write(buffer)
    return buffer.getvalue()
