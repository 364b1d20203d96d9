"""What a worker process does for intake: it opens bytes of strangers with PDFium and Pillow."""

from __future__ import annotations

from cira_pipeline.intake.recognise import recognise
from cira_pipeline.isolation.messages import Message


def recognised(request: Message) -> Message:
    """`max_pages` and `max_pixels` with the bytes -> `media_type` and `page_count`."""
    document = recognise(
        request.content, max_pages=int(request.facts["max_pages"]), max_pixels=int(request.facts["max_pixels"])
    )
    return Message({"media_type": document.media_type, "page_count": document.page_count})
