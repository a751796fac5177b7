"""Explanations of rows as a PNG, below each other: bars, coloured words, an image below its colours, steps."""

from __future__ import annotations

import math
from collections.abc import Sequence

from dlrun.report.explanations import signed, strongest, title_of, told
from dlrun.report.plots.bars import Bar, amount_text, draw_bars
from dlrun.report.plots.lines_of_text import lines_of_text
from dlrun.report.plots.overlays import coloured_words, image_overlay
from dlrun.report.plots.png import Cell, to_png
from dlrun.report.plots.scene import shortened
from dlrun.report.plots.steps import draw_steps
from dlrun.runs.explain.attribution import Attribution, Explanation, Share
from dlrun.wording import count, number

_MOST_BARS = 20
_MOST_OUTPUT = 36  # characters of what is explained, so that its numbers have room
_COLOURS = "blue adds, orange takes away"
_AXES = "; time goes right, frequency up"


def explanation_picture(explanations: Sequence[Explanation], *, missing: set[str] | None = None) -> bytes:
    """Return one picture of all of them. missing: receives the characters that no font has."""
    rows: list[list[Cell]] = []
    for explanation in explanations:
        why, output = explanation.why, shortened(explanation.output, _MOST_OUTPUT, keeps="both")
        text = [
            title_of(explanation),
            f"{output}: {number(why.value)} = {number(why.base)} with {why.baseline} "
            f"{signed(why.value - why.base)} from the row",
            f"{why.method}; {_COLOURS}{_AXES if why.look == 'sound' else ''}",
        ]
        rows += [[lines_of_text(text)], *_drawn(why, missing)]
    return to_png(rows, missing=missing)


def _drawn(why: Attribution, missing: set[str] | None) -> list[list[Cell]]:
    if why.look == "words":
        return [[coloured_words(why.parts["word"], missing=missing)], [_bars("word", why.parts["word"], 8)]]
    if why.look == "columns":
        return [[_bars("column", why.parts["column"], _MOST_BARS)]]
    if why.look == "steps":
        drawn: list[list[Cell]] = [[draw_steps("steps", "What each step adds", why.parts["step"], why.series)]]
        return drawn + [[_bars("column", why.parts["column"], _MOST_BARS)] for _ in range("column" in why.parts)]
    pictures: list[Cell] = []
    if why.image is not None and why.grid is not None:
        pictures = list(image_overlay(why.image, why.grid))
    if why.look == "sound":
        return [pictures, [draw_steps("time", "What each moment adds", why.parts["time"], {})]]
    return [pictures]


def _known(error: float) -> float:
    return error if math.isfinite(error) else 0.0


def _bars(name: str, shares: Sequence[Share], most: int) -> Cell:
    shown = strongest(shares, most)
    bars = [
        Bar(
            share.name, share.value, share.amount, amount_text(told(share.amount, shown)), deviation=_known(share.error)
        )
        for share in shown
    ]
    if len(shares) > len(shown):
        rest = sum(share.amount for share in shares) - sum(share.amount for share in shown)
        bars.append(Bar(f"{count(len(shares) - len(shown))} more", "", rest, amount_text(rest), is_rest=True))
    return draw_bars(name, f"What each {name} adds", bars)
