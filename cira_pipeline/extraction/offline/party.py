"""One side of the invoice as printed: name and address with their places."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cira_pipeline.extraction.offline.blocks import is_postal, is_street
from cira_pipeline.extraction.offline.canvas import Segment, Span, whole
from cira_pipeline.extraction.offline.names import country_names
from cira_pipeline.printed.letters import folded


@dataclass(frozen=True)
class Party:
    """What is known of one side. Spans of several lines stand in the order of print."""

    name: tuple[Span, ...] = ()
    address: tuple[Span, ...] = ()
    score: float = 0.0

    @property
    def name_text(self) -> str:
        return " ".join(span.text.strip() for span in self.name)

    @property
    def address_text(self) -> str:
        return ", ".join(span.text.strip(" ,") for span in self.address)


def whole_lines(segments: Sequence[Segment]) -> tuple[Span, ...]:
    return tuple(whole(segment) for segment in segments)


def address_in(lines: Sequence[Segment]) -> tuple[Span, ...]:
    """The lines up to the postal code's, and a country right after it; a street alone when there is no postal code."""
    for index, segment in enumerate(lines[:6]):
        if is_postal(segment.text):
            following = lines[index + 1 : index + 2]
            country = following and folded(following[0].text.strip(" .,")) in country_names()
            return whole_lines(lines[: index + 2] if country else lines[: index + 1])
    streets = [segment for segment in lines[:2] if is_street(segment.text)]
    return whole_lines(streets[:1])
