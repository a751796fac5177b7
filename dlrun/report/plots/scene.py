"""What a plot consists of: lines, dots and labels in picture units, from the top left corner, without colours.

Each mark names its shape (how it is drawn) and its role (its colour in light and dark), both in `style.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from rich.cells import cell_len

Anchor = Literal["start", "middle", "end"]
Keeps = Literal["start", "end", "both"]


@dataclass(frozen=True)
class Line:
    """A line through vertices (x, y). of: the numbers of the points of the sweep that it shows."""

    vertices: Sequence[tuple[float, float]]
    shape: str
    role: str
    of: tuple[int, ...] = ()


@dataclass(frozen=True)
class Dot:
    """A disc."""

    x: float
    y: float
    radius: float
    shape: str
    role: str
    of: tuple[int, ...] = ()


@dataclass(frozen=True)
class Box:
    """A filled rectangle."""

    x: float
    y: float
    width: float
    height: float
    role: str


@dataclass(frozen=True)
class Label:
    """A text whose baseline begins, is centred or ends at (x, y)."""

    x: float
    y: float
    text: str
    anchor: Anchor = "start"
    size: float = 12
    role: str = "muted"
    halo: bool = False  # drawn over lines, with the paper around it
    whole: str = ""  # the text, where `text` is cut
    is_turned: bool = False  # read from below to above


Mark = Line | Dot | Box | Label


@dataclass
class Scene:
    """A plot. name: of its file. title: what it shows, in words, for whoever cannot see it."""

    name: str
    title: str
    width: float
    height: float
    marks: list[Mark] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)  # what it could not show

    def line(self, vertices: Sequence[tuple[float, float]], shape: str, role: str, *, of: tuple[int, ...] = ()) -> None:
        """Add a line."""
        self.marks.append(Line(vertices, shape, role, of))

    def label(
        self, x: float, y: float, text: str, anchor: Anchor = "start", *, most: int = 200, size: float = 12,
        role: str = "muted", halo: bool = False, keeps: Keeps = "start", is_turned: bool = False,
    ) -> None:  # fmt: skip
        """Add a text, cut to `most` characters."""
        cut = shortened(text, most, keeps=keeps)
        self.marks.append(Label(x, y, cut, anchor, size, role, halo, text if cut != text else "", is_turned))


def shortened(text: str, most: int, *, keeps: Keeps = "start") -> str:
    """Return a text of the width of at most `most` letters, with an ellipsis for what is missing.

    keeps: what stays: of keys the end, of names that may differ only there both ends. most: from 3 on.
    """
    if cell_len(text) <= most:
        return text
    end = {"start": 0, "both": (most - 1) // 2, "end": most - 1}[keeps]
    return f"{_start(text, most - 1 - end)}…{_start(text[::-1], end)[::-1]}"


def _start(text: str, most: int) -> str:
    """The characters that a text begins with, as many as have the width of `most` letters."""
    kept = text[:most]
    while cell_len(kept) > most:
        kept = kept[:-1]
    return kept
