"""What a worker process does for intake: it opens bytes of strangers with PDFium and Pillow."""

from __future__ import annotations

from cira_pipeline.intake.page_view import page_view
from cira_pipeline.intake.recognise import recognise
from cira_pipeline.models import MediaType
from cira_pipeline.sandbox.messages import Message


def recognised(request: Message) -> Message:
    """`max_pages` and `max_pixels` with the bytes -> `media_type` and `page_count`."""
    document = recognise(
        request.content, max_pages=int(request.facts["max_pages"]), max_pixels=int(request.facts["max_pixels"])
    )
    return Message({"media_type": document.media_type, "page_count": document.page_count})


def viewed(request: Message) -> Message:
    """`media_type` and `number` with the bytes -> `width` and `height` with the page's pixels, RGB row by row."""
    picture = page_view(request.content, MediaType(request.facts["media_type"]), int(request.facts["number"]))
    return Message({"width": picture.width, "height": picture.height}, picture.tobytes())
