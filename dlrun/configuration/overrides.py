"""Parse the overrides of a command line in Hydra's grammar and expand them into the points of a sweep."""

from __future__ import annotations

import dataclasses
import itertools
import math
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from dlrun.configuration.override_text import Value, value_of
from dlrun.configuration.schema.catalog import Catalog
from dlrun.configuration.schema.groups import GROUPS
from dlrun.configuration.schema.several import as_choice
from dlrun.configuration.sweeps.ranges import Interval, NotARangeError, check_tags
from dlrun.configuration.sweeps.settings import SweepSettings, is_sweep_key, read_settings, without_multirun
from dlrun.errors import ConfigError, Problem
from dlrun.wording import first_line, printable

MAX_POINTS = 100_000
_SIMPLE_WORD = re.compile(
    r"(?P<key>[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)="
    r"(?:(?P<name>[A-Za-z_]\w*)|(?P<int>-?(?:0|[1-9]\d{0,17}))"
    r"|-?(?:0|[1-9]\d*)(?:\.\d+(?:[eE][-+]?\d{1,2})?|[eE][-+]?\d{1,2}))",
    re.ASCII,
)
_LONGEST_QUOTED = 200  # characters of a word that an error repeats with quotes
_LITERALS = ("null", "true", "false", "nan", "inf")


@dataclass(frozen=True)
class Request:
    """The overrides of a command line: each key with its values, several only in a sweep."""

    settings: Mapping[str, tuple[Value, ...]]  # keys: a group, "recipe", a top-level key or a dotted field
    hydra: tuple[str, ...] = ()  # overrides of Hydra's own keys, as written
    words: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()  # words that cannot be parsed
    multirun: bool = False
    sweep: SweepSettings = field(default_factory=SweepSettings)  # how points are chosen and run
    ranges: Mapping[str, Interval] = field(default_factory=dict)  # keys whose values a search draws

    @property
    def is_search(self) -> bool:
        """Whether points are drawn, and not every combination is trained."""
        return self.multirun and self.sweep.search.name != "grid"

    @property
    def given(self) -> Mapping[str, tuple[Value, ...]]:
        """Every key that is set, with its values; those of a range are its ends, as they were written."""
        ends = {key: (each.low, each.high) for key, each in self.ranges.items()}
        return {**self.settings, **{key: tuple(map(value_of, each)) for key, each in ends.items()}}

    @property
    def is_sweep(self) -> bool:
        """Whether any key has several values."""
        return any(len(values) > 1 for values in self.settings.values())

    def num_points(self, extra: Mapping[str, Sequence[Value]] | None = None) -> int:
        """Return the number of points in the product of all values."""
        return math.prod(len(values) for values in {**(extra or {}), **self.settings}.values())

    def points(self, extra: Mapping[str, Sequence[Value]] | None = None) -> list[Point]:
        """Return the product of all values in the order of Hydra's basic sweeper: the last key varies fastest.

        extra: what a recipe sweeps (`Recipe.sweep_values`); its keys vary slowest.

        Raises ConfigError if a word cannot be parsed or there are too many points.
        """
        if self.problems:
            raise ConfigError(self.problems)
        settings = {**(extra or {}), **self.settings}
        size = self.num_points(extra)
        if size > MAX_POINTS:
            raise ConfigError(too_many_points(size))
        swept = tuple(key for key, values in settings.items() if len(values) > 1)
        from_recipe = frozenset(extra or {}) - frozenset(self.settings)
        return [
            Point(dict(zip(settings, combination, strict=True)), swept, from_recipe)
            for combination in itertools.product(*settings.values())
        ]


def with_settings(request: Request, settings: Mapping[str, Value]) -> Request:
    """Return a request that also sets these keys, unless the user did."""
    return dataclasses.replace(
        request, settings={**{key: (value,) for key, value in settings.items()}, **request.settings}
    )


def too_many_points(size: int) -> Problem:
    """Return the problem that a sweep has more points than allowed."""
    return Problem("-m", f"The sweep has {size:,} points; at most {MAX_POINTS:,} are allowed.", "too-many-points")


