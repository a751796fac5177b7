"""The types of configuration fields: what an option's signature may say, and how a value is held against it.

Nothing here imports torch, so an option's file can use these names in its signature and still be read without
importing it (`dlrun.configuration.schema.groups`).
"""

from __future__ import annotations

import re
import sys
import types
from dataclasses import dataclass, fields, is_dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from dlrun.errors import did_you_mean, nearest
from dlrun.wording import printable_key, show

_NAME = re.compile(r"(?!(?:null|true|false|nan|inf)$)[A-Za-z_][A-Za-z0-9_]*", re.IGNORECASE | re.ASCII)


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
        low = f"from {self.low:.10g}" if self.low is not None else ""
        if self.above is not None:
            low = f"above {self.above:.10g}"
        if self.high is not None:
            joined = f"{low} to" if self.low is not None else f"{low}, at most".lstrip(", ")
            return f"{joined} {self.high:.10g}"
        if self.below is not None:
            return f"{low} and below {self.below:.10g}" if low else f"below {self.below:.10g}"
        return low if self.low is None else f"{low} up"


@dataclass(frozen=True)
class Machine:
    """Marks a field that names an address, which a recipe from somebody else must not choose."""


@dataclass(frozen=True)
class Private:
    """Marks a field that names a file or folder of the user's; a recipe may name one below the current folder only."""


@dataclass(frozen=True)
class Time:
    """Marks a text that says how long: 90s, 10m, 3h50m, 1d12h."""

    def __str__(self) -> str:
        return "that says how long, such as 90s, 10m or 3h50m"


_DURATION = re.compile(r"(?:(\d{1,4})d)?(?:(\d{1,6})h)?(?:(\d{1,8})m)?(?:(\d{1,9})s)?", re.ASCII)
_CLOCK = re.compile(r"(\d{1,4}):(\d{2}):(\d{2})", re.ASCII)


def seconds_of(text: str) -> int | None:
    """The seconds that 90s, 10m or 3h50m say; None for what says no time, or none at all."""
    found = _DURATION.fullmatch(text)
    if found is None:
        return None
    days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
    return ((days * 24 + hours) * 60 + minutes) * 60 + seconds or None


def nearest_duration(value: Any) -> str | None:
    """How a time that was written otherwise is written here, or None where nobody can tell."""
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        return f"{value}s"
    if not isinstance(value, str) or len(value) > 40:
        return None
    clock = _CLOCK.fullmatch(value.strip())
    if clock is not None:
        parts = (f"{int(number)}{unit}" for number, unit in zip(clock.groups(), "hms", strict=True) if int(number))
        return "".join(parts) or None
    text = re.sub(r"[\s,]|and", "", value.lower())
    for unit in ("day", "hour", "minute", "second"):
        text = re.sub(rf"(?<=\d){unit}s?|(?<=\d){unit[:3]}s?(?![a-z])", unit[0], text)
    text = re.sub(r"(?<=\d)hrs?", "h", text)
    return text if seconds_of(text) is not None else None


Url = Annotated[str, Machine()]
DataPath = Annotated[str, Private()]
Duration = Annotated[str, Time()]
Positive = Annotated[float, Range(above=0)]
NonNegative = Annotated[float, Range(low=0)]
Fraction = Annotated[float, Range(low=0, below=1)]
Probability = Annotated[float, Range(low=0, high=1)]
AverageDecay = Annotated[float, Range(above=0, below=1)]
LearningRate = Annotated[float, Range(above=0, high=1000)]
Count = Annotated[int, Range(low=1, high=1_000_000_000)]
CountOrZero = Annotated[int, Range(low=0, high=1_000_000_000)]
Width = Annotated[int, Range(low=1, high=65_536)]
Depth = Annotated[int, Range(low=1, high=64)]
Kernel = Annotated[int, Range(low=1, high=63)]
Pixels = Annotated[int, Range(low=0, high=64)]
Workers = Annotated[int, Range(low=0, high=256)]
Seed = Annotated[int, Range(low=0, high=4_294_967_295)]

Activation = Literal["relu", "leaky_relu", "elu", "selu", "gelu", "silu", "tanh", "sigmoid", "softplus", "identity"]
Init = Literal["default", "kaiming", "xavier", "orthogonal", "normal", "zeros"]
Norm = Literal["none", "batch", "layer", "group"]
if TYPE_CHECKING:
    ColumnKinds = dict[str, str]
else:
    ColumnKinds = dict  # a column's name may hold anything
"""Kinds of a table's columns, by name."""
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


