"""Scenes as a PNG, drawn by Pillow: at four times the size, then halved, so that lines are smooth and sharp."""

from __future__ import annotations

import io
import itertools
import math
from collections.abc import Iterator, Sequence

from PIL import Image, ImageDraw, PngImagePlugin

from dlrun.report.plots.fonts import Fonts, length
from dlrun.report.plots.scene import Box, Dot, Label, Line, Scene
from dlrun.report.plots.style import LIGHT, SHAPES, Shape

SCALE = 2  # pixels of the picture for a unit
_SMOOTH = 2  # drawn so many times larger
SOFTWARE = "dlrun report"
"""The PNG's field Software, by which a picture of dlrun's own is known."""

Cell = Scene | Image.Image
"""A scene, or a picture that is drawn already."""
_Vertices = Sequence[tuple[float, float]]


def to_png(columns: Sequence[Sequence[Cell]], *, missing: set[str] | None = None) -> bytes:
    """Return a picture with rows of scenes or pictures, side by side; a single scene is [[scene]].

    missing: receives the characters that no font has, which are boxes (`fonts.notice`).
    """
    gap = 8 * SCALE
    scenes = [cell for row in columns for cell in row if isinstance(cell, Scene)]
    fonts = Fonts(mark.text for scene in scenes for mark in scene.marks if isinstance(mark, Label))
    fonts.tell(missing)
    rows = [[cell if isinstance(cell, Image.Image) else _drawn(cell, fonts) for cell in row] for row in columns if row]
    width = max(sum(image.width + gap for image in row) for row in rows) + gap
    height = sum(max(image.height for image in row) + gap for row in rows) + gap
    picture = Image.new("RGB", (width, height), LIGHT["paper"])
    y = gap
    for row in rows:
        x = gap
        for image in row:
            picture.paste(image, (x, y))
            x += image.width + gap
        y += max(image.height for image in row) + gap
    about = PngImagePlugin.PngInfo()
    about.add_text("Software", SOFTWARE)
    stream = io.BytesIO()
    picture.save(stream, "PNG", pnginfo=about, optimize=True)
    return stream.getvalue()


def _drawn(scene: Scene, fonts: Fonts) -> Image.Image:
    factor = SCALE * _SMOOTH
    size = (math.ceil(scene.width) * factor, math.ceil(scene.height) * factor)
    image = Image.new("RGB", size, LIGHT["paper"])
    draw = ImageDraw.Draw(image, "RGBA")
    for mark in scene.marks:
        if isinstance(mark, Line):
            _draw_line(draw, mark, factor)
        elif isinstance(mark, Dot):
            x, y, radius = mark.x * factor, mark.y * factor, mark.radius * factor
            fill = _colour(mark.role, SHAPES[mark.shape].opacity)
            draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=fill)
        elif isinstance(mark, Box):
            corner = ((mark.x + mark.width) * factor - 1, (mark.y + mark.height) * factor - 1)
            fill = _colour(mark.role, 0.75 if mark.role == "veil" else 1.0)
            draw.rectangle((mark.x * factor, mark.y * factor, *corner), fill=fill)
        elif mark.is_turned:
            _draw_turned(image, mark, factor, fonts)
        else:
            _draw_label(draw, mark, factor, fonts)
    return image.resize((size[0] // _SMOOTH, size[1] // _SMOOTH), Image.Resampling.BOX)


def _draw_line(draw: ImageDraw.ImageDraw, mark: Line, factor: int) -> None:
    shape = SHAPES[mark.shape]
    vertices = [(x * factor, y * factor) for x, y in mark.vertices]
    width = max(1, round(shape.width * factor))
    pieces = _dashes(vertices, shape, factor) if shape.dash else [vertices]
    for piece in pieces:
        draw.line(list(piece), fill=_colour(mark.role, shape.opacity), width=width, joint="curve")


def _draw_label(draw: ImageDraw.ImageDraw, mark: Label, factor: int, fonts: Fonts) -> None:
    halo = {"stroke_width": 2 * factor, "stroke_fill": LIGHT["paper"]} if mark.halo else {}
    runs = fonts.runs(mark.text, mark.size * factor)
    x, y = mark.x * factor, mark.y * factor
    x -= {"start": 0, "middle": length(runs) / 2, "end": length(runs)}[mark.anchor]
    for font, part in runs:
        draw.text((x, y), part, LIGHT[mark.role], font, "ls", **halo)  # type: ignore[arg-type]
        x += font.getlength(part)


def _draw_turned(image: Image.Image, mark: Label, factor: int, fonts: Fonts) -> None:
    """Draw a label that is read from below to above, as a mask that is turned."""
    runs = fonts.runs(mark.text, mark.size * factor)
    width, height = math.ceil(length(runs)) + 1, math.ceil(mark.size * 1.4 * factor)
    baseline = math.ceil(mark.size * 1.1 * factor)
    mask, x = Image.new("L", (width, height)), 0.0
    for font, part in runs:
        ImageDraw.Draw(mask).text((x, baseline), part, 255, font, "ls")
        x += font.getlength(part)
    start = {"start": 0, "middle": width // 2, "end": width}[mark.anchor]
    corner = (round(mark.x * factor) - baseline, round(mark.y * factor) - width + start)
    image.paste(LIGHT[mark.role], corner, mask.rotate(90, expand=True))


def _dashes(vertices: _Vertices, shape: Shape, factor: int) -> Iterator[list[tuple[float, float]]]:
    """Yield the dashes of a line, each with the vertices within it."""
    lengths = [each * factor for each in shape.dash]
    number, left = 0, lengths[0]
    piece = [vertices[0]]
    for (x, y), (to_x, to_y) in itertools.pairwise(vertices):
        rest = math.hypot(to_x - x, to_y - y)
        while rest > left:
            x, y = x + (to_x - x) * left / rest, y + (to_y - y) * left / rest
            rest -= left
            if number % 2 == 0:
                yield [*piece, (x, y)]
            number += 1
            left, piece = lengths[number % len(lengths)], [(x, y)]
        left -= rest
        piece.append((to_x, to_y))
    if number % 2 == 0 and len(piece) > 1:
        yield piece


def _colour(role: str, opacity: float) -> tuple[int, int, int, int]:
    code = LIGHT[role]
    return int(code[1:3], 16), int(code[3:5], 16), int(code[5:7], 16), round(opacity * 255)
