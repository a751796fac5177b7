"""Scenes as SVG."""

from __future__ import annotations

from xml.etree import ElementTree

from dlrun.report.plots.scene import Box, Dot, Line, Scene
from dlrun.report.plots.svg import to_svg


def test_marks_become_elements_with_classes_and_points() -> None:
    scene = Scene("a", "A title", 100, 50.25)
    scene.marks += [
        Line([(1, 2), (3.55, 2), (3.55, 1)], "thin", "rank0", (4, 5)),
        Dot(1, 2, 3.26, "dot", "rank1", (4,)),
        Box(0, 0, 14, 12, "rank2"),
    ]
    assert to_svg(scene) == (
        '<svg viewBox="0 0 100 50.2" width="100" height="50.2" role="img" aria-label="A title">'
        '<path class="is-thin rank0" data-p="4 5" d="M1 2l2.5 0 0 -1"/>'
        '<circle class="is-dot rank1" data-p="4" cx="1" cy="2" r="3.3"/>'
        '<rect class="is-box rank2" x="0" y="0" width="14" height="12"/></svg>'
    )


def test_steps_do_not_add_up_rounding() -> None:
    scene = Scene("a", "A", 10, 10)
    scene.line([(n * 0.04, 0) for n in range(1001)], "thin", "rank0")
    path = to_svg(scene).partition(' d="M')[2].partition('"')[0]
    first, _, rest = path.partition("l")
    steps = [float(each) for each in rest.split()][::2]
    assert abs(float(first.split()[0]) + sum(steps) - 40.0) < 1e-6


def test_texts_cannot_leave_their_element() -> None:
    scene = Scene("a", '"><script>', 10, 10)
    scene.label(1, 2, "</text><script>alert('1')</script>\x1b\u202e", most=12)
    svg = to_svg(scene)
    assert "<script" not in svg
    (text,) = ElementTree.fromstring(svg)  # noqa: S314 - our own text
    assert text.text == "</text><scr…"
    assert text[0].text == "</text><script>alert('1')</script>\\x1b\\u202e"


def test_an_empty_line_is_an_empty_path() -> None:
    scene = Scene("a", "A", 10, 10)
    scene.line([], "thin", "rank0")
    assert 'd=""' in to_svg(scene)


def test_a_turned_label_is_turned_about_its_place() -> None:
    scene = Scene("s", "S", 9, 9)
    scene.label(3, 4, "up", is_turned=True)
    assert '<text class="muted" x="3" y="4" font-size="12" transform="rotate(-90 3 4)">up</text>' in to_svg(scene)


def test_a_line_of_one_vertex_is_a_place() -> None:
    scene = Scene("s", "S", 9, 9)
    scene.line([(3, 4)], "thin", "rank0")
    assert ' d="M3 4"/>' in to_svg(scene)
