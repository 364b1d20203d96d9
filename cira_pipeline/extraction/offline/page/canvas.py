"""Layout of a reading on the page: tokens, segments (words without a column gap) and rows of segments.

Readers cut lines in their own ways: one joins two columns of a table into a line, another makes three lines of one
sentence. Everything after this module sees only segments and rows, which depend on the gaps alone.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from operator import itemgetter
from statistics import median
from typing import Final, NamedTuple

from cira_pipeline.extraction.offline.normal import OPENING, words_of
from cira_pipeline.extraction.offline.thresholds import thresholds
from cira_pipeline.models import Box, Line, Reading
from cira_pipeline.printed.letters import folded


@dataclass(frozen=True, slots=True)
class _Tuned:
    column_gap: float
    join_gap: float
    column_gap_letters: float
    bullet_gap: float
    postcode_gap: float
    glue_gap: float
    longest_row: int
    flattest: float
    letters_tall: float
    telling_letters: int
    fewest_flat_lines: int
    rows_compared: int
    near_smaller: float
    near_larger: float
    shared_width: float


_TUNED = thresholds(_Tuned)

_BULLETS = frozenset("●•|·∙♦■–—*")
_PROVINCES: Final = frozenset(["AB", "BC", "MB", "NB", "NL", "NS", "NT", "NU", "ON", "PE", "QC", "SK", "YT"])
_CANADIAN_POSTCODE: Final = re.compile(r"[A-Z]\d[A-Z](?: ?\d[A-Z]\d)?,?$")


class Token(NamedTuple):
    """One word as printed. `glued`: no space before it. Lengths are in the page's own units."""

    text: str
    page: int
    left: float
    top: float
    right: float
    bottom: float
    line: int
    confidence: float
    glued: bool = False

    @property
    def height(self) -> float:
        return self.bottom - self.top


@dataclass(eq=False)
class Segment:
    """Words that follow each other without a column gap, on one row of one page.

    `words`: folded words with their place in `text` (word, start, end); `openings`: how they begin, by which what a
    lexicon has no phrase for is told at once.
    """

    tokens: tuple[Token, ...]
    text: str = field(init=False)
    starts: tuple[int, ...] = field(init=False)
    row: Row = field(init=False, repr=False)

    def __post_init__(self) -> None:
        parts: list[str] = []
        starts: list[int] = []
        length = 0
        for token in self.tokens:
            if parts and not token.glued:
                parts.append(" ")
                length += 1
            starts.append(length)
            parts.append(token.text)
            length += len(token.text)
        self.text = "".join(parts)
        self.starts = tuple(starts)
        self.page = self.tokens[0].page
        self.left = min([token.left for token in self.tokens])
        self.right = max([token.right for token in self.tokens])
        self.top = min([token.top for token in self.tokens])
        self.bottom = max([token.bottom for token in self.tokens])
        self.height = self.bottom - self.top
        # What every field asks of every segment.
        self.has_digits = any(map(str.isdigit, self.text))
        self.words = words_of(self.text)
        self.openings = frozenset([word[:OPENING] for word, _, _ in self.words])

    @property
    def middle(self) -> float:
        return (self.top + self.bottom) / 2

    @property
    def line(self) -> int:
        return self.tokens[0].line

    @cached_property
    def confidence(self) -> float:
        return min([token.confidence for token in self.tokens])

    @cached_property
    def folded(self) -> str:
        return folded(self.text)

    def tokens_between(self, start: int, end: int) -> tuple[Token, ...]:
        """The tokens that `text[start:end]` touches."""
        return tuple(token for token, _ in self._touched(start, end))

    def touched(self, start: int, end: int) -> Sequence[tuple[Token, int]]:
        """Tokens that `text[start:end]` touches, with where they begin in `text`; all of them where it touches none."""
        return self._touched(start, end) or list(zip(self.tokens, self.starts, strict=True))

    def _touched(self, start: int, end: int) -> list[tuple[Token, int]]:
        starts, tokens = self.starts, self.tokens
        first, last = max(bisect_right(starts, start) - 1, 0), bisect_left(starts, end)
        if last - first == 1:
            return [(tokens[first], starts[first])] if starts[first] + len(tokens[first].text) > start else []
        return [
            (token, offset)
            for token, offset in zip(tokens[first:last], starts[first:last], strict=True)
            if offset + len(token.text) > start
        ]


