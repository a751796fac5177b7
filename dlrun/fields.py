"""The types of configuration fields: what an option's signature may say, and how a value is held against it.

Nothing here imports torch, so an option's file can use these names in its signature and still be read without
importing it (`dlrun.schema`).
"""

from __future__ import annotations

import math
import types
from dataclasses import dataclass, fields, is_dataclass
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from dlrun.errors import did_you_mean


@dataclass(frozen=True)
class Range:
    """Bounds of a number, both included unless `above` or `below` is used; None is unbounded."""

    low: float | None = None
    high: float | None = None
    above: float | None = None
    below: float | None = None

    def holds(self, value: float) -> bool:
        """Whether `value` lies inside."""
        return (
            (self.low is None or value >= self.low)
            and (self.high is None or value <= self.high)
            and (self.above is None or value > self.above)
            and (self.below is None or value < self.below)
        )

    def __str__(self) -> str:
        low = f"above {self.above:g}" if self.above is not None else f"from {self.low:g}" if self.low is not None else ""
        if self.high is not None:
            return f"{low} to {self.high:.10g}" if self.low is not None else f"{low}, at most {self.high:.10g}".lstrip(", ")
        if self.below is not None:
            return f"{low} and below {self.below:g}" if low else f"below {self.below:g}"
        return low if self.low is None else f"{low} up"


@dataclass(frozen=True)
class Machine:
    """Marks a field that names an address, which a recipe from somebody else must not choose."""


Url = Annotated[str, Machine()]
Positive = Annotated[float, Range(above=0)]
NonNegative = Annotated[float, Range(low=0)]
Fraction = Annotated[float, Range(low=0, below=1)]
Probability = Annotated[float, Range(low=0, high=1)]
LearningRate = Annotated[float, Range(above=0, high=1000)]
Count = Annotated[int, Range(low=1, high=1_000_000_000)]
CountOrZero = Annotated[int, Range(low=0, high=1_000_000_000)]
Width = Annotated[int, Range(low=1, high=65_536)]
Depth = Annotated[int, Range(low=1, high=64)]
Kernel = Annotated[int, Range(low=1, high=63)]
Pixels = Annotated[int, Range(low=0, high=64)]
Seed = Annotated[int, Range(low=0, high=4_294_967_295)]

Activation = Literal["relu", "leaky_relu", "elu", "selu", "gelu", "silu", "tanh", "sigmoid", "softplus", "identity"]
Init = Literal["default", "kaiming", "xavier", "orthogonal", "normal", "zeros"]
Norm = Literal["none", "batch", "layer", "group"]
OptimizerFields = dict[str, Any]
"""Fields of the chosen optimizer, overridden for one side of a model with several."""


@dataclass(frozen=True)
class Augment:
    """What is done to a training image, drawn anew each epoch from (seed, epoch, index of the image)."""

    shift: Pixels = 0  # moved by up to this many pixels each way, background filled in
    crop: Pixels = 0  # padded by this many reflected pixels, then cut back to size at a random place
    flip: bool = False  # mirrored left to right, half of the time


def is_optional(kind: Any) -> bool:
    """Whether None is allowed."""
    return get_origin(kind) in (Union, types.UnionType) and type(None) in get_args(kind)


def describe(kind: Any) -> str:
    """The type in words: "a whole number from 1 to 9", "one of relu, tanh", "a list of numbers"."""
    origin = get_origin(kind)
    if origin is Annotated:
        base, *marks = get_args(kind)
        ranges = " ".join(str(mark) for mark in marks if isinstance(mark, Range))
        return f"{describe(base)} {ranges}".strip()
    if origin in (Union, types.UnionType):
        inner = [arg for arg in get_args(kind) if arg is not type(None)]
        words = " or ".join(describe(arg) for arg in inner)
        return f"{words} or null" if is_optional(kind) else words
    if origin is Literal:
        return "one of " + ", ".join(str(choice) for choice in get_args(kind))
    if origin is list:
        (item,) = get_args(kind)
        return f"a list, each {describe(item)}"
    if origin is dict or kind is dict:
        return "a mapping"
    if is_dataclass(kind):
        return "a mapping of " + ", ".join(field.name for field in fields(kind))
    names = {int: "a whole number", float: "a number", bool: "true or false", str: "a text", type(None): "null"}
    return names.get(kind, getattr(kind, "__name__", str(kind)))


def show(value: Any) -> str:
    """A configuration value as the user would write it."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f'"{printable(value)}"'
    if isinstance(value, list):
        return "[" + ", ".join(show(item) for item in value[:8]) + (", ...]" if len(value) > 8 else "]")
    return printable(repr(value) if not isinstance(value, dict) else str(value))


def printable(text: str, *, limit: int = 120) -> str:
    """`text` with control characters made visible and cut to `limit` characters, safe for a terminal."""
    shown = "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"


def misfit(kind: Any, value: Any, *, key: str) -> list[tuple[str, str]]:
    """What is wrong with `value` as a `kind`: pairs of key and message; empty when it fits."""
    origin = get_origin(kind)
    if origin is Annotated:
        base, *marks = get_args(kind)
        wrong = misfit(base, value, key=key)
        if not wrong and any(isinstance(mark, Range) and not mark.holds(value) for mark in marks):
            return [(key, f"Expected {describe(kind)}, got {show(value)}.")]
        return [(key, f"Expected {describe(kind)}, got {show(value)}.")] if wrong else []
    if origin in (Union, types.UnionType):
        attempts = [misfit(arg, value, key=key) for arg in get_args(kind)]
        if any(not attempt for attempt in attempts):
            return []
        return [(key, f"Expected {describe(kind)}, got {show(value)}.")]
    if origin is Literal:
        choices = [str(choice) for choice in get_args(kind)]
        if value in get_args(kind) and not isinstance(value, bool):
            return []
        return [(key, f"Expected {describe(kind)}, got {show(value)}. {did_you_mean(str(value), choices)}".rstrip())]
    if origin is list:
        if not isinstance(value, list):
            return [(key, f"Expected {describe(kind)}, got {show(value)}.")]
        (item,) = get_args(kind)
        return [wrong for i, entry in enumerate(value) for wrong in misfit(item, entry, key=f"{key}[{i}]")]
    if origin is dict or kind is dict:
        if isinstance(value, dict) and all(isinstance(name, str) for name in value):
            return []
        return [(key, f"Expected a mapping, got {show(value)}.")]
    if is_dataclass(kind):
        return _misfit_of_mapping(kind, value, key=key)
    return [] if _is_plain(kind, value) else [(key, f"Expected {describe(kind)}, got {show(value)}.")]


def _is_plain(kind: Any, value: Any) -> bool:
    if kind is bool or kind is type(None) or kind is str:
        return isinstance(value, kind)
    if isinstance(value, bool):  # a bool is an int to Python, but not to a person
        return False
    if kind is int:
        return isinstance(value, int)
    if kind is float:
        return isinstance(value, int | float) and math.isfinite(value)
    return isinstance(value, kind)


def _misfit_of_mapping(kind: Any, value: Any, *, key: str) -> list[tuple[str, str]]:
    if not isinstance(value, dict):
        return [(key, f"Expected {describe(kind)}, got {show(value)}.")]
    hints = get_type_hints(kind, include_extras=True)
    wrong: list[tuple[str, str]] = []
    for name, entry in value.items():
        if name not in hints:
            wrong.append((f"{key}.{name}", f'{key} has no field "{printable(str(name))}". {did_you_mean(str(name), hints, prefix=key + ".")}'))
        else:
            wrong.extend(misfit(hints[name], entry, key=f"{key}.{name}"))
    return wrong
