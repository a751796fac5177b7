"""A scene as inline SVG for a page: classes instead of colours, so that the page's style sheet decides them."""

from __future__ import annotations

from collections.abc import Sequence

from dlrun.report.pages.text import escape
from dlrun.report.plots.scene import Box, Dot, Label, Line, Mark, Scene


def to_svg(scene: Scene) -> str:
    """Return the SVG element. Texts are escaped; there are no ids, styles, links or scripts in it."""
    marks = "".join(map(_mark, scene.marks))
    width, height = _n(scene.width), _n(scene.height)
    size = f'viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
    return f'<svg {size} role="img" aria-label="{escape(scene.title)}">{marks}</svg>'


def _mark(mark: Mark) -> str:
    if isinstance(mark, Line):
        return f'<path class="is-{mark.shape} {mark.role}"{_of(mark.of)} d="{_path(mark.vertices)}"/>'
    if isinstance(mark, Dot):
        place = f'cx="{_n(mark.x)}" cy="{_n(mark.y)}" r="{_n(mark.radius)}"'
        return f'<circle class="is-{mark.shape} {mark.role}"{_of(mark.of)} {place}/>'
    if isinstance(mark, Box):
        place = f'x="{_n(mark.x)}" y="{_n(mark.y)}" width="{_n(mark.width)}" height="{_n(mark.height)}"'
        return f'<rect class="is-box {mark.role}" {place}/>'
    return _label(mark)


def _label(mark: Label) -> str:
    whole = f"<title>{escape(mark.whole)}</title>" if mark.whole else ""
    classes = f"{mark.role}{' halo' if mark.halo else ''}"
    anchor = "" if mark.anchor == "start" else f' text-anchor="{mark.anchor}"'
    x, y = _n(mark.x), _n(mark.y)
    turned = f' transform="rotate(-90 {x} {y})"' if mark.is_turned else ""
    place = f'x="{x}" y="{y}" font-size="{_n(mark.size)}"{turned}'
    return f'<text class="{classes}" {place}{anchor}>{escape(mark.text)}{whole}</text>'


def _path(vertices: Sequence[tuple[float, float]]) -> str:
    """Return the path's data: the first vertex, then the steps to each next one, which are shorter to write."""
    if not vertices:
        return ""
    x, y = round(vertices[0][0], 1), round(vertices[0][1], 1)
    parts = [f"M{_n(x)} {_n(y)}l"]
    for next_x, next_y in vertices[1:]:
        dx, dy = round(round(next_x, 1) - x, 1), round(round(next_y, 1) - y, 1)
        x, y = round(x + dx, 1), round(y + dy, 1)
        parts.append(f"{_n(dx)} {_n(dy)} ")
    return "".join(parts).strip().removesuffix("l")  # of a single vertex no step follows


def _of(numbers: tuple[int, ...]) -> str:
    return f' data-p="{" ".join(map(str, numbers))}"' if numbers else ""


def _n(value: float) -> str:
    """Format a length with a tenth of a unit."""
    return f"{value:.1f}".removesuffix(".0").replace("-0.", "-.") if value else "0"
