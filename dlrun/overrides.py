"""The words after the verb: parsed with Hydra's grammar, sorted by what they set, expanded into sweep points."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from dlrun.errors import ConfigError, Problem
from dlrun.fields import printable
from dlrun.registry import Catalog
from dlrun.schema import GROUPS

MAX_POINTS = 100_000


@dataclass(frozen=True)
class Value:
    """A value as Hydra's grammar writes it, and as Python holds it."""

    text: str
    value: Any

    @property
    def is_deferred(self) -> bool:
        """Whether it is an interpolation, known only after composing."""
        return "${" in self.text


@dataclass(frozen=True)
class Request:
    """Everything asked for on a command line, each key with the values it takes (several only in a sweep)."""

    settings: Mapping[str, tuple[Value, ...]]  # keys: a group, "recipe", a top-level key or a dotted field
    hydra: tuple[str, ...] = ()  # overrides of Hydra's own node, as written
    words: tuple[str, ...] = ()

    @property
    def is_sweep(self) -> bool:
        """Whether any key has several values."""
        return any(len(values) > 1 for values in self.settings.values())

    def points(self, extra: Mapping[str, Sequence[Value]] | None = None) -> list[Point]:
        """The product of all values, the last key running fastest, as Hydra's basic sweeper orders them."""
        settings = {**(extra or {}), **self.settings}
        swept = [key for key, values in settings.items() if len(values) > 1]
        size = 1
        for values in settings.values():
            size *= len(values)
        if size > MAX_POINTS:
            raise ConfigError(f"The sweep has {size:,} points; at most {MAX_POINTS:,} are allowed.")
        return [
            Point(dict(zip(settings, combination, strict=True)), tuple(swept))
            for combination in itertools.product(*settings.values())
        ]


@dataclass(frozen=True)
class Point:
    """One value for every key that was set; `swept` names those that differ between points."""

    settings: Mapping[str, Value]
    swept: tuple[str, ...] = field(default=())

    @property
    def label(self) -> str:
        """The swept overrides, as the user would type them."""
        return " ".join(f"{key}={self.settings[key].text}" for key in self.swept)

    @property
    def recipe(self) -> str | None:
        """The recipe asked for, by name or path."""
        value = self.settings.get("recipe")
        return None if value is None or value.value is None else str(value.value)

    def choices(self) -> dict[str, str]:
        """The option chosen for each group that was named."""
        return {key: str(value.value) for key, value in self.settings.items() if key in GROUPS}

    def values(self) -> dict[str, Value]:
        """The values of fields and top-level keys."""
        return {key: value for key, value in self.settings.items() if key not in GROUPS and key != "recipe"}


def parse(words: Sequence[str], catalog: Catalog, *, multirun: bool = False) -> Request:
    """Parse overrides in Hydra's grammar.

    Raises ConfigError with every word that cannot be parsed, or that holds several values without `-m`.
    """
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.errors import HydraException

    parser = OverridesParser.create(config_loader=catalog)  # type: ignore[arg-type]  # it asks only for group options
    settings: dict[str, tuple[Value, ...]] = {}
    hydra: list[str] = []
    problems: list[Problem] = []
    for word in words:
        if "=" not in word and not word.startswith("~"):
            problems.append(Problem(printable(word), "Expected KEY=VALUE. `dlrun --help` shows the commands."))
            continue
        try:
            override = parser.parse_override(word)
        except HydraException as error:
            reason = str(error).splitlines()[0].split("\n")[0]
            problems.append(Problem(printable(word), f"Cannot be read as KEY=VALUE: {printable(reason)}. Quote the value: KEY='\"...\"'."))
            continue
        if override.is_hydra_override():
            hydra.append(word)
            continue
        if override.is_delete() or override.package is not None:
            problems.append(Problem(printable(word), "A key cannot be deleted or moved; every field keeps its place."))
            continue
        key = _key(override.key_or_group)
        try:
            texts = list(override.sweep_string_iterator()) if override.is_sweep_override() else [override.get_value_element_as_str()]
        except HydraException as error:
            problems.append(Problem(printable(word), f"{printable(str(error))}."))
            continue
        if len(texts) > 1 and not multirun:
            problems.append(Problem(printable(word), "Several values make a sweep: add -m. A list is written [1,2]."))
            continue
        settings.pop(key, None)  # the last word wins, and takes its place in the order
        settings[key] = tuple(Value(text, parser.parse_override(f"{key}={text}").value()) for text in texts)
    if problems:
        raise ConfigError(problems)
    return Request(settings, tuple(hydra), tuple(words))


def _key(written: str) -> str:
    """`device.name` chooses the device, as `device` does."""
    group, _, rest = written.partition(".")
    return group if group in GROUPS and rest == "name" else written


def as_text(value: Any) -> str:
    """A plain value in Hydra's override grammar, such that parsing it gives the value back."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, list):
        return "[" + ",".join(as_text(item) for item in value) + "]"
    if isinstance(value, dict):
        return "{" + ",".join(f"{_quoted(str(key))}:{as_text(item)}" for key, item in value.items()) + "}"
    return _quoted(str(value))


def _quoted(text: str) -> str:
    """A quoted string of Hydra's grammar: a quote is escaped, and so are the backslashes right before a quote."""
    out = ""
    backslashes = 0
    for char in text:
        if char == "\\":
            backslashes += 1
            continue
        if char == '"':
            out += "\\" * (2 * backslashes + 1) + char
        else:
            out += "\\" * backslashes + char
        backslashes = 0
    return f'"{out}' + "\\" * (2 * backslashes) + '"'


def value_of(value: Any) -> Value:
    """A plain value together with its text."""
    return Value(as_text(value), value)


def words_of(settings: Iterable[tuple[str, Value]]) -> list[str]:
    """Overrides as Hydra composes them: a group by name, everything else forced past its struct check."""
    return [f"{key}={value.text}" if key in GROUPS else f"++{key}={value.text}" for key, value in settings]


def as_json(value: Any) -> str:
    """A value for a table or a log line."""
    return value if isinstance(value, str) else json.dumps(value)
