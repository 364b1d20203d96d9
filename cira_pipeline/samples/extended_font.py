"""Polish letters for a font that has their parts: reportlab's Vera holds the accents and base letters, not the letters.

Each new glyph is a composite of two that are there (OpenType, tables `glyf`, `loca`, `hmtx`, `maxp`, `cmap`), the way
the font itself makes é of e and ´. The result is a font of its own and says so: its licence asks for another name.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass

_ACUTE, _OGONEK, _DOT = 0x00B4, 0x02DB, 0x02D9
_LETTERS: Mapping[str, tuple[str, int]] = {
    "ą": ("a", _OGONEK),
    "ę": ("e", _OGONEK),
    "ń": ("n", _ACUTE),
    "ś": ("s", _ACUTE),
    "ź": ("z", _ACUTE),
    "ż": ("z", _DOT),
    "Ą": ("A", _OGONEK),
    "Ę": ("E", _OGONEK),
    "Ń": ("N", _ACUTE),
    "Ś": ("S", _ACUTE),
    "Ź": ("Z", _ACUTE),
    "Ż": ("Z", _DOT),
}
# Both names have 17 letters, so the tables keep their lengths.
_OLD_NAME, _NEW_NAME = "BitstreamVeraSans", "InvoiceSampleSans"
_ARGUMENTS_ARE_WORDS, _ARGUMENTS_ARE_OFFSETS, _MORE, _USE_MY_METRICS = 0x0001, 0x0002, 0x0020, 0x0200


@dataclass(frozen=True)
class _Shape:
    """A glyph's bounding box in font units."""

    left: int
    bottom: int
    right: int
    top: int


class _Font:
    def __init__(self, data: bytes) -> None:
        self.version = data[:4]
        count = struct.unpack(">H", data[4:6])[0]
        self.tables: dict[bytes, bytes] = {}
        for index in range(count):
            tag, _, offset, length = struct.unpack(">4sLLL", data[12 + 16 * index : 28 + 16 * index])
            self.tables[tag] = data[offset : offset + length]
        self.glyph_count = struct.unpack(">H", self.tables[b"maxp"][4:6])[0]
        self.long_offsets = struct.unpack(">h", self.tables[b"head"][50:52])[0] == 1
        self.metric_count = struct.unpack(">H", self.tables[b"hhea"][34:36])[0]
        self.characters = _characters(self.tables[b"cmap"])

    def offsets(self) -> list[int]:
        loca = self.tables[b"loca"]
        if self.long_offsets:
            return list(struct.unpack(f">{self.glyph_count + 1}L", loca[: 4 * (self.glyph_count + 1)]))
        return [2 * each for each in struct.unpack(f">{self.glyph_count + 1}H", loca[: 2 * (self.glyph_count + 1)])]

    def shape(self, glyph: int) -> _Shape:
        offset = self.offsets()[glyph]
        left, bottom, right, top = struct.unpack(">hhhh", self.tables[b"glyf"][offset + 2 : offset + 10])
        return _Shape(left, bottom, right, top)

    def metrics(self, glyph: int) -> bytes:
        """Advance width and left side bearing."""
        index = min(glyph, self.metric_count - 1)
        return self.tables[b"hmtx"][4 * index : 4 * index + 4]


def with_polish_letters(data: bytes) -> bytes:
    """The TrueType font `data` with the twelve Polish letters it lacks."""
    font = _Font(data)
    offsets, glyphs = font.offsets(), font.tables[b"glyf"]
    # Every glyph gets a metric of its own, so that new ones can follow.
    metrics = b"".join(font.metrics(glyph) for glyph in range(font.glyph_count))
    characters = dict(font.characters)
    for letter, (base, mark) in _LETTERS.items():
        if ord(letter) in characters:
            continue
        base_glyph, mark_glyph = characters[ord(base)], characters[mark]
        glyph = _composite(font, base_glyph, mark_glyph, below=mark == _OGONEK)
        glyphs += glyph + b"\0" * (-len(glyph) % 4)
        offsets.append(len(glyphs))
        characters[ord(letter)] = len(offsets) - 2
        metrics += font.metrics(base_glyph)
    count = len(offsets) - 1
    tables = font.tables
    tables[b"glyf"] = glyphs
    tables[b"loca"] = struct.pack(f">{count + 1}L", *offsets)
    tables[b"hmtx"] = metrics
    tables[b"head"] = _patched(tables[b"head"], 50, struct.pack(">h", 1))
    tables[b"maxp"] = _patched(tables[b"maxp"], 4, struct.pack(">H", count))
    tables[b"hhea"] = _patched(tables[b"hhea"], 34, struct.pack(">H", count))
    tables[b"cmap"] = _cmap(characters)
    tables[b"name"] = _renamed(tables[b"name"])
    # Tables about glyphs by number are not read here and would no longer match.
    for tag in (b"post", b"hdmx", b"kern", b"LTSH", b"VDMX", b"gasp", b"PCLT"):
        if tag != b"post":
            tables.pop(tag, None)
    tables[b"post"] = struct.pack(">L", 0x00030000) + tables[b"post"][4:32]
    return _file(font.version, tables)