@dataclass(frozen=True)
class Point:
    """One point of a request: one value for each key that is set."""

    settings: Mapping[str, Value]
    swept: tuple[str, ...] = ()  # the keys that differ between points
    from_recipe: frozenset[str] = frozenset()  # the keys that the recipe's `sweep:` sets

    @property
    def words(self) -> list[str]:
        """The overrides that differ between points, as the user would type them."""
        return [f"{key}={self.settings[key].text}" for key in self.swept]

    @property
    def label(self) -> str:
        """The same in one line."""
        return " ".join(self.words)

    @property
    def recipe(self) -> str | None:
        """The recipe's name or path."""
        value = self.settings.get("recipe")
        return None if value is None or value.value is None else str(value.value)

    def choices(self) -> dict[str, str]:
        """Return the option of each group that is set."""
        return {key: str(value.value) for key, value in self.settings.items() if key in GROUPS}

    def values(self) -> dict[str, Value]:
        """Return the values of fields and top-level keys."""
        return {key: value for key, value in self.settings.items() if key not in GROUPS and key != "recipe"}


def parse_overrides(words: Sequence[str], catalog: Catalog, *, multirun: bool = False) -> Request:
    """Parse overrides in Hydra's grammar.

    The request's `problems` report words that cannot be parsed, or have several values without `multirun`.
    """
    parser = _Parser(catalog)
    settings: dict[str, tuple[Value, ...]] = {}
    of_sweep: dict[str, tuple[Value, ...]] = {}
    ranges: dict[str, Interval] = {}
    hydra: list[str] = []
    problems: list[Problem] = []
    for word in words:
        try:
            key, values = parser.parse(word)
        except ConfigError as error:
            problems += error.problems
            continue
        if key == "hydra":
            hydra.append(word)
            continue
        if is_sweep_key(key):
            of_sweep[key] = (Value(values.text, values.text),) if isinstance(values, Interval) else values
            continue
        settings.pop(key, None)  # the last word wins, and determines the order
        ranges.pop(key, None)
        if isinstance(values, Interval):
            ranges[key] = values
        else:
            settings[key] = values
        if not multirun:
            problems += _needs_multirun(word, values)
    sweep, wrong = read_settings(of_sweep)
    problems += wrong or ([] if multirun else without_multirun(of_sweep, has_folds="dataset.folds" in settings))
    return Request(settings, tuple(hydra), tuple(words), tuple(problems), multirun, sweep, ranges)


def _needs_multirun(word: str, values: tuple[Value, ...] | Interval) -> list[Problem]:
    """Return a problem if a word is of a sweep."""
    if isinstance(values, Interval):
        what = "A range is for a search: add -m search=random search.trials=20, or write one value."
    elif len(values) > 1:
        what = f"Several values are a sweep: add -m. {_as_list(word.partition('=')[0], values)}"
    else:
        return []
    return [Problem(printable(word), what, "several-values")]


def _as_list(key: str, values: Sequence[Value]) -> str:
    """Return how to write values that were meant as one."""
    names = [value.text for value in values if value.text != "none"]
    if key in GROUPS and GROUPS[key].several and len(names) > 1:
        return f"For all of them in one run, write {key}=[{','.join(names)}]."
    return "For a list, write [1,2]."


