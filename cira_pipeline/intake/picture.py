"""Checks that an image is complete and of acceptable size, by decoding it once with Pillow."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO

from PIL import Image

from cira_pipeline.errors import DocumentDamaged, DocumentTooManyPages, ImageTooLarge
from cira_pipeline.models import MediaType

_PILLOW_NAMES = {MediaType.PNG: "PNG", MediaType.JPEG: "JPEG", MediaType.TIFF: "TIFF"}

# Exceptions of Pillow's decoders for malformed files.
_DECODING_ERRORS = (
    OSError, EOFError, SyntaxError, ValueError, TypeError, LookupError, ArithmeticError, MemoryError,
    struct.error, zlib.error,
)  # fmt: skip


def check_picture(content: bytes, media_type: MediaType, *, max_pages: int, max_pixels: int) -> int:
    """The number of pages: the frames of a TIFF; one for PNG and JPEG, of which the first image counts.

    Raises `ImageTooLarge` before decoding, `DocumentTooManyPages`, `DocumentDamaged`.
    """
    name = _PILLOW_NAMES[media_type]
    with _damage_found(name):
        with Image.open(BytesIO(content), formats=[name]) as image:
            _check_size(image, max_pixels)
            image.verify()
        # Pillow can decode a verified image only after it has been opened again.
        with Image.open(BytesIO(content), formats=[name]) as image:
            pages = 0
            for frame in _frames(image, media_type):
                pages += 1
                if pages > max_pages:
                    raise DocumentTooManyPages(f"the TIFF has more than {max_pages} pages")
                _check_size(frame, max_pixels)
                if media_type is MediaType.JPEG:
                    # Decodes the whole file, but into an eighth of width and height.
                    frame.draft(None, (frame.width // 8 or 1, frame.height // 8 or 1))
                frame.load()
    return pages


@contextmanager
def _damage_found(name: str) -> Iterator[None]:
    try:
        yield
    except Image.DecompressionBombError as error:
        raise ImageTooLarge(f"the {name} has too many pixels to be opened safely") from error
    except _DECODING_ERRORS as error:
        raise DocumentDamaged(f"the {name} is truncated or damaged: {error}") from error


def _frames(image: Image.Image, media_type: MediaType) -> Iterator[Image.Image]:
    """The frames one by one, so that a file with a million frames is refused at the first one beyond the limit."""
    yield image
    index = 1
    while media_type is MediaType.TIFF:
        try:
            image.seek(index)
        except EOFError:
            return
        yield image
        index += 1


def _check_size(image: Image.Image, max_pixels: int) -> None:
    pixels = image.width * image.height
    if pixels > max_pixels:
        raise ImageTooLarge(
            f"the image has {image.width} x {image.height} pixels; at most {max_pixels:,} are accepted", pixels=pixels
        )
