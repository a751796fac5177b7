"""Choose runs by their settings: `--filter KEY=VALUE`. Imports no torch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dlrun.configuration.safe_yaml import parse_yaml
from dlrun.errors import ConfigError, Problem, did_you_mean
from dlrun.runs.sweeps.groups import Trial, as_typed
from dlrun.wording import plural, printable, show

STATUS = "status"
"""What can be filtered beside settings."""


@dataclass(frozen=True)
class Filter:
    """A setting and the value that is wanted of it."""

    key: str
    text: str

    def __str__(self) -> str:
        return printable(f"{self.key}={self.text}")

    def matches(self, value: Any) -> bool:
        """Return whether a value of a configuration is the one wanted: 1e-2 is 0.01, and [64,32] the list."""
        wanted = _typed(self.text)
        same_kind = isinstance(value, bool) == isinstance(wanted, bool)
        return (same_kind and bool(value == wanted)) or value == self.text


def parse_filter(text: str) -> Filter:
    """Return the filter that `KEY=VALUE` means; model.name is model."""
    key, _, value = text.partition("=")
    return Filter(as_typed(key), value)


def choose(trials: Sequence[Trial], filters: Sequence[Filter]) -> list[Trial]:
    """Return the runs that match: of filters with the same key one, of different keys all.

    Raises ConfigError for a key that no run has.
    """
    check_keys("--filter", [(each.key, str(each)) for each in filters], [STATUS, *keys_of(trials)] if trials else None)
    by_key: dict[str, list[Filter]] = {}
    for each in filters:
        by_key.setdefault(each.key, []).append(each)
    return [trial for trial in trials if all(_has_any(trial, each) for each in by_key.values())]


def what_there_is(trials: Sequence[Trial], filters: Sequence[Filter]) -> str:
    """Return, for filters that no run matches, which values there are: a sentence for each key."""
    return " ".join(f"{key} is {_values(trials, key)} here." for key in dict.fromkeys(each.key for each in filters))


def check_keys(flag: str, wanted: Iterable[tuple[str, str]], known: Iterable[str] | None) -> None:
    """Raise ConfigError for keys that are not known, each with the nearest one.

    wanted: keys, each with the text that is shown of it. known: None if there is nothing to choose from.
    """
    if known is None:
        return
    names = list(known)
    problems = [
        Problem(f"{flag} {printable(text)}", f"No run here has this setting. {did_you_mean(key, names)}".rstrip())
        for key, text in wanted
        if key not in names
    ]
    if problems:
        raise ConfigError(problems, title=f"{plural(len(problems), 'problem')} on the command line")


def keys_of(trials: Sequence[Trial]) -> list[str]:
    """Return every setting that any run has."""
    return list(dict.fromkeys(key for trial in trials for key in trial.settings))


def _has_any(trial: Trial, filters: Sequence[Filter]) -> bool:
    settings: Mapping[str, Any] = {**trial.settings, STATUS: trial.status}
    key = filters[0].key
    return key in settings and any(each.matches(settings[key]) for each in filters)


def _values(trials: Sequence[Trial], key: str, most: int = 8) -> str:
    found = dict.fromkeys(_shown({**trial.settings, STATUS: trial.status}[key]) for trial in trials if _has(trial, key))
    return ", ".join(list(found)[:most]) + (", ..." if len(found) > most else "")


def _has(trial: Trial, key: str) -> bool:
    return key == STATUS or key in trial.settings


def _shown(value: Any) -> str:
    return printable(value) if isinstance(value, str) else show(value)


def _typed(text: str) -> Any:
    """The value that a configuration would have."""
    try:
        return parse_yaml(f"value: {text}".encode(), name="--filter").get("value")
    except (ConfigError, UnicodeError):  # it is a text that YAML would not read
        return text