class _Parser:
    """Hydra's parser, imported only if a word needs it, since the import is slow."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._hydra: Any = None

    def parse(self, word: str) -> tuple[str, tuple[Value, ...] | Interval]:
        """Return the key and the values of a word, or its range; the key is "hydra" for Hydra's own keys.

        Raises ConfigError with one problem.
        """
        simple = _parse_simple(word)
        if simple is not None:
            return simple[0], (simple[1],)
        if "=" not in word and not word.startswith("~"):
            raise _parse_error(word, "Expected KEY=VALUE. `dlrun --help` shows the commands.")
        if word.startswith("="):
            raise _parse_error(word, "Expected KEY=VALUE, without spaces around the equals sign.")
        override = self._override(word)
        if override.is_hydra_override():
            return "hydra", ()
        if override.is_delete() or override.package is not None:
            raise _parse_error(word, "A key cannot be deleted or moved to another package.")
        key = _normalise_key(override.key_or_group)
        if override.is_interval_sweep():
            return key, _interval(word, override.value())
        if not override.is_sweep_override():
            return key, (_value_for(key, word.partition("=")[2], override.value()),)
        texts = self._sweep(word, override)
        return key, tuple((_parse_simple(f"{key}={text}") or (key, self._value(key, text)))[1] for text in texts)

    def _sweep(self, word: str, override: Any) -> list[str]:
        texts = list(itertools.islice(override.sweep_string_iterator(), MAX_POINTS + 1))
        if len(texts) > MAX_POINTS:
            raise _parse_error(word, f"The sweep has more than {MAX_POINTS:,} values.")
        if not texts:
            raise _parse_error(word, "The sweep has no values.")
        return texts

    def _value(self, key: str, text: str) -> Value:
        return _value_for(key, text, self._override(f"{key}={text}").value())

    def _override(self, word: str) -> Any:
        from hydra.core.override_parser.overrides_parser import OverridesParser
        from hydra.errors import HydraException

        self._hydra = self._hydra or OverridesParser.create(config_loader=self._catalog)  # type: ignore[arg-type]
        try:
            return self._hydra.parse_overrides([word])[0]  # parse_override alone does not expand glob()
        except (HydraException, ValueError, RecursionError) as error:  # a number of 5,000 digits, 1,000 brackets
            raise _parse_error(word, f"Cannot parse it as KEY=VALUE: {_reason(word, error)}") from error


def _value_for(key: str, text: str, value: Any) -> Value:
    """Return a value that Hydra's parser has read; a list of options is a choice, written without blanks."""
    choice = as_choice(key, value) if key in GROUPS else value
    return Value(text if choice is value else choice, choice)


def _interval(word: str, found: Any) -> Interval:
    """Return a range that Hydra's parser has read. Raises ConfigError for a tag without meaning."""
    text = word.partition("=")[2].strip()
    try:
        check_tags(sorted(found.tags))
    except NotARangeError as error:
        raise _parse_error(word, str(error)) from error
    return Interval(found.start, found.end, "log" in found.tags, isinstance(found.start, int), text)


def _reason(word: str, error: Exception) -> str:
    """Why Hydra's parser does not read a word, and how to write it."""
    key, _, value = word.partition("=")
    if value[:1] in ("[", "{") or len(word) > _LONGEST_QUOTED or not word.isprintable():
        reason = printable(first_line(error))
        return f"{reason}. Write lists as [1,2], mappings as {{a: 1}}, and quote texts with special characters in them."
    escaped = value.replace('"', '\\"')
    quoted = shlex.quote(f'{key}="{escaped}"')
    return f"some characters of the value have a meaning of their own. Quote it for dlrun and for the shell: {quoted}"


def _parse_error(word: str, message: str) -> ConfigError:
    return ConfigError(Problem(printable(word), message, "parse-error"))


def _parse_simple(word: str) -> tuple[str, Value] | None:
    """Return the key and value of a simple word, as Hydra would parse it; None if the word needs Hydra's parser."""
    match = _SIMPLE_WORD.fullmatch(word)
    if match is None or match["key"].startswith("hydra.") or match["key"] == "hydra":
        return None
    key, text = _normalise_key(match["key"]), word.partition("=")[2]
    if match["name"] is not None:
        return None if text.lower() in _LITERALS else (key, Value(text, text))
    return key, Value(text, int(text) if match["int"] is not None else float(text))


def _normalise_key(written: str) -> str:
    """Return the key that a word sets: `device.name` chooses the device, as `device` does."""
    group, _, rest = written.partition(".")
    return group if group in GROUPS and rest == "name" else written
