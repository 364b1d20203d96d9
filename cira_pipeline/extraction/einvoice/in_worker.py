"""Worker side of the engine `einvoice`: opens untrusted PDFs with pypdf."""

from __future__ import annotations

from cira_pipeline.extraction.einvoice.attachment import embedded_xml
from cira_pipeline.sandbox.messages import Message


def attached(request: Message) -> Message:
    """Runs in the worker: a PDF -> its invoice XML with facts `name`, `usual`, `others`; no facts without XML."""
    found = embedded_xml(request.content)
    if found is None:
        return Message({})
    return Message({"name": found.name, "usual": found.usual, "others": found.others}, found.content)
