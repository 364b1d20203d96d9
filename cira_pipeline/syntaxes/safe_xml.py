"""Safe parsing of untrusted XML: no DTD, no entities, no network access, bounded depth and size."""

from __future__ import annotations

from collections.abc import Container, Sized
from dataclasses import dataclass

from lxml import etree

from cira_pipeline.errors import DocumentTooComplex, XmlForbidden

MAX_DEPTH = 200
"""Maximum nesting depth. Real e-invoices stay below 20."""

MAX_ELEMENTS = 1_000_000
"""Maximum number of elements. An invoice of 10,000 lines has half a million."""

MAX_NODES = 2_000_000
"""Maximum number of elements and attributes together."""


class MalformedXml(ValueError):
    """XML that is not well-formed. `root_seen`: a root element was opened before the error, so the text is XML."""

    def __init__(self, message: str, *, root_seen: bool) -> None:
        super().__init__(message)
        self.root_seen = root_seen


@dataclass(frozen=True)
class Outline:
    """Names of the root element and of the requested ones among its children, in order, as `{namespace}name`."""

    root: str
    children: tuple[str, ...]


def tidied(content: bytes) -> bytes:
    """`content` without the padding that some producers add; XML allows nothing before its declaration."""
    # In UTF-16 every second byte is zero.
    return content if b"\0" in content[:4] else content.strip(b" \t\r\n\0")


def outline(content: bytes, children: Container[str] = ()) -> Outline:
    """The outline of well-formed XML within the limits. No tree is built, which would take 100 times the memory.

    `children`: which children of the root to note.

    Raises: XmlForbidden for a DTD (`name` in its detail), before any entity in it is read; DocumentTooComplex beyond
    `MAX_DEPTH`, `MAX_ELEMENTS` or `MAX_NODES`; MalformedXml.
    """
    events = _Events(children)
    try:
        etree.fromstring(content, _parser(events))
    except (etree.XMLSyntaxError, ValueError) as error:
        raise MalformedXml(getattr(error, "msg", None) or str(error), root_seen=events.root is not None) from error
    return Outline(events.root or "", tuple(events.children))


def parse_xml(content: bytes) -> etree._Element:
    """The root element of XML that `outline` accepts, without comments and processing instructions."""
    return etree.fromstring(content, _parser())


def _parser(target: _Events | None = None) -> etree.XMLParser:
    """A new parser each time: lxml parsers are not shared between threads.

    `huge_tree` lifts the limit on the length of a text, which attachments (BT-125) exceed. Without a DTD the tree does
    not grow beyond the size of the file, and `outline` bounds depth and number of elements.
    """
    return etree.XMLParser(
        target=target,
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        huge_tree=True,
        remove_comments=True,
        remove_pis=True,
    )


class _Events:
    """Parser target that counts elements and attributes against the limits."""

    def __init__(self, wanted: Container[str]) -> None:
        self.root: str | None = None
        self.children: list[str] = []
        self._wanted = wanted
        self._depth = 0
        self._elements = 0
        self._nodes = 0

    def doctype(self, name: str | None, public_id: str | None, system_url: str | None) -> None:
        """Called at `<!DOCTYPE`, before any entity in it is read."""
        raise XmlForbidden("the XML declares a DTD", name=name, system_url=system_url)

    def start(self, tag: str, attributes: Sized) -> None:
        if self.root is None:
            self.root = tag
        elif self._depth == 1 and tag in self._wanted:
            self.children.append(tag)
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise DocumentTooComplex(f"the XML nests more than {MAX_DEPTH} elements")
        self._elements += 1
        self._nodes += 1 + len(attributes)
        if self._elements > MAX_ELEMENTS or self._nodes > MAX_NODES:
            raise DocumentTooComplex(
                f"the XML has more than {MAX_ELEMENTS:,} elements, or {MAX_NODES:,} with their attributes"
            )

    def end(self, tag: str) -> None:
        self._depth -= 1

    def close(self) -> None: ...
