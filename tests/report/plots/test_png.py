"""Scenes as PNG: what is drawn where, in which colour."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from dlrun.report.plots.png import SOFTWARE, to_png
from dlrun.report.plots.scene import Box, Dot, Line, Scene
from dlrun.report.plots.style import LIGHT


def picture(scene: Scene) -> Image.Image:
    return Image.open(io.BytesIO(to_png([[scene]])))


def colour(role: str) -> tuple[int, ...]:
    return tuple(int(LIGHT[role][at : at + 2], 16) for at in (1, 3, 5))


def test_marks_are_drawn_at_twice_their_size_within_a_margin() -> None:
    scene = Scene("a", "A", 100, 50)
    scene.marks += [Box(10, 10, 20, 10, "rank3"), Line([(50, 25), (90, 25)], "best", "series1")]
    image = picture(scene)
    assert image.size == (16 + 200 + 16, 16 + 100 + 16)
    assert image.info["Software"] == SOFTWARE
    assert image.getpixel((16 + 30, 16 + 30)) == colour("rank3")
    assert image.getpixel((16 + 140, 16 + 50)) == colour("series1")
    assert image.getpixel((16 + 2, 16 + 2)) == (255, 255, 255)


def test_a_dashed_line_has_gaps_of_its_own_length() -> None:
    scene = Scene("a", "A", 100, 20)
    scene.line([(0, 10), (40, 10), (100, 10)], "series1", "series1")  # 9 drawn, 3 not
    row = [picture(scene).getpixel((16 + 2 * x + 1, 16 + 20)) == colour("series1") for x in range(1, 48)]
    assert [row[x - 1] for x in (4, 10, 16, 22, 28, 34)] == [True, False, True, False, True, False]


def test_a_dot_is_translucent() -> None:
    scene = Scene("a", "A", 20, 20)
    scene.marks.append(Dot(10, 10, 5, "ghost", "rank6"))
    assert picture(scene).getpixel((16 + 20, 16 + 20)) == tuple(
        round(255 * 0.7 + 0.3 * part) for part in colour("rank6")
    )


def test_labels_and_halos_leave_ink() -> None:
    scene = Scene("a", "A", 100, 30)
    scene.label(50, 20, "0.01", "middle", role="ink", halo=True)
    colours = picture(scene).getcolors(10_000)
    assert colours is not None
    assert colour("ink") in [each for _, each in colours]


def test_rows_of_scenes_lie_below_and_beside_one_another() -> None:
    scenes = [Scene(str(n), "", 10 * (n + 1), 10) for n in range(3)]
    assert Image.open(io.BytesIO(to_png([scenes[:2], [scenes[2]], []]))).size == (16 + 36 + 56, 16 + 36 + 36)


def test_a_turned_label_goes_upwards_from_its_place() -> None:
    scene = Scene("s", "S", 60, 60)
    scene.label(30, 50, "a long one", is_turned=True)
    with Image.open(io.BytesIO(to_png([[scene]]))) as picture:
        dark = np.argwhere(np.asarray(picture.convert("L")) < 200)
    (top, left), (bottom, right) = dark.min(axis=0), dark.max(axis=0)
    assert bottom - top > 2 * (right - left)
    assert bottom <= 16 + 50 * 2 + 4