@dataclass(frozen=True)
class Span:
    """A part of one segment's text, to which evidence refers."""

    segment: Segment
    start: int
    end: int

    @property
    def text(self) -> str:
        return self.segment.text[self.start : self.end]

    @cached_property
    def box(self) -> Box:
        """The stretch's own rectangle: a token touched in part gives the share of its width."""
        left, right = float("inf"), float("-inf")
        touched = self.segment.touched(self.start, self.end)
        for token, offset in touched:
            size = max(len(token.text), 1)
            width = token.right - token.left
            left = min(left, token.left + width * max(self.start - offset, 0) / size)
            right = max(right, token.left + width * min(self.end - offset, size) / size)
        return Box(
            left=left,
            top=min([token.top for token, _ in touched]),
            right=max(right, left),
            bottom=max([token.bottom for token, _ in touched]),
        )

    @property
    def page(self) -> int:
        return self.segment.page

    @property
    def line(self) -> int:
        return self.segment.touched(self.start, self.end)[0][0].line


def whole(segment: Segment) -> Span:
    return Span(segment, 0, len(segment.text))


@dataclass(eq=False)
class Row:
    """Segments side by side, left to right. `index` counts through the whole document, top to bottom."""

    page: int
    segments: tuple[Segment, ...]
    index: int

    def __post_init__(self) -> None:
        self.top = min(segment.top for segment in self.segments)
        self.bottom = max(segment.bottom for segment in self.segments)
        for segment in self.segments:
            segment.row = self

    @cached_property
    def text(self) -> str:
        return "  ".join(segment.text for segment in self.segments)

    @cached_property
    def height(self) -> float:
        return median(segment.height for segment in self.segments)

    @property
    def middle(self) -> float:
        return median(segment.middle for segment in self.segments)


class Canvas:
    """All rows of a reading, page by page, top to bottom."""

    def __init__(self, reading: Reading) -> None:
        self.page_sizes = {page.number: (page.width, page.height) for page in reading.pages}
        self.ocr_pages = frozenset(page.number for page in reading.pages if page.source == "ocr")
        self.rows: list[Row] = []
        for number in sorted({line.page for line in reading.lines}):
            lines = [line for line in reading.lines if line.page == number]
            growth = _growth_of_flat_lines(lines)
            flat = growth != 1.0
            tokens = [
                token
                for line in lines
                for token in _tokens(line, growth if flat and _flatness(line) < _TUNED.flattest else 1.0)
            ]
            for group in _rows(tokens):
                for part in _of_bounded_length(group):
                    self.rows.append(Row(number, tuple(_segments(part)), len(self.rows)))
        self.segments: list[Segment] = [segment for row in self.rows for segment in row.segments]
        self.by_page: dict[int, list[Row]] = {}
        for row in self.rows:
            self.by_page.setdefault(row.page, []).append(row)

    @property
    def last_page(self) -> int:
        return max(self.by_page, default=0)

    def relative_top(self, segment: Segment) -> float:
        """0 at the top of the page, 1 at its bottom."""
        height = self.page_sizes.get(segment.page, (0.0, 0.0))[1]
        return segment.top / height if height else 0.0

    def relative_left(self, segment: Segment) -> float:
        width = self.page_sizes.get(segment.page, (0.0, 0.0))[0]
        return segment.left / width if width else 0.0

    def rows_near(self, row: Row, before: int, after: int) -> Iterator[Row]:
        """Rows of the same page from `before` rows above to `after` rows below, without `row` itself."""
        for index in range(max(row.index - before, 0), min(row.index + after + 1, len(self.rows))):
            other = self.rows[index]
            if other.page == row.page and other is not row:
                yield other


def _flatness(line: Line) -> float:
    """The height of the line's box in widths of its letters."""
    letter = (line.box.right - line.box.left) / max(len(line.text), 1)
    return (line.box.bottom - line.box.top) / letter if letter > 0 else _TUNED.flattest


def _growth_of_flat_lines(lines: Iterable[Line]) -> float:
    """By how much the page's flat boxes must grow to be as tall as letters: all gaps are measured by that height."""
    flat = [
        share
        for line in lines
        if len(line.text) >= _TUNED.telling_letters and 0 < (share := _flatness(line)) < _TUNED.flattest
    ]
    return _TUNED.letters_tall / median(flat) if len(flat) >= _TUNED.fewest_flat_lines else 1.0


def _tokens(line: Line, growth: float) -> Iterator[Token]:
    """The line's words; their boxes `growth` times as tall about their middle."""
    words = [(text, word.box) for word in line.words if (text := word.text.strip())]
    if not words or not _covers(line.text, [text for text, _ in words]):
        words = list(_proportional(line))
    position = 0
    page, number, confidence = line.page, line.number, line.confidence
    for index, (text, box) in enumerate(words):
        found = line.text.find(text, position)
        glued = index > 0 and found == position
        position = (found if found >= 0 else position) + len(text)
        top, bottom = box.top, box.bottom
        if growth != 1.0:
            more = (bottom - top) * (growth - 1) / 2
            top, bottom = top - more, bottom + more
        yield Token(text, page, box.left, top, box.right, bottom, number, confidence, glued)


