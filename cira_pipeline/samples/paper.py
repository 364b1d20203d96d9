"""Turns printed pages into scans or photos."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from random import Random
from typing import Any

import cv2
import numpy as np
import pypdfium2
from numpy.typing import NDArray
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

# What OpenCV's functions take and give.
Picture = NDArray[Any]
POINTS_PER_INCH = 72


@dataclass(frozen=True)
class Wear:
    """How a scan suffered: `skew_deg` at most, `blur` as a Gaussian's sigma in pixels, `noise` in grey levels of 255,
    `quality` of the JPEG. `bitonal` is black and white, as fax machines and old scanners make it.
    """

    dpi: int = 200
    skew_deg: float = 0.4
    blur: float = 0.7
    noise: float = 4.0
    shade: float = 0.06
    quality: int = 68
    bitonal: bool = False

    @classmethod
    def drawn(cls, random: Random) -> Wear:
        """Random wear, from almost none to a degree that a person still reads without effort."""
        bitonal = random.random() < 0.12
        return cls(
            dpi=random.choice((150, 200, 200, 200, 240, 300)),
            skew_deg=random.choice((0.0, 0.2, 0.5, 0.9, 1.4)),
            blur=random.uniform(0.3, 1.0),
            noise=random.uniform(1, 3 if bitonal else 9),
            shade=random.uniform(0, 0.03 if bitonal else 0.16),
            quality=random.randint(38, 88),
            bitonal=bitonal,
        )


FAIR = Wear()
# Colour in RGB, and how much of a grain it has.
_SURFACES = (
    ((146, 104, 70), 0.10),
    ((96, 66, 44), 0.12),
    ((72, 78, 84), 0.03),
    ((176, 168, 152), 0.04),
    ((40, 44, 52), 0.05),
)


def scanned(pdf: bytes, seed: int, *, wear: Wear = FAIR) -> bytes:
    """`pdf` as a scanner's PDF: one grey JPEG a page. Deterministic."""
    random = np.random.default_rng(seed)
    file = BytesIO()
    canvas = Canvas(file, invariant=1)
    for page in _rendered(pdf, wear.dpi):
        grey = cv2.cvtColor(page, cv2.COLOR_RGB2GRAY)
        skewed = _turned(grey, random.uniform(0.5, 1) * wear.skew_deg * random.choice((-1, 1)))
        soft = _shaded(cv2.GaussianBlur(skewed, (0, 0), wear.blur), random, depth=wear.shade)
        noisy = _noise(soft, random, strength=wear.noise)
        if wear.bitonal:
            noisy = cv2.threshold(noisy, 168, 255, cv2.THRESH_BINARY)[1]
        height, width = noisy.shape[:2]
        size = (width * POINTS_PER_INCH / wear.dpi, height * POINTS_PER_INCH / wear.dpi)
        canvas.setPageSize(size)
        jpeg = cv2.imencode(".jpg", noisy, [cv2.IMWRITE_JPEG_QUALITY, wear.quality])[1].tobytes()
        canvas.drawImage(ImageReader(BytesIO(jpeg)), 0, 0, *size)
        canvas.showPage()
    canvas.save()
    return file.getvalue()


def photographed(pdf: bytes, seed: int, *, dpi: int = 220) -> bytes:
    """The first page of `pdf` as a PNG photo: on a wooden table, seen at an angle, with a shadow. Deterministic."""
    random = np.random.default_rng(seed)
    page = _rendered(pdf, dpi)[0]
    height, width = page.shape[:2]
    border = int(width * 0.22)
    table = _table(height + 2 * border, width + 2 * border, random)
    corners = np.array([(0, 0), (width, 0), (width, height), (0, height)], np.float32)
    shift = random.uniform(-0.03, 0.03, (4, 2)) * width
    matrix = cv2.getPerspectiveTransform(corners, (corners + border + shift).astype(np.float32))
    size = (table.shape[1], table.shape[0])
    paper = cv2.warpPerspective(page, matrix, size, flags=cv2.INTER_AREA)
    mask = cv2.warpPerspective(np.full((height, width), 255, np.uint8), matrix, size)
    shadow = cv2.GaussianBlur(np.roll(mask, (14, 18), (0, 1)), (61, 61), 0)[..., None] / 255
    lit = table * (1 - 0.55 * shadow)
    cover = mask[..., None] / 255
    photo = _shaded((paper * 0.97 * cover + lit * (1 - cover)).astype(np.uint8), random, depth=0.22)
    photo = _noise(cv2.GaussianBlur(photo, (3, 3), 0.8), random, strength=5)
    return cv2.imencode(".png", cv2.cvtColor(photo, cv2.COLOR_RGB2BGR))[1].tobytes()


def _rendered(pdf: bytes, dpi: int) -> list[Picture]:
    """The pages in RGB."""
    document = pypdfium2.PdfDocument(pdf)
    try:
        return [page.render(scale=dpi / POINTS_PER_INCH, rev_byteorder=True).to_numpy()[..., :3] for page in document]
    finally:
        document.close()


def _turned(picture: Picture, degrees: float) -> Picture:
    height, width = picture.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1)
    return cv2.warpAffine(picture, matrix, (width, height), flags=cv2.INTER_CUBIC, borderValue=(250, 250, 250))


def _shaded(picture: Picture, random: np.random.Generator, *, depth: float = 0.06) -> Picture:
    """Darker towards one side, as lamps are."""
    height, width = picture.shape[:2]
    x, y = random.uniform(-1, 1, 2)
    ramp = np.linspace(-1, 1, width)[None, :] * x + np.linspace(-1, 1, height)[:, None] * y
    light = 1 - depth * (ramp - ramp.min()) / (np.ptp(ramp) or 1)
    shaded: Picture = (picture * (light[..., None] if picture.ndim == 3 else light)).astype(np.uint8)
    return shaded


def _noise(picture: Picture, random: np.random.Generator, *, strength: float) -> Picture:
    noisy: Picture = np.clip(picture + random.normal(0, strength, picture.shape), 0, 255).astype(np.uint8)
    return noisy


def _table(height: int, width: int, random: np.random.Generator) -> NDArray[np.float64]:
    """What the paper lies on: wood with a grain that runs across, or a plain desk, cloth or board."""
    grain = cv2.GaussianBlur(random.normal(0, 1, (height, max(2, width // 40))), (1, 9), 0)
    grain = cv2.resize(grain, (width, height), interpolation=cv2.INTER_CUBIC)
    boards = np.sin(np.arange(height) / height * 9 + random.uniform(0, 3))[:, None]
    colour, roughness = _SURFACES[int(random.integers(len(_SURFACES)))]
    tone = 1 + roughness * (grain + 0.6 * boards)
    return np.clip(np.array(colour)[None, None, :] * tone[..., None], 0, 255)
