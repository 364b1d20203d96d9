"""Whether a picture is whole and of bearable size, by decoding it once with Pillow."""

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

# What Pillow's decoders raise for files that are not as they should be.
_DECODING_ERRORS = (
    OSError, EOFError, SyntaxError, ValueError, TypeError, LookupError, ArithmeticError, MemoryError,
    struct.error, zlib.error,
)  # fmt: skip


def check_picture(content: bytes, media_type: MediaType, *, max_pages: int, max_pixels: int) -> int:
    """The number of pages: the frames of a TIFF; one for PNG and JPEG, of which the first picture counts.

    Raises `ImageTooLarge` before decoding, `DocumentTooManyPages`, `DocumentDamaged`.
    """
    name = _PILLOW_NAMES[media_type]
    with _damage_found(name):
        with Image.open(BytesIO(content), formats=[name]) as image:
            _check_size(image, max_pixels)
            image.verify()
        # A verified picture can only be decoded after it has been opened again.
        with Image.open(BytesIO(content), formats=[name]) as image:
            pages = 0
            for frame in _frames(image, media_type):
                pages += 1
                if pages > max_pages:
                    raise DocumentTooManyPages(f"the TIFF has more than {max_pages} pages")
                _check_size(frame, max_pixels)
                if media_type is MediaType.JPEG:
                    # The whole file is gone through all the same, but into an eighth of the width and height.
                    frame.draft(None, (frame.width // 8 or 1, frame.height // 8 or 1))
                frame.load()
    return pages


@contextmanager
def _damage_found(name: str) -> Iterator[None]:
    try:
        yield
    except Image.DecompressionBombError as error:
        raise ImageTooLarge(f"the {name} has more pixels than can be opened safely") from error
    except _DECODING_ERRORS as error:
        raise DocumentDamaged(f"the {name} is cut off or damaged: {error}") from error


def _frames(image: Image.Image, media_type: MediaType) -> Iterator[Image.Image]:
    """Frame by frame, so that a file of a million frames is left after the first too many."""
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
            f"the picture has {image.width} x {image.height} pixels; at most {max_pixels:,} are accepted", pixels=pixels
        )
