"""Documents of every kind, good and bad, made on the spot."""

from __future__ import annotations

from io import BytesIO

from PIL import Image
from pypdf import PdfReader, PdfWriter
from pypdf.generic import (
    ArrayObject,
    DecodedStreamObject,
    DictionaryObject,
    IndirectObject,
    NameObject,
    NumberObject,
    StreamObject,
)
from reportlab.pdfgen.canvas import Canvas

UBL = (
    '<Invoice xmlns="urn:oasis:names:specification:ubl:schema:xsd:Invoice-2"'
    ' xmlns:cbc="urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2"><cbc:ID>7</cbc:ID></Invoice>'
)


def pdf(pages: int = 1, size: tuple[float, float] = (595, 842)) -> bytes:
    buffer = BytesIO()
    canvas = Canvas(buffer, pagesize=size)
    for number in range(pages):
        canvas.drawString(72, 700, f"Invoice 2026-{number}")
        canvas.showPage()
    canvas.save()
    return buffer.getvalue()


def pdf_with_password(user: str, owner: str = "owner", algorithm: str = "AES-256") -> bytes:
    writer = PdfWriter(clone_from=PdfReader(BytesIO(pdf())))
    writer.encrypt(user, owner, algorithm=algorithm)
    return written(writer)


def pdf_with_picture_of(width: int, height: int) -> bytes:
    """A page with a picture that says it has so many pixels; its data is a few bytes."""
    image = _stream(b"\0" * 16, Subtype="/Image", ColorSpace="/DeviceGray")
    numbers = {"/Width": width, "/Height": height, "/BitsPerComponent": 1}
    image.update({NameObject(key): NumberObject(value) for key, value in numbers.items()})
    return _pdf_drawing(image, b"q 100 0 0 100 0 0 cm /Drawn Do Q")


def pdf_of_laughing_forms(levels: int, times: int) -> bytes:
    """A page that draws a form that draws `times` forms that each draw `times` more, `levels` deep."""
    writer = PdfWriter(clone_from=PdfReader(BytesIO(pdf())))
    form = _form(b"0 0 m 9 9 l S")
    for _ in range(levels - 1):
        resources = _drawable(writer._add_object(form))
        form = _form(b"/#44rawn %\n Do " * times)
        form[NameObject("/Resources")] = resources
    return _pdf_drawing(form, b"/Drawn Do", writer)


def pdf_with_instructions(instructions: bytes) -> bytes:
    """A page that is drawn by `instructions`, compressed."""
    writer = PdfWriter(clone_from=PdfReader(BytesIO(pdf())))
    content = _stream(instructions).flate_encode()
    writer.pages[0][NameObject("/Contents")] = writer._add_object(content)
    return written(writer)


def written(writer: PdfWriter) -> bytes:
    buffer = BytesIO()
    writer.write(buffer)
    return buffer.getvalue()


def picture(kind: str, size: tuple[int, int] = (60, 40), *, frames: int = 1, mode: str = "RGB") -> bytes:
    """Noise, so that cutting the file off cuts pixels off."""
    images = [Image.effect_noise(size, 80).convert(mode) for _ in range(frames)]
    buffer = BytesIO()
    more = {"save_all": True, "append_images": images[1:]} if frames > 1 else {}
    images[0].save(buffer, kind, **more)
    return buffer.getvalue()


def _stream(data: bytes, **names: str) -> DecodedStreamObject:
    stream = DecodedStreamObject()
    stream.set_data(data)
    stream.update({NameObject(f"/{key}"): NameObject(value) for key, value in names.items()})
    return stream


def _form(instructions: bytes) -> DecodedStreamObject:
    form = _stream(instructions, Type="/XObject", Subtype="/Form")
    form[NameObject("/BBox")] = ArrayObject([NumberObject(side) for side in (0, 0, 9, 9)])
    return form


def _drawable(drawn: IndirectObject) -> DictionaryObject:
    """Resources under which `drawn` is called /Drawn."""
    return DictionaryObject({NameObject("/XObject"): DictionaryObject({NameObject("/Drawn"): drawn})})


def _pdf_drawing(drawn: StreamObject, instructions: bytes, writer: PdfWriter | None = None) -> bytes:
    writer = writer or PdfWriter(clone_from=PdfReader(BytesIO(pdf())))
    page = writer.pages[0]
    page[NameObject("/Resources")] = _drawable(writer._add_object(drawn))
    page[NameObject("/Contents")] = writer._add_object(_stream(instructions))
    return written(writer)
