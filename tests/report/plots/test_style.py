"""Shapes and colours: everything that a scene names exists in light and dark, and can be told apart."""

from __future__ import annotations

from dlrun.report.plots.style import DARK, LIGHT, NUM_HEATS, NUM_RANKS, NUM_SERIES, SHAPES, css, on_heat_role, rank_role


def luminance(code: str) -> float:
    """The relative luminance of WCAG 2."""
    parts = [int(code[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_light_and_dark_have_the_same_roles() -> None:
    assert list(LIGHT) == list(DARK)
    assert {f"rank{number}" for number in range(NUM_RANKS)} <= set(LIGHT)
    assert {f"series{number}" for number in range(NUM_SERIES)} <= set(LIGHT) & set(SHAPES)


def test_texts_can_be_read_on_the_paper_and_on_every_heat() -> None:
    for theme in (LIGHT, DARK):
        assert min(contrast(theme[role], theme["paper"]) for role in ("ink", "muted")) >= 4.5
        for step in range(NUM_HEATS):
            assert contrast(theme[f"heat{step}"], theme[on_heat_role((step + 0.5) / NUM_HEATS)]) >= 4.5, step


def test_ranks_differ_in_lightness_alone_and_the_best_has_the_most_contrast() -> None:
    for theme, sign in ((LIGHT, -1), (DARK, 1)):
        ladder = [sign * luminance(theme[f"rank{number}"]) for number in range(NUM_RANKS)]
        assert ladder == sorted(ladder)
        assert len(set(ladder)) == NUM_RANKS


def test_texts_and_series_can_be_read() -> None:
    for theme in (LIGHT, DARK):
        assert contrast(theme["ink"], theme["paper"]) > 12
        assert contrast(theme["muted"], theme["paper"]) > 4.5
        assert all(contrast(theme[f"series{number}"], theme["paper"]) > 3 for number in range(NUM_SERIES))


def test_a_rank_is_a_share_of_all() -> None:
    assert [rank_role(position, 3) for position in range(3)] == ["rank6", "rank3", "rank0"]
    assert rank_role(0, 1) == "rank6"


def test_the_style_sheet_has_every_shape_and_both_themes() -> None:
    text = css()
    assert all(f".is-{name}{{" in text for name in SHAPES)
    assert LIGHT["rank6"] in text
    assert DARK["rank6"] in text
    assert "@media screen and (prefers-color-scheme:dark)" in text  # paper is always light