def is_machine(kind: Any) -> bool:
    """Whether a field's type is marked as naming a place that a stranger must not choose."""
    marks = getattr(kind, "__metadata__", ())
    return any(isinstance(mark, Machine) for mark in marks) or any(is_machine(arg) for arg in get_args(kind))


def is_private(kind: Any) -> bool:
    """Whether a field's type is marked as naming a file or folder of the user's."""
    marks = getattr(kind, "__metadata__", ())
    return any(isinstance(mark, Private) for mark in marks) or any(is_private(arg) for arg in get_args(kind))


def describe(kind: Any) -> str:
    """The type in words: "a whole number from 1 to 9", "one of relu, tanh", "a list of numbers"."""
    origin = get_origin(kind)
    if origin is Annotated:
        base, *marks = get_args(kind)
        ranges = " ".join(str(mark) for mark in marks if isinstance(mark, Range | Time))
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
    names = {int: "a whole number", float: "a number", bool: "true or false", str: "a text", list: "a list"}
    return {**names, type(None): "null", Any: "anything"}.get(kind, getattr(kind, "__name__", str(kind)))


def misfit(kind: Any, value: Any, *, key: str) -> list[tuple[str, str]]:
    """What is wrong with `value` as a `kind`: pairs of key and message; empty when it fits."""
    origin = get_origin(kind)
    if origin is list and isinstance(value, list):
        (item,) = get_args(kind)
        return [wrong for i, entry in enumerate(value) for wrong in misfit(item, entry, key=f"{key}[{i}]")]
    if is_dataclass(kind) and isinstance(value, dict):
        return _misfit_of_mapping(kind, value, key=key)
    if _fits(kind, value):
        return []
    choices = _choices(kind)
    near = nearest(value, choices) if isinstance(value, str) else None
    near = nearest_duration(value) if _is_duration(kind) else near
    hint = f' Did you mean "{near}"?' if near is not None else ""
    return [(key, f"Expected {describe(kind)}, got {show(value)}.{hint}")]


def _fits(kind: Any, value: Any) -> bool:
    origin = get_origin(kind)
    if origin is Annotated:
        base, *marks = get_args(kind)
        if any(isinstance(mark, Time) for mark in marks) and not (isinstance(value, str) and seconds_of(value)):
            return False
        return _fits(base, value) and all(mark.holds(value) for mark in marks if isinstance(mark, Range))
    if origin in (Union, types.UnionType):
        return any(not misfit(arg, value, key="") for arg in get_args(kind))
    if origin is Literal:
        return value in get_args(kind) and not isinstance(value, bool)
    if origin is dict:  # names and values of fields
        return isinstance(value, dict) and all(isinstance(name, str) and _NAME.fullmatch(name) for name in value)
    if kind is dict:
        return isinstance(value, dict) and all(isinstance(name, str) for name in value)
    if origin is list or is_dataclass(kind):
        return False  # what has their shape is looked into by `misfit`
    return _is_plain(kind, value)


def _is_duration(kind: Any) -> bool:
    marks = getattr(kind, "__metadata__", ())
    return any(isinstance(mark, Time) for mark in marks) or any(_is_duration(arg) for arg in get_args(kind))


def _choices(kind: Any) -> list[str]:
    """The texts that a type allows, where it lists them."""
    if get_origin(kind) is Literal:
        return [str(choice) for choice in get_args(kind)]
    if get_origin(kind) in (Union, types.UnionType):
        return [choice for arg in get_args(kind) for choice in _choices(arg)]
    return []


def _is_plain(kind: Any, value: Any) -> bool:
    if kind is Any:
        return True
    if kind is bool or kind is type(None) or kind is str:
        return isinstance(value, kind)
    if isinstance(value, bool):  # a bool is an int to Python, but not to a person
        return False
    if kind is int:
        return isinstance(value, int)
    if kind is float:
        return isinstance(value, int | float) and abs(value) <= sys.float_info.max  # neither infinite nor NaN
    return isinstance(value, kind)


def _misfit_of_mapping(kind: Any, value: dict[str, Any], *, key: str) -> list[tuple[str, str]]:
    hints = get_type_hints(kind, include_extras=True)
    wrong: list[tuple[str, str]] = []
    for name, entry in value.items():
        if name not in hints:
            shown, hint = printable_key(str(name)), did_you_mean(str(name), hints, prefix=f"{key}.")
            wrong.append((f"{key}.{shown}", f'{key} has no field "{shown}". {hint}'))
        else:
            wrong.extend(misfit(hints[name], entry, key=f"{key}.{name}"))
    return wrong
