"""Amounts as colours over what they belong to: the pixels of an image, the words of a text. Drawn by Pillow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from dlrun.report.plots.bars import AGAINST, FOR, WIDTH
from dlrun.report.plots.direction import is_text_from_right, visual_order
from dlrun.report.plots.fonts import Font, Fonts, length
from dlrun.report.plots.png import SCALE
from dlrun.report.plots.style import LIGHT
from dlrun.runs.explain.attribution import Share
from dlrun.wording import printable

_SIDE = 360  # picture units of an image's longer side
_FADED = 0.25  # of the image below the colours
_STRONG = 0.99  # the share of pixels whose amounts are below full colour
_FONT, _LINE, _MARGIN = 15, 28, 8  # picture units
_WIDTH = round(WIDTH * SCALE)  # of a text, in pixels
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


@dataclass(frozen=True)
class _Word:
    """A word on its colour. share: of the strongest amount, -1 to 1. width: of the colour, in pixels."""

    text: str
    share: float
    runs: Sequence[tuple[Font, str]]
    width: float


def coloured_words(shares: Sequence[Share], *, missing: set[str] | None = None) -> Image.Image:
    """Return a text with each word on the colour of its amount, in the direction in which the text is read.

    missing: receives the characters that no font has.
    """
    texts = [printable(share.name, limit=60) for share in shares]
    fonts = Fonts(texts)
    fonts.tell(missing)
    strongest = max((abs(share.amount) for share in shares), default=0.0) or 1.0
    words = []
    for share, text in zip(shares, texts, strict=True):
        runs = fonts.runs(text, _FONT * SCALE)
        words.append(_Word(text, share.amount / strongest, runs, length(runs) + 8 * SCALE))
    lines, from_right = _lines_of(words), is_text_from_right(texts)
    height, margin = _LINE * SCALE, _MARGIN * SCALE
    picture = Image.new("RGB", (_WIDTH, len(lines) * height + 2 * margin), LIGHT["paper"])
    draw = ImageDraw.Draw(picture)
    for number, line in enumerate(lines):
        x = _WIDTH - margin - sum(map(_advance, line)) if from_right else margin
        for place in visual_order([word.text for word in line], from_right=from_right):
            _draw_word(draw, line[place], x, margin + number * height)
            x += _advance(line[place])
    return picture


def _lines_of(words: Sequence[_Word]) -> list[list[_Word]]:
    """Words as lines that fit the picture; one line without words."""
    margin = _MARGIN * SCALE
    lines: list[list[_Word]] = [[]]
    x = margin
    for word in words:
        if x + word.width > _WIDTH and lines[-1]:
            lines.append([])
            x = margin
        lines[-1].append(word)
        x += _advance(word)
    return lines


def _advance(word: _Word) -> int:
    """Pixels from the start of a word to that of the next."""
    return round(word.width + 2 * SCALE)


def _draw_word(draw: ImageDraw.ImageDraw, word: _Word, left: int, top: int) -> None:
    is_seen = abs(word.share) >= _WEAK
    weight = abs(word.share) ** 0.7 * 0.85 if is_seen else 0.0  # weak ones are seen, strong ones legible
    colour = 255 - (255 - _rgb(FOR if word.share >= 0 else AGAINST)) * weight
    box = (left, top, left + word.width, top + (_LINE - 4) * SCALE)
    draw.rounded_rectangle(box, 3 * SCALE, tuple(int(value) for value in colour))
    inks = (LIGHT["paper"], LIGHT["ink"])
    ink = max(inks, key=lambda code: contrast(luminance(_numbers(code)), luminance(colour)))
    start = left + 4.0 * SCALE
    for font, part in word.runs:
        draw.text((start, top + 17 * SCALE), part, ink, font, "ls")
        start += font.getlength(part)


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
