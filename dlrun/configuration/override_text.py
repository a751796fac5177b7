"""Values and overrides as text in Hydra's override grammar."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from dlrun.configuration.schema.groups import GROUPS


@dataclass(frozen=True)
class Value:
    """A value as text in Hydra's grammar and as a Python object."""

    text: str
    value: Any

    @property
    def is_deferred(self) -> bool:
        """Whether it is an interpolation, whose value only composing determines."""
        return "${" in str(self.value)


def as_text(value: Any) -> str:
    """Return the text of a plain value, from which Hydra's parser reads an equal value."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, list):
        return "[" + ",".join(as_text(item) for item in value) + "]"
    if isinstance(value, dict):
        return "{" + ",".join(f"{key}:{as_text(item)}" for key, item in value.items()) + "}"  # a key is a name
    return _quoted(str(value))


def _quoted(text: str) -> str:
    """Return a quoted string, with quotes escaped and the backslashes before a quote doubled."""
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
    """Return a plain value with its text."""
    return Value(as_text(value), value)


def to_overrides(settings: Iterable[tuple[str, Value]]) -> list[str]:
    """Return overrides for Hydra: an option by name, all other values with `++`, which skips its check of keys."""
    return [f"{key}={value.text}" if key in GROUPS else f"++{key}={value.text}" for key, value in settings]


def keys_set_by(key: str, value: Value) -> list[str]:
    """Return the keys that an override sets: its own, and those inside a mapping."""
    return [key, *(f"{key}.{name}" for name in (value.value if isinstance(value.value, dict) else ()))]
