"""Amounts as colours over what they belong to: the pixels of an image, the words of a text. Drawn by Pillow."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from dlrun.report.plots.bars import AGAINST, FOR, WIDTH
from dlrun.report.plots.fonts import Fonts, length
from dlrun.report.plots.png import SCALE
from dlrun.report.plots.style import LIGHT
from dlrun.runs.explain.attribution import Share
from dlrun.wording import printable

_SIDE = 360  # picture units of an image's longer side
_FADED = 0.25  # of the image below the colours
_STRONG = 0.99  # the share of pixels whose amounts are below full colour
_FONT, _LINE, _MARGIN = 15, 28, 8  # picture units
_WEAK = 0.06  # of full colour: a word below it has none


def image_overlay(image: NDArray[np.uint8], grid: NDArray[np.float64]) -> list[Image.Image]:
    """Return the image as it is, and faded below its amounts: blue adds to the output, orange takes from it.

    image: (H, W) or (H, W, 3). grid: (H, W).
    """
    height, width = grid.shape
    factor = _SIDE * SCALE / max(height, width)
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    plain = Image.fromarray(image).convert("RGB")
    grey = np.asarray(plain.convert("L"), dtype=np.float64)[:, :, None]  # (H, W, 1)
    strongest = float(np.quantile(np.abs(grid), _STRONG)) or float(np.abs(grid).max()) or 1.0
    weight = np.clip(np.abs(grid) / strongest, 0, 1)[:, :, None]  # (H, W, 1)
    colour = np.where(grid[:, :, None] >= 0, _rgb(FOR), _rgb(AGAINST))  # (H, W, 3)
    faded = 255 - (255 - grey) * _FADED
    mixed = (faded * (1 - weight) + colour * weight).round().astype(np.uint8)
    kind = Image.Resampling.NEAREST if factor >= 1 else Image.Resampling.BOX
    return [picture.resize(size, kind) for picture in (plain, Image.fromarray(mixed))]


def coloured_words(shares: Sequence[Share], *, missing: set[str] | None = None) -> Image.Image:
    """Return a text with each word on the colour of its amount. missing: receives the characters that no font has."""
    words = [printable(share.name, limit=60) for share in shares]
    fonts = Fonts(words)
    fonts.tell(missing)
    strongest = max((abs(share.amount) for share in shares), default=0.0) or 1.0
    most, line = WIDTH * SCALE, _LINE * SCALE
    x = y = _MARGIN * SCALE
    placed = []
    for share, word in zip(shares, words, strict=True):
        runs = fonts.runs(word, _FONT * SCALE)
        width = length(runs) + 8 * SCALE
        if x + width > most and x > _MARGIN * SCALE:
            x, y = _MARGIN * SCALE, y + line
        placed.append((x, y, width, runs, share.amount / strongest))
        x += round(width + 2 * SCALE)
    picture = Image.new("RGB", (round(most), y + line + _MARGIN * SCALE), LIGHT["paper"])
    draw = ImageDraw.Draw(picture)
    for left, top, width, runs, share_of in placed:
        weight = (
            abs(share_of) ** 0.7 * 0.85 if abs(share_of) >= _WEAK else 0.0
        )  # weak ones are seen, strong ones legible
        colour = 255 - (255 - _rgb(FOR if share_of >= 0 else AGAINST)) * weight
        box = (left, top, left + width, top + line - 4 * SCALE)
        draw.rounded_rectangle(box, 3 * SCALE, tuple(int(value) for value in colour))
        ink = max(
            (LIGHT["paper"], LIGHT["ink"]), key=lambda code: contrast(luminance(_numbers(code)), luminance(colour))
        )
        start = left + 4.0 * SCALE
        for font, part in runs:
            draw.text((start, top + 17 * SCALE), part, ink, font, "ls")
            start += font.getlength(part)
    return picture


def luminance(colour: NDArray[np.float64]) -> float:
    """Return the relative luminance of WCAG 2 of a colour, (3,) from 0 to 255."""
    shares = colour / 255
    linear = np.where(shares <= 0.04045, shares / 12.92, ((shares + 0.055) / 1.055) ** 2.4)
    return float(linear @ np.array([0.2126, 0.7152, 0.0722]))


def contrast(one: float, other: float) -> float:
    """Return the contrast of WCAG 2 between two luminances, from 1 to 21."""
    return (max(one, other) + 0.05) / (min(one, other) + 0.05)


def _rgb(role: str) -> NDArray[np.float64]:
    return _numbers(LIGHT[role])


def _numbers(code: str) -> NDArray[np.float64]:
    return np.array([int(code[place : place + 2], 16) for place in (1, 3, 5)], dtype=np.float64)
