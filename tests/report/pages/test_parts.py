"""Tables, lists and figures as HTML."""

from __future__ import annotations

from dlrun.report.pages.parts import Cell, breakable, bullets, code, facts, figure, grid, legend, shown, table
from dlrun.report.plots.scene import Scene


def test_a_table_connects_its_rows_with_points_and_sorts_by_exact_values() -> None:
    text = table(["point", "name", "loss"], [(7, [Cell("7", 7.0), Cell("<b>"), Cell("0.3333", 1 / 3)])])
    assert text == (
        '<div class="table"><table class="sortable"><thead><tr><th scope="col" class="n">point</th>'
        '<th scope="col">name</th><th scope="col" class="n">loss</th></tr></thead><tbody>'
        '<tr class="row" data-p="7"><td class="n" data-v="7">7</td><td>&lt;b&gt;</td>'
        '<td class="n" data-v="0.3333333">0.3333</td></tr></tbody></table></div>'
    )


def test_a_long_heading_or_cell_may_have_several_lines_and_the_longest_heading_is_cut() -> None:
    text = table(["a" * 50 + "b" * 50], [(None, [Cell("x" * 29)])])
    assert f'<th scope="col" class="long">{"a" * 30}…{"b" * 29}<' in text
    assert f'<td class="long">{"x" * 29}</td>' in text


def test_rows_that_are_not_printed_are_told_on_paper() -> None:
    text = table(["a"], [(None, [Cell("x")])] * 62)
    assert text.count('<tr class="late">') == 2
    assert "and 2 more rows, which the page shows on a screen" in text
    text = table([f"c{n}" for n in range(15)], [(None, [Cell("x")] * 15)])
    assert text.count('<td class="late">') == text.count('<th scope="col" class="late">') == 1
    assert "and 1 more column, which the page shows on a screen" in text


def test_texts_are_escaped_everywhere() -> None:
    evil = '"><img src=x onerror=alert(1)>'
    parts = [
        table([evil], [(1, [Cell(evil, evil)])]), bullets([evil]), code(evil), facts({evil: evil}), legend([(1, evil)]),
        figure(Scene(evil, evil, 1, 1)), grid([Scene(evil, evil, 1, 1)]), breakable(evil),
    ]  # fmt: skip
    for text in parts:
        assert "<img" not in text
        assert "&quot;&gt;&lt;img" in text


def test_values_are_shown_as_a_user_writes_them_and_cut() -> None:
    assert [shown(value) for value in (None, True, "a b", [1, 2])] == ["null", "true", "a b", "[1, 2]"]
    assert len(shown("x" * 9000)) == 400


def test_a_long_key_may_be_broken() -> None:
    assert breakable("optimizer.weight_decay") == "optimizer.<wbr>weight_<wbr>decay"


def test_nothing_to_list_is_nothing() -> None:
    assert bullets([]) == ""
