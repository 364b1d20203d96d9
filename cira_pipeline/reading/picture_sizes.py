"""How many pixels each page of a picture has, told without decoding it."""

from __future__ import annotations

from io import BytesIO

from PIL import ExifTags, Image

from cira_pipeline.values import Document, MediaType

_LYING = (5, 6, 7, 8)


def picture_sizes(document: Document) -> dict[int, tuple[float, float]]:
    """Width and height in pixels of each frame, from 1, as shown after its EXIF orientation; nothing for a PDF."""
    if document.media_type in (MediaType.PDF, MediaType.XML):
        return {}
    sizes: dict[int, tuple[float, float]] = {}
    with Image.open(BytesIO(document.content)) as picture:
        for frame in range(getattr(picture, "n_frames", 1)):
            picture.seek(frame)
            width, height = picture.size
            turned = picture.getexif().get(ExifTags.Base.Orientation) in _LYING
            sizes[frame + 1] = (float(height), float(width)) if turned else (float(width), float(height))
    return sizes
