"""OCR of page images with PP-OCR: PaddleOCR's models as ONNX, from the rapidocr wheel."""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from rapidocr import RapidOCR
from rapidocr.main import RapidOCRError

from cira_pipeline.ocr.characters import as_printed
from cira_pipeline.ocr.ink import line_ink
from cira_pipeline.ocr.lines import PlacedLine, PlacedWord
from cira_pipeline.ocr.recognition import Decoder, RecognisedWord
from cira_pipeline.ocr.turning import Turn, Turned, levelled

logger = logging.getLogger(__name__)

LONGEST_SIDE_PX = 4000
"""Larger page images are reduced to this: text is legible at far fewer pixels, and memory grows with all of them."""
# Page size for the detector; finding lines needs fewer pixels than reading them.
_DETECTION_SIDE_PX = 1600
_LINE_HEIGHT_PX = 48
_BATCH = 8
_SMALL_PRINT_PX = 22
_UPSIDE_DOWN_DOUBT = 0.85
_KEEP_CONFIDENCE = 0.5
_LEVEL_FROM_DEG = 0.15
_LEVEL_UP_TO_DEG = 15.0
_LINES_TO_LEVEL_BY = 4
_SLOPES_AGREE_DEG = 0.7

Image = NDArray[np.uint8]
Quad = NDArray[np.float32]


@dataclass(frozen=True)
class PageText:
    """Text of one page image, in pixels of the image turned clockwise by `turn` and levelled by `skew_deg`.

    `words` run from left to right; `rotated` are lines that run up or down beside an upright page.
    """

    words: tuple[PlacedWord, ...]
    rotated: tuple[PlacedLine, ...]
    turn: Turn
    skew_deg: float
    width: float
    height: float


@dataclass(frozen=True)
class _Recognised:
    """One line's words; `top` and `bottom` bound its text, as fractions of the line image's height."""

    words: tuple[RecognisedWord, ...]
    top: float
    bottom: float

    @property
    def characters(self) -> int:
        return sum(len(word.text) for word in self.words)

    @property
    def confidence(self) -> float:
        return sum(word.confidence * len(word.text) for word in self.words) / max(self.characters, 1)


@dataclass(frozen=True)
class _ReadLine:
    """A recognised line. `quad`: corners of its image, clockwise from the top left of its text."""

    quad: Quad
    recognised: _Recognised
    rotated: bool


