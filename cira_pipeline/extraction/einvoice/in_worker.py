"""Worker side of the engine `einvoice`: opens untrusted PDFs with pypdf."""

from __future__ import annotations

from cira_pipeline.extraction.einvoice.attachment import embedded_xml
from cira_pipeline.sandbox.messages import Message


def attached(request: Message) -> Message:
    """Runs in the worker: a PDF -> its invoice XML and the files beside it, one after the other; no facts without XML.

    Facts: `name`, `usual`, `others`, `size_bytes` of the XML, and for each file `name`, `description`, `media_type`,
    `size_bytes` (null where its content cannot be read).
    """
    found = embedded_xml(request.content)
    if found is None:
        return Message({})
    files = [
        {
            "name": each.name,
            "description": each.description,
            "media_type": each.media_type,
            "size_bytes": None if each.content is None else len(each.content),
        }
        for each in found.files
    ]
    facts = {
        "name": found.name,
        "usual": found.usual,
        "others": found.others,
        "size_bytes": len(found.content),
        "files": files,
    }
    return Message(facts, b"".join((found.content, *(each.content or b"" for each in found.files))))