def _covers(text: str, words: Iterable[str]) -> bool:
    """Whether the words are the line's text; some readers hand on words of neighbouring lines or drop some."""
    return "".join(words).replace(" ", "") == "".join(text.split())


def _proportional(line: Line) -> Iterator[tuple[str, Box]]:
    """Words with a share of the line's width by their number of characters, when the reader knows no words."""
    size = max(len(line.text), 1)
    width = line.box.right - line.box.left
    position = 0
    for text in line.text.split():
        start = line.text.index(text, position)
        position = start + len(text)
        yield (
            text,
            Box(
                left=line.box.left + width * start / size,
                top=line.box.top,
                right=line.box.left + width * position / size,
                bottom=line.box.bottom,
            ),
        )


def _rows(tokens: list[Token]) -> list[list[Token]]:
    """Tokens grouped by line of print: each reader's line goes as one piece to the row whose middle is nearest."""
    pieces: dict[int, list[Token]] = {}
    for token in tokens:
        pieces.setdefault(token.line, []).append(token)
    rows: list[tuple[float, float, list[Token]]] = []
    by_middle = sorted(((_middle_of(piece), piece) for piece in pieces.values()), key=itemgetter(0))
    for middle, piece in by_middle:
        height = median([token.bottom - token.top for token in piece])
        best: int | None = None
        for index in range(len(rows) - 1, max(len(rows) - 1 - _TUNED.rows_compared, -1), -1):
            row_middle, row_height, members = rows[index]
            near = abs(middle - row_middle) <= (
                _TUNED.near_smaller * min(height, row_height) + _TUNED.near_larger * max(height, row_height)
            )
            if near and len(members) < _TUNED.longest_row and not _collides(piece, members):
                best = index
                break
        if best is None:
            rows.append((middle, height, list(piece)))
        else:
            rows[best][2].extend(piece)
    return [sorted(members, key=lambda token: token.left) for _, _, members in sorted(rows, key=lambda row: row[0])]


def _of_bounded_length(row: list[Token]) -> Iterator[list[Token]]:
    """A row as it is, or one that no page is wide enough for in pieces: what a row says is compared with itself."""
    for start in range(0, len(row), _TUNED.longest_row):
        yield row[start : start + _TUNED.longest_row]


def _middle_of(piece: list[Token]) -> float:
    return median([(token.top + token.bottom) / 2 for token in piece])


def _collides(piece: list[Token], members: list[Token]) -> bool:
    """Whether the piece would lie on top of words that are already in the row."""
    left, right = min([token.left for token in piece]), max([token.right for token in piece])
    for other in members:
        shared = min(right, other.right) - max(left, other.left)
        if shared > _TUNED.shared_width * (other.right - other.left) and not any(
            token.left >= other.right - 1 or token.right <= other.left + 1 for token in piece
        ):
            return True
    return False


def _segments(tokens: list[Token]) -> Iterator[Segment]:
    current: list[Token] = []
    for token in tokens:
        if current:
            previous = current[-1]
            height = max(min(previous.bottom - previous.top, token.bottom - token.top), 1e-6)
            gap = (token.left - previous.right) / height
            if gap > _TUNED.join_gap and gap > _column_gap(previous, token, height):
                yield Segment(tuple(current))
                current = []
            elif token.line != previous.line:
                token = _rejoined(token, glued=gap < _TUNED.glue_gap)
        current.append(token)
    if current:
        yield Segment(tuple(current))


def _column_gap(previous: Token, token: Token, height: float) -> float:
    """The widest gap between words of one segment, in heights of the text."""
    limit = _TUNED.column_gap if token.line == previous.line else _TUNED.join_gap
    if token.text in _BULLETS or previous.text in _BULLETS:
        limit = _TUNED.bullet_gap
    elif previous.text.strip("(),.") in _PROVINCES and _CANADIAN_POSTCODE.match(token.text):
        # Canada Post prints two spaces between them.
        limit = _TUNED.postcode_gap
    letters = len(previous.text) + len(token.text)
    width = (previous.right - previous.left + token.right - token.left) / letters
    return max(limit, _TUNED.column_gap_letters * width / height)


def _rejoined(token: Token, *, glued: bool) -> Token:
    return Token(
        token.text,
        token.page,
        token.left,
        token.top,
        token.right,
        token.bottom,
        token.line,
        token.confidence,
        glued,
    )
