"""Values and overrides as text in Hydra's override grammar."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from dlrun.configuration.schema.fields import seconds_of
from dlrun.configuration.schema.groups import GROUPS

_NAME = re.compile(r"(?!(?:null|true|false|nan|inf)$)[A-Za-z_][\w./-]*", re.IGNORECASE | re.ASCII)
_LONGEST_FIX = 200  # characters


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


def fix_of(key: str, value: Any) -> str | None:
    """Return the override that sets a key, as the `fix` of a problem; None if it is not fit to be shown."""
    if isinstance(value, dict) and not all(map(_is_name, value)):
        return None
    text = f"{key}={value if _is_name(value) else as_text(value)}"
    return text if text.isprintable() and len(text) <= _LONGEST_FIX else None


def _is_name(value: Any) -> bool:
    """Return whether a text needs no quotes: a name, a path or a duration."""
    return isinstance(value, str) and (_NAME.fullmatch(value) is not None or seconds_of(value) is not None)


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
