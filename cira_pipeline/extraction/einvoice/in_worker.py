"""What a worker process does for the engine `einvoice`: it opens PDFs of strangers with pypdf."""

from __future__ import annotations

from cira_pipeline.extraction.einvoice.attachment import embedded_xml
from cira_pipeline.sandbox.messages import Message


def attached(request: Message) -> Message:
    """A PDF's bytes -> `name`, `usual` and `others` of its invoice XML with that XML; no facts where it has none."""
    found = embedded_xml(request.content)
    if found is None:
        return Message({})
    return Message({"name": found.name, "usual": found.usual, "others": found.others}, found.content)
