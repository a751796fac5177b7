"""The types that a field of an option can have: numbers with their ranges, texts with their marks.

Nothing here imports torch, so an option's file can use these names in its signature and still be read without
importing it (`dlrun.configuration.schema.signature`).
"""

from __future__ import annotations

import re
import types
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union, get_args, get_origin


@dataclass(frozen=True)
class Range:
    """Bounds of a number; `low` and `high` are included, `above` and `below` are not; None is unbounded."""

    low: float | None = None
    high: float | None = None
    above: float | None = None
    below: float | None = None

    def holds(self, value: float) -> bool:
        """Return whether `value` is inside."""
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
class NetworkAddress:
    """Marks a field that contains network addresses; a recipe must not set it."""


@dataclass(frozen=True)
class LocalPath:
    """Marks a field that names a file or folder of the user; a recipe may name only one below the current folder."""


@dataclass(frozen=True)
class WrittenPath:
    """Marks a field that names a folder that is written to, as by a download; a recipe must not set it."""


@dataclass(frozen=True)
class DurationText:
    """Marks a text that states a duration: 90s, 10m, 3h50m, 1d12h."""

    def __str__(self) -> str:
        return "that states a duration, such as 90s, 10m or 3h50m"


@dataclass(frozen=True)
class Auto:
    """Marks a field that may be `auto`: `dlrun.configuration.auto` works its value out once the data is known."""

    def __str__(self) -> str:
        return "or auto"


AUTO: Any = "auto"  # the value of such a field until then; Any, since the field has the type of its later value

_DURATION = re.compile(r"(?:(\d{1,4})d)?(?:(\d{1,6})h)?(?:(\d{1,8})m)?(?:(\d{1,9})s)?", re.ASCII)
_CLOCK = re.compile(r"(\d{1,4}):(\d{2}):(\d{2})", re.ASCII)


def seconds_of(text: str) -> int | None:
    """Return the seconds in a duration such as 90s, 10m or 3h50m; None if it is not one, or is zero."""
    found = _DURATION.fullmatch(text)
    if found is None:
        return None
    days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
    return ((days * 24 + hours) * 60 + minutes) * 60 + seconds or None


def nearest_duration(value: Any) -> str | None:
    """Return the duration meant by a value in another notation (90, 1:30:00, "10 minutes"), or None if unclear."""
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


Url = Annotated[str, NetworkAddress()]
DataPath = Annotated[str, LocalPath()]
DownloadFolder = Annotated[str, WrittenPath()]
OutputFolder = Annotated[str, WrittenPath()]
Upload = Annotated[Literal["offline", "online"], NetworkAddress()]
Duration = Annotated[str, DurationText()]
Number = Annotated[float, Range(low=-1e12, high=1e12)]
Positive = Annotated[float, Range(above=0, high=1e12)]
NonNegative = Annotated[float, Range(low=0, high=1e12)]
Fraction = Annotated[float, Range(low=0, below=1)]
Probability = Annotated[float, Range(low=0, high=1)]
AverageDecay = Annotated[float, Range(above=0, below=1)]
LearningRate = Annotated[float, Range(above=0, high=1000)]
Count = Annotated[int, Range(low=1, high=1_000_000_000)]
CountOrZero = Annotated[int, Range(low=0, high=1_000_000_000)]
BatchSize = Annotated[int, Range(low=1, high=10_000_000)]
Accumulate = Annotated[int, Range(low=1, high=100_000)]
Width = Annotated[int, Range(low=1, high=65_536)]
WidthOrZero = Annotated[int, Range(low=0, high=65_536)]
VocabularySize = Annotated[int, Range(low=1, high=10_000_000)]
TextLength = Annotated[int, Range(low=1, high=1_000_000)]
Depth = Annotated[int, Range(low=1, high=64)]
Kernel = Annotated[int, Range(low=1, high=63)]
Pixels = Annotated[int, Range(low=0, high=64)]
Workers = Annotated[int, Range(low=0, high=256)]
Checkpoints = Annotated[int, Range(low=1, high=10_000)]
WaitSeconds = Annotated[int, Range(low=0, high=3600)]
Folds = Annotated[int, Range(low=2, high=1000)]
Fold = Annotated[int, Range(low=0, high=999)]
Seed = Annotated[int, Range(low=0, high=4_294_967_295)]

AutoFraction = Annotated[float, Range(low=0, below=1), Auto()]
AutoShare = Annotated[float, Range(above=0, high=1), Auto()]
AutoFrequencies = Annotated[int, Range(low=0, high=256), Auto()]
AutoNonNegative = Annotated[float, Range(low=0, high=1e12), Auto()]
AutoWidths = Annotated[list[Width], Auto()]
AutoPixels = Annotated[int, Range(low=0, high=64), Auto()]
AutoBool = Annotated[bool, Auto()]
Processes = Annotated[int, Range(low=1, high=65_536), Auto()]
AutoBatchSize = Annotated[int, Range(low=1, high=10_000_000), Auto()]
AutoCount = Annotated[int, Range(low=1, high=1_000_000_000), Auto()]
AutoCountOrZero = Annotated[int, Range(low=0, high=1_000_000_000), Auto()]
AutoThreads = Annotated[int, Range(low=1, high=1024), Auto()]
AutoLearningRate = Annotated[float, Range(above=0, high=1000), Auto()]
"""Values that may also be `auto`, until the data and the model are known."""

Activation = Literal["relu", "leaky_relu", "elu", "selu", "gelu", "silu", "tanh", "sigmoid", "softplus", "identity"]
Init = Literal["default", "kaiming", "xavier", "orthogonal", "normal", "zeros"]
Norm = Literal["none", "batch", "layer", "group"]
if TYPE_CHECKING:
    ColumnKinds = dict[str, str]
else:
    ColumnKinds = dict  # a column's name may be any text
"""The kind of each column of a table, by the column's name."""
OptimizerFields = dict[str, Any]
"""Fields of the chosen optimizer that one part of a model overrides, such as a GAN's generator."""


@dataclass(frozen=True)
class Augment:
    """Random augmentation of training images, drawn each epoch from (seed, epoch, index of the image)."""

    shift: AutoPixels = 0  # largest shift in each direction, in pixels; background fills the gap
    crop: Pixels = 0  # pixels of reflected padding before a random crop back to the original size
    flip: bool = False  # mirror left to right with probability 0.5


def is_optional(kind: Any) -> bool:
    """Return whether a type allows None."""
    return get_origin(kind) in (Union, types.UnionType) and type(None) in get_args(kind)


def has_mark(kind: Any, mark: type) -> bool:
    """Return whether a type, or a type inside it, is marked with `mark`: NetworkAddress, Auto, ..."""
    marks = getattr(kind, "__metadata__", ())
    return any(isinstance(each, mark) for each in marks) or any(has_mark(arg, mark) for arg in get_args(kind))
