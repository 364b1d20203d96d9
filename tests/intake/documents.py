"""Documents of every kind, good and bad, made on the spot."""

from __future__ import annotations

from io import BytesIO

from PIL import Image
from pypdf import PdfReader, PdfWriter
from pypdf.generic import DecodedStreamObject, NameObject, NumberObject
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
    writer = PdfWriter(clone_from=PdfReader(BytesIO(pdf())))
    image = DecodedStreamObject()
    image.set_data(b"\0" * 16)
    names = {"/Type": "/XObject", "/Subtype": "/Image", "/ColorSpace": "/DeviceGray"}
    image.update({NameObject(key): NameObject(value) for key, value in names.items()})
    numbers = {"/Width": width, "/Height": height, "/BitsPerComponent": 1}
    image.update({NameObject(key): NumberObject(value) for key, value in numbers.items()})
    page = writer.pages[0]
    resources = page["/Resources"]
    resources[NameObject("/XObject")] = writer._add_object(  # type: ignore[index]
        _dictionary({"/Im0": writer._add_object(image)})
    )
    content = DecodedStreamObject()
    content.set_data(b"q 100 0 0 100 0 0 cm /Im0 Do Q")
    page[NameObject("/Contents")] = writer._add_object(content)
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


def _dictionary(items: dict[str, object]) -> object:
    from pypdf.generic import DictionaryObject

    return DictionaryObject({NameObject(key): value for key, value in items.items()})
