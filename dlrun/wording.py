"""Format numbers, values and texts for messages."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TextIO

_TINY, _LARGE = 1e-5, 1e6  # sizes of numbers that have a power of ten: below, and from there on
_WITH_ES = ("s", "sh", "x", "tch", "nch")  # ends of nouns whose plural has "es" (of "epoch" it has not)
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""What moves the cursor, colours, or turns the order of letters around; a tab and a line end do not count."""


def number(value: float | None) -> str:
    """Format a metric: 0.9833, 12.41, 1.2e-05."""
    if value is None:
        return "-"
    if value != value:
        return "nan"
    if abs(value) < 1e6 and value == int(value):
        return str(int(value))
    return f"{value:.4f}" if 1e-3 <= abs(value) < 100 else f"{value:.4g}"


def numbers(values: Sequence[float | None]) -> list[str]:
    """Format numbers that are read against each other, such as a column: 99.12, 103.29, -.

    All have as many decimals, so that the smallest but 0 has four digits; but at most four decimals, or what two digits
    of it need. Whole numbers have none if all are whole. A number below 0.00001, or of a million or more, has a power
    of ten.
    """
    shared = _shared_format([value for value in values if value is not None and math.isfinite(value)])
    return [
        number(value) if value is None or _stands_out(value, shared) else format(value + 0.0, shared)  # no -0.0
        for value in values
    ]


def numbers_by_metric(rows: Mapping[str, Sequence[float | None]]) -> dict[str, list[str]]:
    """Format a row of numbers for each metric; val/rmse and test/rmse, which are read together, have like decimals."""
    found: dict[str, list[str]] = {}
    names_of: dict[str, list[str]] = {}
    for name in rows:
        names_of.setdefault(name.partition("/")[2] or name, []).append(name)
    for names in names_of.values():
        texts = iter(numbers([value for name in names for value in rows[name]]))
        found.update({name: list(itertools.islice(texts, len(rows[name]))) for name in names})
    return {name: found[name] for name in rows}


def _shared_format(values: Sequence[float]) -> str:
    """How Python formats all of them, but those that stand out; empty if each is formatted by itself."""
    sizes = sorted(abs(value) for value in values if value)
    usual = [size for size in sizes if _TINY <= size < _LARGE]
    has_odd = len(usual) < len(sizes)
    if len(set(values)) <= 1 or (all(value == int(value) for value in values) and not has_odd):
        return ""
    if not usual or (has_odd and (usual[0] >= 1000 or usual[-1] < 1e-3)):
        return ".3e"
    for_four_digits = max(3 - math.floor(math.log10(usual[0])), 0)
    if usual[-1] < 1e-3 or (usual[-1] >= 100 and for_four_digits < 4):
        return f".{for_four_digits}f"
    return f".{max(4, for_four_digits - 2)}f"


def _stands_out(value: float, shared: str) -> bool:
    """Whether a number is formatted by itself beside others with a shared format."""
    if not shared or not math.isfinite(value):
        return True
    return value == 0 if shared == ".3e" else value != 0 and not _TINY <= abs(value) < _LARGE


def interval(low: float, high: float) -> str:
    """Format what a recipe promises: 0.971 to 0.983, 0 to 1e-05."""
    return f"{low:.6g} to {high:.6g}"


def count(value: float) -> str:
    """Format a whole number: 60,000."""
    return f"{value:,.0f}"


def plural(value: float, noun: str) -> str:
    """Format a number with its noun: 1 epoch, 2.5 epochs, 3 classes, 4 categories. noun: a regular one, singular."""
    text = f"{value:.3g}" if value % 1 else count(value)
    if text == "1":
        return f"1 {noun}"
    if noun.endswith(_WITH_ES):
        return f"{text} {noun}es"
    if noun.endswith("y") and not noun.endswith(("ay", "ey", "oy", "uy")):
        return f"{text} {noun[:-1]}ies"
    return f"{text} {noun}s"


def duration(seconds: float) -> str:
    """Format a duration: 0.8 s, 42 s, 3 min 20 s, 2 h 05 min."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min"


def first_line(error: BaseException) -> str:
    """Return the first line of an error's text; the name of its class if it has none."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def show(value: Any) -> str:
    """Format a configuration value as the user would write it."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f'"{printable(value)}"'
    if isinstance(value, list):
        return "[" + ", ".join(show(item) for item in value[:8]) + (", ...]" if len(value) > 8 else "]")
    if isinstance(value, dict):
        return printable("{" + ", ".join(f"{name}: {show(entry)}" for name, entry in list(value.items())[:8]) + "}")
    try:
        return printable(repr(value))
    except ValueError:  # Python does not print integers of more than 4,300 digits
        return "a number of thousands of digits"


def printable(text: str, *, limit: int = 120) -> str:
    """Return `text` with control characters escaped, cut to `limit` characters: safe for a terminal."""
    cut = text if len(text) <= limit else text[:limit]
    shown = "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in cut)
    return shown if len(shown) <= limit and cut is text else shown[: limit - 1] + "…"


def escape_controls(text: str) -> str:
    """Return `text`, of any length, with control characters, but tabs and line ends, escaped: safe for a terminal."""
    return _CONTROLS.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


class PrintableStream:
    """A text stream that escapes control characters, whatever file or folder they come from.

    stream: where the text goes; what must draw on a terminal writes to it directly (`unfiltered`).
    """

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream

    def write(self, text: str) -> int:
        """Write the text escaped; return the length of the text."""
        self.stream.write(escape_controls(text))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        """Write each text escaped."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


def unfiltered(stream: Any) -> Any:
    """Return the stream below a PrintableStream, to draw on a terminal; any other stream as it is."""
    return stream.stream if isinstance(stream, PrintableStream) else stream


def printable_key(key: str) -> str:
    """Return a key as `printable` does, with letters that are not ASCII escaped, since some look like ASCII ones."""
    return printable(key if key.isascii() else key.encode("unicode_escape").decode())
