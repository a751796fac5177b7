"""The words after the verb: parsed with Hydra's grammar, sorted by what they set, expanded into sweep points."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from dlrun.configuration.schema.catalog import Catalog
from dlrun.configuration.schema.groups import GROUPS
from dlrun.errors import ConfigError, Problem
from dlrun.wording import printable

MAX_POINTS = 100_000
_PLAIN_WORD = re.compile(
    r"(?P<key>[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)="
    r"(?:(?P<name>[A-Za-z_]\w*)|(?P<int>-?(?:0|[1-9]\d{0,17}))"
    r"|-?(?:0|[1-9]\d*)(?:\.\d+(?:[eE][-+]?\d{1,2})?|[eE][-+]?\d{1,2}))",
    re.ASCII,
)
_WORDS_THAT_ARE_VALUES = ("null", "true", "false", "nan", "inf")


@dataclass(frozen=True)
class Value:
    """A value as Hydra's grammar writes it, and as Python holds it."""

    text: str
    value: Any

    @property
    def is_deferred(self) -> bool:
        """Whether it is an interpolation, known only after composing."""
        return "${" in str(self.value)


@dataclass(frozen=True)
class Request:
    """Everything asked for on a command line, each key with the values it takes (several only in a sweep)."""

    settings: Mapping[str, tuple[Value, ...]]  # keys: a group, "recipe", a top-level key or a dotted field
    hydra: tuple[str, ...] = ()  # overrides of Hydra's own node, as written
    words: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()  # words that cannot be understood; `compose.check_request` adds all else
    multirun: bool = False

    @property
    def is_sweep(self) -> bool:
        """Whether any key has several values."""
        return any(len(values) > 1 for values in self.settings.values())

    def num_points(self, extra: Mapping[str, Sequence[Value]] | None = None) -> int:
        """How many points the product of all values has."""
        return math.prod(len(values) for values in {**(extra or {}), **self.settings}.values())

    def points(self, extra: Mapping[str, Sequence[Value]] | None = None) -> list[Point]:
        """The product of all values, the last key running fastest, as Hydra's basic sweeper orders them.

        `extra` holds what a recipe sweeps (`Recipe.sweep_values`); its keys run slowest.
        Raises ConfigError when a word could not be understood or there are too many points.
        """
        if self.problems:
            raise ConfigError(self.problems)
        settings = {**(extra or {}), **self.settings}
        size = self.num_points(extra)
        if size > MAX_POINTS:
            raise ConfigError(too_many(size))
        swept = tuple(key for key, values in settings.items() if len(values) > 1)
        from_recipe = frozenset(extra or {}) - frozenset(self.settings)
        return [
            Point(dict(zip(settings, combination, strict=True)), swept, from_recipe)
            for combination in itertools.product(*settings.values())
        ]


def too_many(size: int) -> Problem:
    """That a sweep has more points than are allowed."""
    return Problem("-m", f"The sweep has {size:,} points; at most {MAX_POINTS:,} are allowed.")


@dataclass(frozen=True)
class Point:
    """One value for every key that was set; `swept` names those that differ between points."""

    settings: Mapping[str, Value]
    swept: tuple[str, ...] = field(default=())
    from_recipe: frozenset[str] = frozenset()  # the keys that the recipe's `sweep:` set

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

    Words that cannot be parsed, or hold several values without `multirun`, are told in the request's `problems`.
    """
    parser = _Parser(catalog)
    settings: dict[str, tuple[Value, ...]] = {}
    hydra: list[str] = []
    problems: list[Problem] = []
    for word in words:
        try:
            key, values = parser.read(word)
        except ConfigError as error:
            problems += error.problems
            continue
        if key == "hydra":
            hydra.append(word)
            continue
        if len(values) > 1 and not multirun:
            message = "Several values make a sweep: add -m. A list is written [1,2]."
            problems.append(Problem(printable(word), message))
        settings.pop(key, None)  # the last word wins, and takes its place in the order
        settings[key] = values
    return Request(settings, tuple(hydra), tuple(words), tuple(problems), multirun)


class _Parser:
    """Hydra's parser, imported only when a word needs it: its import takes longer than everything else here."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._hydra: Any = None

    def read(self, word: str) -> tuple[str, tuple[Value, ...]]:
        """The key and the values of a word; the key is "hydra" for an override of Hydra's own node.

        Raises ConfigError with one problem.
        """
        plain = _plain(word)
        if plain is not None:
            return plain[0], (plain[1],)
        if "=" not in word and not word.startswith("~"):
            raise _wrong(word, "Expected KEY=VALUE. `dlrun --help` shows the commands.")
        override = self._override(word)
        if override.is_hydra_override():
            return "hydra", ()
        if override.is_delete() or override.package is not None:
            raise _wrong(word, "A key cannot be deleted or moved; every field keeps its place.")
        key = _key(override.key_or_group)
        if not override.is_sweep_override():
            return key, (Value(word.partition("=")[2], override.value()),)
        texts = self._sweep(word, override)
        return key, tuple((_plain(f"{key}={text}") or (key, self._value(key, text)))[1] for text in texts)

    def _sweep(self, word: str, override: Any) -> list[str]:
        from hydra.errors import HydraException

        try:
            texts = list(itertools.islice(override.sweep_string_iterator(), MAX_POINTS + 1))
        except HydraException as error:
            raise _wrong(word, "Expected values one by one: A,B, choice(A,B), range(1,9) or glob(*).") from error
        if len(texts) > MAX_POINTS:
            raise _wrong(word, f"It sweeps over more than {MAX_POINTS:,} values.")
        if not texts:
            raise _wrong(word, "It sweeps over nothing.")
        return texts

    def _value(self, key: str, text: str) -> Value:
        return Value(text, self._override(f"{key}={text}").value())

    def _override(self, word: str) -> Any:
        from hydra.core.override_parser.overrides_parser import OverridesParser
        from hydra.errors import HydraException

        self._hydra = self._hydra or OverridesParser.create(config_loader=self._catalog)  # type: ignore[arg-type]
        try:
            return self._hydra.parse_overrides([word])[0]  # parse_override alone does not expand glob()
        except (HydraException, ValueError, RecursionError) as error:  # a number of 5,000 digits, 1,000 brackets
            reason = printable((str(error).splitlines() or [type(error).__name__])[0])
            raise _wrong(word, f"Cannot be read as KEY=VALUE: {reason}. Quote the value: KEY='\"...\"'.") from error


def _wrong(word: str, message: str) -> ConfigError:
    return ConfigError(Problem(printable(word), message))


def _plain(word: str) -> tuple[str, Value] | None:
    """The key and value of a word that needs no grammar, as Hydra would read it; None for any other word."""
    match = _PLAIN_WORD.fullmatch(word)
    if match is None or match["key"].startswith("hydra.") or match["key"] == "hydra":
        return None
    key, text = _key(match["key"]), word.partition("=")[2]
    if match["name"] is not None:
        return None if text.lower() in _WORDS_THAT_ARE_VALUES else (key, Value(text, text))
    return key, Value(text, int(text) if match["int"] is not None else float(text))


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
        return "{" + ",".join(f"{key}:{as_text(item)}" for key, item in value.items()) + "}"  # keys are names
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
