"""Picture regions of a page with native text: logos, letterheads and footers often hold text that is not native."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cira_pipeline.ocr.lines import PlacedWord
from cira_pipeline.ocr.turning import Turned

if TYPE_CHECKING:
    from docling_core.types.doc.page import SegmentedPdfPage

Region = tuple[float, float, float, float]
"""Left, top, right, bottom in points, origin top left."""

# Smaller ones hold no printed line.
_LEAST_WIDTH_PT, _LEAST_HEIGHT_PT = 20.0, 6.0
# Pictures are often split into strips that touch.
_NEAR_PT = 3.0
_MOST_REGIONS = 12
_INK_CONTRAST = 50
_LEAST_INK_PX = 150


def picture_regions(page: SegmentedPdfPage, turned: Turned) -> list[Region]:
    """Regions of the turned page with pictures large enough to hold text; touching ones are merged."""
    regions: list[Region] = []
    for bitmap in page.bitmap_resources:
        box = bitmap.rect.to_bounding_box().to_top_left_origin(page.dimension.height)
        left, top, right, bottom = turned.box(box.l, box.t, box.r, box.b)
        region = (max(left, 0.0), max(top, 0.0), min(right, turned.size[0]), min(bottom, turned.size[1]))
        if region[2] > region[0] and region[3] > region[1]:
            regions.append(region)
    joined = _joined(regions) if len(regions) <= 300 else [_around(regions)]
    large = [each for each in joined if each[2] - each[0] >= _LEAST_WIDTH_PT and each[3] - each[1] >= _LEAST_HEIGHT_PT]
    return large if len(large) <= _MOST_REGIONS else [_around(large)]


def inside(region: Region, word: PlacedWord) -> bool:
    """Whether the word's centre is in the region."""
    return region[0] <= (word.left + word.right) / 2 <= region[2] and region[1] <= word.middle <= region[3]


def without_words(
    picture: NDArray[np.uint8], words: Iterable[PlacedWord], x_px: float, y_px: float
) -> NDArray[np.uint8] | None:
    """`picture` with the words painted over, or `None` when nothing to read is left.

    `x_px` and `y_px`: pixels for each unit of the words' boxes.
    """
    background = np.median(picture[::3, ::3], axis=(0, 1)).astype(np.uint8)
    painted = picture.copy()
    for word in words:
        margin = 0.1 * word.height
        rows = slice(max(int((word.top - margin) * y_px), 0), max(int((word.bottom + margin) * y_px) + 1, 0))
        columns = slice(max(int((word.left - margin) * x_px), 0), max(int((word.right + margin) * x_px) + 1, 0))
        painted[rows, columns] = background
    difference = np.abs(painted.astype(np.int16) - background.astype(np.int16)).max(axis=2)
    return painted if int((difference > _INK_CONTRAST).sum()) >= _LEAST_INK_PX else None


def _joined(regions: Sequence[Region]) -> list[Region]:
    joined: list[Region] = []
    for region in regions:
        current = region
        while touching := [other for other in joined if _touch(current, other)]:
            joined = [other for other in joined if other not in touching]
            current = _around([current, *touching])
        joined.append(current)
    return joined


def _touch(first: Region, second: Region) -> bool:
    return (
        first[0] <= second[2] + _NEAR_PT
        and second[0] <= first[2] + _NEAR_PT
        and first[1] <= second[3] + _NEAR_PT
        and second[1] <= first[3] + _NEAR_PT
    )


def _around(regions: Sequence[Region]) -> Region:
    return (
        min(each[0] for each in regions),
        min(each[1] for each in regions),
        max(each[2] for each in regions),
        max(each[3] for each in regions),
    )