class OcrEngine:
    """PP-OCR models, loaded once. One page at a time, as ONNX uses all of `threads` for it anyway.

    `threads`: 0 uses all processors.
    """

    def __init__(self, threads: int = 0) -> None:
        self._lock = threading.Lock()
        self._rapidocr: Any = RapidOCR(
            params={
                "Global.log_level": "error",
                "Global.use_cls": False,
                "Global.text_score": 0.0,
                "Global.use_vertical_padding": False,
                "Det.limit_type": "max",
                "Det.limit_side_len": _DETECTION_SIDE_PX,
                "EngineConfig.onnxruntime.intra_op_num_threads": threads or -1,
            }
        )
        self._warm_up()
        recogniser: Any = self._rapidocr.text_rec
        self._decoder = Decoder(recogniser.postprocess_op.character)

    def _warm_up(self) -> None:
        """Loads each model, which RapidOCR does at its first use."""
        blank = np.full((64, 320, 3), 255, np.uint8)
        self._rapidocr.recognize_txt([blank])
        self._quads(blank)

    def read(self, image: Image, checkpoint: Callable[[], None] = lambda: None) -> PageText:
        """Words on a page `image` (height, width, 3; BGR) in any orientation. `checkpoint` is called between steps."""
        with self._lock:
            return self._read(image, checkpoint)

    def read_upright(self, image: Image, checkpoint: Callable[[], None] = lambda: None) -> tuple[PlacedWord, ...]:
        """Words on a part of an upright page, in its pixels; lines that run up or down are left out."""
        with self._lock:
            quads, enlarged, scale = self._found(image, checkpoint)
            lines = self._lines(enlarged, [quad for quad in quads if not _stands(quad)], checkpoint)
        height, width = image.shape[:2]
        return _page_text(_legible(lines), 0, (width, height), scale, level=False).words

    def _read(self, image: Image, checkpoint: Callable[[], None]) -> PageText:
        height, width = image.shape[:2]
        quads, image, scale = self._found(image, checkpoint)
        turn: Turn = 0
        if _stands_on_its_side(quads):
            # The text itself decides below between clockwise and counter-clockwise.
            turn = 90
            # Lone digits are detected only when they are upright, or upside down.
            image = turned_image(image, 90)
            quads = self._quads(image)
        lines = self._lines(image, quads, checkpoint)
        if _mean_confidence(lines) < _UPSIDE_DOWN_DOUBT and self._upside_down(image, lines):
            turn = 270 if turn == 90 else 180
            image, quads = _turned(image, quads, 180)
            lines = self._lines(image, quads, checkpoint)
        return _page_text(_legible(lines), turn, Turned(width, height, turn).size, scale)

    def _found(self, image: Image, checkpoint: Callable[[], None]) -> tuple[list[Quad], Image, float]:
        """Corners of the printed lines, the image they belong to, and its size relative to the given one."""
        scale = min(1.0, LONGEST_SIDE_PX / max(image.shape[:2]))
        image = _scaled(image, scale)
        quads = self._quads(image)
        checkpoint()
        if quads and (rise := median(min(_height(quad), _width(quad)) for quad in quads)) < _SMALL_PRINT_PX:
            zoom = min(2.0, LONGEST_SIDE_PX / max(image.shape[:2]), 1.5 * _SMALL_PRINT_PX / max(rise, 1.0))
            if zoom > 1.2:
                scale *= zoom
                image = _scaled(image, zoom)
                quads = self._quads(image)
                checkpoint()
        return quads, image, scale

    def _quads(self, image: Image) -> list[Quad]:
        """Corners of each printed line, clockwise from its top left."""
        try:
            _, found = self._rapidocr.detect_and_crop(image, {"preprocess": {"ratio_h": 1.0, "ratio_w": 1.0}})
        except RapidOCRError:
            # RapidOCR's way of reporting that there is no text.
            return []
        return [np.asarray(quad, np.float32) for quad in found.boxes]

    def _upside_down(self, image: Image, lines: Sequence[_ReadLine]) -> bool:
        sample = sorted((line for line in lines if not line.rotated), key=lambda line: -_width(line.quad))[:12]
        turned = self._recognise([_crop(image, np.roll(line.quad, 2, axis=0)) for line in sample])
        as_it_is = sum(line.recognised.confidence for line in sample)
        return sum(line.confidence for line in turned) > as_it_is + 0.05 * len(sample)

    def _lines(self, image: Image, quads: Sequence[Quad], checkpoint: Callable[[], None]) -> list[_ReadLine]:
        lying = [quad for quad in quads if not _stands(quad)]
        lines = [
            _ReadLine(quad, recognised, rotated=False)
            for quad, recognised in zip(lying, self._in_batches(image, lying, checkpoint), strict=True)
        ]
        for quad in quads:
            if _stands(quad):
                lines.append(self._rotated_line(image, quad))
                checkpoint()
        return lines

    def _rotated_line(self, image: Image, quad: Quad) -> _ReadLine:
        """Reads a narrow box as a lone character, or as a line that runs up or down: whichever reads best."""
        ways = [quad, np.roll(quad, -1, axis=0), np.roll(quad, 1, axis=0)]
        readings = self._recognise([_crop(image, way) for way in ways])
        best = max(range(len(ways)), key=lambda index: readings[index].confidence)
        return _ReadLine(ways[best], readings[best], rotated=best > 0)

    def _in_batches(self, image: Image, quads: Sequence[Quad], checkpoint: Callable[[], None]) -> list[_Recognised]:
        """Recognises lines of similar length together: all images of an inference batch are padded to its longest."""
        recognised: dict[int, _Recognised] = {}
        order = sorted(range(len(quads)), key=lambda index: _width(quads[index]) / max(_height(quads[index]), 1.0))
        for start in range(0, len(order), _BATCH):
            batch = order[start : start + _BATCH]
            recognised.update(zip(batch, self._recognise([_crop(image, quads[index]) for index in batch]), strict=True))
            checkpoint()
        return [recognised[index] for index in range(len(quads))]

    def _recognise(self, crops: Sequence[Image]) -> list[_Recognised]:
        if not crops:
            return []
        ratios = [crop.shape[1] / crop.shape[0] for crop in crops]
        # The network was trained on lines padded to at least this ratio.
        widest = max(320 / _LINE_HEIGHT_PX, *ratios)
        batch = np.stack([_normalised(crop, widest) for crop in crops])
        probabilities: NDArray[np.float32] = self._rapidocr.text_rec.session(batch)
        columns = probabilities.shape[1]
        return [
            self._decoded(each, columns * ratio / widest, crop)
            for each, ratio, crop in zip(probabilities, ratios, crops, strict=True)
        ]

    def _decoded(self, probabilities: NDArray[np.float32], line_columns: float, crop: Image) -> _Recognised:
        ink = line_ink(crop)
        words = self._decoder.words(probabilities, line_columns, ink)
        if ink is None:
            return _Recognised(words, 0.0, 1.0)
        return _Recognised(words, *ink.print_box("".join(word.text for word in words)))


def _normalised(crop: Image, widest: float) -> NDArray[np.float32]:
    """(3, 48, width) in -1..1, padded on the right with zeros as in training."""
    height, width = crop.shape[:2]
    full_px = int(_LINE_HEIGHT_PX * widest)
    line_px = min(full_px, math.ceil(_LINE_HEIGHT_PX * width / height))
    resized = cv2.resize(crop, (line_px, _LINE_HEIGHT_PX)).astype(np.float32).transpose(2, 0, 1)
    padded = np.zeros((3, _LINE_HEIGHT_PX, full_px), np.float32)
    padded[:, :, :line_px] = resized / 127.5 - 1.0
    return padded