def _composite(font: _Font, base: int, mark: int, *, below: bool) -> bytes:
    """`base` with `mark` above its middle, or at its lower right."""
    letter, accent = font.shape(base), font.shape(mark)
    if below:
        dx, dy = letter.right - accent.right, 0
    else:
        dx = (letter.left + letter.right - accent.left - accent.right) // 2
        # As far above the letter as the accent stands above a small letter.
        dy = letter.top - font.shape(font.characters[ord("x")]).top
    box = _Shape(
        min(letter.left, accent.left + dx),
        min(letter.bottom, accent.bottom + dy),
        max(letter.right, accent.right + dx),
        max(letter.top, accent.top + dy),
    )
    flags = _ARGUMENTS_ARE_WORDS | _ARGUMENTS_ARE_OFFSETS
    return (
        struct.pack(">hhhhh", -1, box.left, box.bottom, box.right, box.top)
        + struct.pack(">HHhh", flags | _MORE | _USE_MY_METRICS, base, 0, 0)
        + struct.pack(">HHhh", flags, mark, dx, dy)
    )


def _characters(cmap: bytes) -> dict[int, int]:
    """Character -> glyph, from the subtable of format 4."""
    count = struct.unpack(">H", cmap[2:4])[0]
    for index in range(count):
        _, _, offset = struct.unpack(">HHL", cmap[4 + 8 * index : 12 + 8 * index])
        if struct.unpack(">H", cmap[offset : offset + 2])[0] == 4:
            return _segments(cmap[offset:])
    raise ValueError("the font has no character table of format 4")


def _segments(table: bytes) -> dict[int, int]:
    doubled = struct.unpack(">H", table[6:8])[0]
    ends, starts, deltas, ranges = (14, 16 + doubled, 16 + 2 * doubled, 16 + 3 * doubled)
    found: dict[int, int] = {}
    for at in range(0, doubled, 2):
        end, start, delta, offset = (
            struct.unpack(">H", table[base + at : base + at + 2])[0] for base in (ends, starts, deltas, ranges)
        )
        for character in range(start, min(end, 0xFFFE) + 1):
            glyph = character
            if offset:
                where = ranges + at + offset + 2 * (character - start)
                glyph = struct.unpack(">H", table[where : where + 2])[0]
                if glyph == 0:
                    continue
            found[character] = (glyph + delta) & 0xFFFF
    return found


def _cmap(characters: Mapping[int, int]) -> bytes:
    """One subtable of format 12 for Windows, full Unicode."""
    groups = b"".join(struct.pack(">LLL", char, char, glyph) for char, glyph in sorted(characters.items()))
    subtable = struct.pack(">HHLLL", 12, 0, 16 + len(groups), 0, len(characters)) + groups
    return struct.pack(">HHHHL", 0, 1, 3, 10, 12) + subtable


def _renamed(names: bytes) -> bytes:
    names = names.replace(_OLD_NAME.encode("ascii"), _NEW_NAME.encode("ascii"))
    return names.replace(_OLD_NAME.encode("utf-16-be"), _NEW_NAME.encode("utf-16-be"))


def _patched(table: bytes, at: int, value: bytes) -> bytes:
    return table[:at] + value + table[at + len(value) :]


def _file(version: bytes, tables: Mapping[bytes, bytes]) -> bytes:
    count = len(tables)
    power = 1 << (count.bit_length() - 1)
    head = version + struct.pack(">HHHH", count, power * 16, power.bit_length() - 1, (count - power) * 16)
    directory, body, offset = b"", b"", 12 + 16 * count
    for tag, table in sorted(tables.items()):
        padded = table + b"\0" * (-len(table) % 4)
        checksum = sum(struct.unpack(f">{len(padded) // 4}L", padded)) & 0xFFFFFFFF
        directory += struct.pack(">4sLLL", tag, checksum, offset, len(table))
        body += padded
        offset += len(padded)
    return head + directory + body
