"""How marks look: their shapes, and the colours of their roles in light and dark.

Ranks go from dark to light in one direction (viridis), so that they can be told apart without seeing colours; the best
has the strongest contrast to the paper. Heats go from near the paper to a strong blue. The series are the colours of
Okabe and Ito, each with a dash of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

NUM_RANKS = 7
NUM_SERIES = 5
NUM_HEATS = 10


@dataclass(frozen=True)
class Shape:
    """width: of the stroke; 0 fills the shape. opacity: 0 to 1. dash: lengths of stroke and gap."""

    width: float = 0.0
    opacity: float = 1.0
    dash: tuple[float, ...] = ()


SHAPES: Mapping[str, Shape] = {
    "axis": Shape(1.0),
    "grid": Shape(1.0),
    "thin": Shape(1.2, 0.65),
    "faint": Shape(0.8, 0.4),
    "mist": Shape(0.8, 0.13),
    "best": Shape(2.4),
    "bar": Shape(1.4, 0.8),
    "median": Shape(2.0),
    "front": Shape(1.4, 0.9, (5, 3)),
    "dot": Shape(opacity=0.85),
    "ghost": Shape(opacity=0.3),
    "series0": Shape(2.4),
    "series1": Shape(2.2, dash=(9, 3)),
    "series2": Shape(2.2, dash=(2, 2.5)),
    "series3": Shape(2.2, dash=(9, 3, 2, 3)),
    "series4": Shape(2.2, dash=(5, 2)),
}

LIGHT: Mapping[str, str] = {
    "paper": "#ffffff",
    "veil": "#ffffff",
    "ink": "#1b1f24",
    "muted": "#57606a",
    "grid": "#e4e7eb",
    "other": "#8b949e",
    "rank0": "#b5d33d",
    "rank1": "#6cbf59",
    "rank2": "#2fa781",
    "rank3": "#24868e",
    "rank4": "#33638d",
    "rank5": "#443983",
    "rank6": "#440154",
    "series0": "#0072b2",
    "series1": "#d55e00",
    "series2": "#00805c",
    "series3": "#b3568f",
    "series4": "#a66f00",
    "heat0": "#f3f7fb",
    "heat1": "#dce9f5",
    "heat2": "#bdd5ea",
    "heat3": "#93bbdc",
    "heat4": "#659ccb",
    "heat5": "#3a77b0",
    "heat6": "#2a629d",
    "heat7": "#1c4a80",
    "heat8": "#123763",
    "heat9": "#0a274a",
}
DARK: Mapping[str, str] = {
    "paper": "#14171c",
    "veil": "#14171c",
    "ink": "#e8ebef",
    "muted": "#a3adb8",
    "grid": "#2b3038",
    "other": "#6e7781",
    "rank0": "#5b4b9a",
    "rank1": "#4a6bb0",
    "rank2": "#3a8aa8",
    "rank3": "#2fa58f",
    "rank4": "#5cc468",
    "rank5": "#a9db3f",
    "rank6": "#fde725",
    "series0": "#56b4e9",
    "series1": "#ff8b45",
    "series2": "#2fc79b",
    "series3": "#e293c2",
    "series4": "#e6b33d",
    "heat0": "#191f28",
    "heat1": "#1d2a3a",
    "heat2": "#22384f",
    "heat3": "#284a6b",
    "heat4": "#2f5f8b",
    "heat5": "#4486be",
    "heat6": "#5497cc",
    "heat7": "#73aee0",
    "heat8": "#9dc9f0",
    "heat9": "#c9e4fb",
}


def rank_role(position: int, count: int) -> str:
    """Return the role of a rank: position 0 is the best of `count`."""
    share = 1.0 if count < 2 else 1 - position / (count - 1)
    return f"rank{min(int(share * NUM_RANKS), NUM_RANKS - 1)}"


def heat_role(share: float) -> str:
    """Return the role of a share from 0 to 1, and beyond its ends that of the end."""
    return f"heat{min(max(int(share * NUM_HEATS), 0), NUM_HEATS - 1)}"


def on_heat_role(share: float) -> str:
    """Return the role of a text that can be read on the heat of a share."""
    return "paper" if int(share * NUM_HEATS) >= NUM_HEATS // 2 else "ink"


def css() -> str:
    """Return the style sheet of the marks: roles set the variable --c, shapes use it."""
    light = "".join(f"--{role}:{colour};" for role, colour in LIGHT.items())
    dark = "".join(f"--{role}:{colour};" for role, colour in DARK.items())
    roles = "".join(f".{role}{{--c:var(--{role})}}" for role in LIGHT)
    shapes = "".join(f"svg .is-{name}{{{_declarations(shape)}}}" for name, shape in SHAPES.items())
    return (
        f":root{{color-scheme:light dark;{light}}}"
        f"@media screen and (prefers-color-scheme:dark){{:root{{{dark}}}}}"
        f"{roles}{shapes}"
        ".on-ink{--t:var(--ink)}.on-paper{--t:var(--paper)}"
        "svg text{fill:var(--c)}"
        "svg .halo{paint-order:stroke;stroke:var(--paper);stroke-width:4px;stroke-linejoin:round}"
        "svg .is-box{fill:var(--c)}svg .veil{fill-opacity:.75}"
    )


def _declarations(shape: Shape) -> str:
    if not shape.width:
        return f"fill:var(--c);fill-opacity:{shape.opacity:g}"
    dash = f";stroke-dasharray:{' '.join(f'{each:g}' for each in shape.dash)}" if shape.dash else ""
    return (
        f"fill:none;stroke:var(--c);stroke-width:{shape.width:g};stroke-opacity:{shape.opacity:g};"
        f"stroke-linejoin:round{dash}"
    )