def _legible(lines: Sequence[_ReadLine]) -> list[_ReadLine]:
    return [line for line in lines if line.recognised.words and line.recognised.confidence >= _KEEP_CONFIDENCE]


def _page_text(
    lines: Sequence[_ReadLine], turn: Turn, size: tuple[float, float], scale: float, *, level: bool = True
) -> PageText:
    width, height = size
    skew_deg = _skew_deg([line.quad for line in lines if not line.rotated]) if level else 0.0
    centre = (width / 2, height / 2)
    words: list[PlacedWord] = []
    rotated: list[PlacedLine] = []
    for line in lines:
        quad = line.quad / scale
        if skew_deg:
            quad = np.array([levelled(float(x), float(y), centre, skew_deg) for x, y in quad], np.float32)
        placed = tuple(_placed(word, line.recognised, quad) for word in line.recognised.words)
        if line.rotated:
            rotated.append(PlacedLine(placed))
        else:
            words.extend(placed)
    return PageText(tuple(words), tuple(rotated), turn, skew_deg, width, height)


def _placed(word: RecognisedWord, line: _Recognised, quad: Quad) -> PlacedWord:
    """The word's part of the line's quadrilateral, as an upright rectangle."""
    top_left, top_right, bottom_right, bottom_left = quad
    corners = []
    for across in (word.start, word.end):
        above = top_left + (top_right - top_left) * across
        below = bottom_left + (bottom_right - bottom_left) * across
        corners += [above + (below - above) * down for down in (line.top, line.bottom)]
    left, top = np.min(corners, axis=0)
    right, bottom = np.max(corners, axis=0)
    return PlacedWord(as_printed(word.text), float(left), float(top), float(right), float(bottom), word.confidence)


def _skew_deg(quads: Sequence[Quad]) -> float:
    """Common slope of most lines in degrees, positive when lines fall to the right; 0 when level or uncertain."""
    slopes = sorted(
        (math.degrees(math.atan2(float(quad[1][1] - quad[0][1]), float(quad[1][0] - quad[0][0]))), _width(quad))
        for quad in quads
        if _width(quad) > 5 * _height(quad)
    )
    if len(slopes) < _LINES_TO_LEVEL_BY:
        return 0.0
    total = sum(width for _, width in slopes)
    passed = np.cumsum([width for _, width in slopes])
    middle = slopes[int(np.searchsorted(passed, total / 2))][0]
    agreeing = sum(width for slope, width in slopes if abs(slope - middle) <= _SLOPES_AGREE_DEG)
    shared = agreeing >= 0.6 * total
    return middle if shared and _LEVEL_FROM_DEG <= abs(middle) <= _LEVEL_UP_TO_DEG else 0.0


def _stands_on_its_side(quads: Sequence[Quad]) -> bool:
    rotated = sum(_height(quad) for quad in quads if _height(quad) > 1.5 * _width(quad))
    lying = sum(_width(quad) for quad in quads if _width(quad) > 1.5 * _height(quad))
    return rotated > lying


def _turned(image: Image, quads: Sequence[Quad], turn: Turn) -> tuple[Image, list[Quad]]:
    height, width = image.shape[:2]
    page = Turned(width, height, turn)
    # The corner that becomes the top left one: each quarter turn moves it one place back.
    steps = turn // 90
    turned = [
        np.roll(np.array([page.point(float(x), float(y)) for x, y in quad], np.float32), steps, axis=0)
        for quad in quads
    ]
    return turned_image(image, turn), turned


def turned_image(image: Image, turn: Turn) -> Image:
    """`image` turned clockwise."""
    return np.ascontiguousarray(np.rot90(image, k=-(turn // 90)))


def _crop(image: Image, quad: Quad) -> Image:
    """The line's image, its text upright."""
    width, height = max(1, round(_width(quad))), max(1, round(_height(quad)))
    target = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    matrix = cv2.getPerspectiveTransform(np.ascontiguousarray(quad), target)
    crop: NDArray[Any] = cv2.warpPerspective(
        image, matrix, (width, height), borderMode=cv2.BORDER_REPLICATE, flags=cv2.INTER_CUBIC
    )
    return np.asarray(crop, np.uint8)


def _scaled(image: Image, factor: float) -> Image:
    if factor == 1.0:
        return image
    interpolation = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
    scaled: NDArray[Any] = cv2.resize(image, None, fx=factor, fy=factor, interpolation=interpolation)
    return np.asarray(scaled, np.uint8)


def _width(quad: Quad) -> float:
    return float(max(np.linalg.norm(quad[0] - quad[1]), np.linalg.norm(quad[3] - quad[2])))


def _height(quad: Quad) -> float:
    return float(max(np.linalg.norm(quad[0] - quad[3]), np.linalg.norm(quad[1] - quad[2])))


def _stands(quad: Quad) -> bool:
    return _height(quad) >= 1.5 * _width(quad)


def _mean_confidence(lines: Sequence[_ReadLine]) -> float:
    """Mean over all characters; 1 when there are none."""
    characters = sum(line.recognised.characters for line in lines)
    total = sum(line.recognised.confidence * line.recognised.characters for line in lines)
    return total / characters if characters else 1.0
