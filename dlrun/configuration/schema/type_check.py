"""Whether a value has the type of its field, and what to report if not."""

from __future__ import annotations

import re
import shlex
import sys
import types
from dataclasses import fields, is_dataclass
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from dlrun.configuration.override_text import fix_of
from dlrun.configuration.safe_yaml import parse_scalar
from dlrun.configuration.schema.fields import (
    AUTO,
    Auto,
    DurationText,
    Range,
    has_mark,
    is_optional,
    nearest_duration,
    seconds_of,
)
from dlrun.errors import did_you_mean, nearest
from dlrun.wording import printable_key, show

LITERAL_NAMES = ("null", "true", "false", "nan", "inf")  # in any case, Hydra reads them as values, not as names
_NAME = re.compile(rf"(?!(?:{'|'.join(LITERAL_NAMES)})$)[A-Za-z_][A-Za-z0-9_]*", re.IGNORECASE | re.ASCII)


def describe_type(kind: Any) -> str:
    """Return a type in words: "a whole number from 1 to 9", "one of relu, tanh", "a list, each a number"."""
    origin = get_origin(kind)
    if origin is Annotated:
        base, *marks = get_args(kind)
        ranges = " ".join(str(mark) for mark in marks if isinstance(mark, Range | DurationText | Auto))
        return f"{describe_type(base)} {ranges}".strip()
    if origin in (Union, types.UnionType):
        inner = [arg for arg in get_args(kind) if arg is not type(None)]
        words = " or ".join(describe_type(arg) for arg in inner)
        if is_optional(kind):
            return (
                f"{words.removesuffix(' or auto')}, auto or null" if words.endswith(" or auto") else f"{words} or null"
            )
        return words
    if origin is Literal:
        return "one of " + ", ".join(str(choice) for choice in get_args(kind))
    if origin is list:
        (item,) = get_args(kind)
        return f"a list, each {describe_type(item)}"
    if origin is dict or kind is dict:
        return "a mapping"
    if is_dataclass(kind):
        return "a mapping of " + ", ".join(field.name for field in fields(kind))
    names = {int: "a whole number", float: "a number", bool: "true or false", str: "a string", list: "a list"}
    return {**names, type(None): "null", Any: "anything"}.get(kind, getattr(kind, "__name__", str(kind)))


_SWITCH = {"yes": True, "on": True, "true": True, "no": False, "off": False, "false": False}  # in YAML 1.1

Mismatch = tuple[str, str, str, str | None]
"""What is wrong with a value, as the arguments of a Problem: key, message, id and fix."""


def find_mismatches(kind: Any, value: Any, *, key: str) -> list[Mismatch]:
    """Return what is wrong with `value` as a `kind`; nothing if it fits."""
    origin = get_origin(kind)
    if origin is Annotated and get_origin(kind.__origin__) is list and isinstance(value, list):
        return find_mismatches(kind.__origin__, value, key=key)
    if origin is list and isinstance(value, list):
        (item,) = get_args(kind)
        return [wrong for i, entry in enumerate(value) for wrong in find_mismatches(item, entry, key=f"{key}[{i}]")]
    if is_dataclass(kind) and isinstance(value, dict):
        return _mapping_mismatches(kind, value, key=key)
    if _fits(kind, value):
        return []
    choices = _choices(kind)
    near = nearest(value, choices) if isinstance(value, str) else None
    near = nearest_duration(value) if has_mark(kind, DurationText) else near
    hint = f' Did you mean "{near}"?' if near is not None else ""
    fix = None if key.endswith("]") else _fix(kind, value, near, key=key)  # no override sets an entry of a list
    if fix is not None and _is_number(value) and key.startswith("dataset.") and fits(kind, str(value)):
        hint = f" To give it as a text, quote it for dlrun and for the shell: {shlex.quote(fix)}"
    return [(key, f"Expected {describe_type(kind)}, got {show(value)}.{hint}", "wrong-value", fix)]


def fits(kind: Any, value: Any) -> bool:
    """Return whether `find_mismatches` finds nothing, without telling what."""
    if get_origin(kind) is Annotated and get_origin(kind.__origin__) is list and isinstance(value, list):
        return fits(kind.__origin__, value)
    if get_origin(kind) is list and isinstance(value, list):
        return all(fits(get_args(kind)[0], entry) for entry in value)
    if is_dataclass(kind) and isinstance(value, dict):
        hints = get_type_hints(kind, include_extras=True)
        return all(name in hints and fits(hints[name], entry) for name, entry in value.items())
    return _fits(kind, value)


def _fits(kind: Any, value: Any) -> bool:
    origin = get_origin(kind)
    if origin is Annotated:
        base, *marks = get_args(kind)
        if value == AUTO and any(isinstance(mark, Auto) for mark in marks):
            return True
        if any(isinstance(mark, DurationText) for mark in marks) and not (isinstance(value, str) and seconds_of(value)):
            return False
        return _fits(base, value) and all(mark.holds(value) for mark in marks if isinstance(mark, Range))
    if origin in (Union, types.UnionType):
        return any(fits(arg, value) for arg in get_args(kind))
    if origin is Literal:
        return value in get_args(kind) and not isinstance(value, bool)
    if origin is dict:  # of fields, whose names Hydra must be able to read
        return isinstance(value, dict) and all(isinstance(name, str) and _NAME.fullmatch(name) for name in value)
    if kind is dict:
        return isinstance(value, dict) and all(isinstance(name, str) for name in value)
    if origin is list or is_dataclass(kind):
        return False  # `fits` looks inside lists and mappings
    return _is_plain(kind, value)


def _fix(kind: Any, value: Any, near: str | None, *, key: str) -> str | None:
    """Return the override with the value that was meant: the nearest, or the same in the notation of its type."""
    meant: list[Any] = [] if near is None else [near]
    if isinstance(value, str):
        meant += [_SWITCH[value.lower()]] if value.lower() in _SWITCH else []
        meant.append(parse_scalar(value))  # a number in quotes
    elif isinstance(value, float) and value.is_integer():
        meant.append(int(value))
    if _is_number(value) and key.startswith("dataset."):
        meant.append(str(value))  # a column that is named like a number
    meant += value if isinstance(value, list) and len(value) == 1 else [[value]]
    fitting = (each for each in meant if each is not None and fits(kind, each))
    return next((fix_of(key, each) for each in fitting), None)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _choices(kind: Any) -> list[str]:
    """Return the texts that a type allows, if it lists them."""
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
    if isinstance(value, bool):  # an int in Python, but not to a user
        return False
    if kind is int:
        return isinstance(value, int)
    if kind is float:
        return isinstance(value, int | float) and abs(value) <= sys.float_info.max  # neither infinite nor NaN
    return isinstance(value, kind)


def _mapping_mismatches(kind: Any, value: dict[str, Any], *, key: str) -> list[Mismatch]:
    hints = get_type_hints(kind, include_extras=True)
    wrong: list[Mismatch] = []
    for name, entry in value.items():
        if name not in hints:
            shown, hint = printable_key(str(name)), did_you_mean(str(name), hints, prefix=f"{key}.")
            near = nearest(str(name), hints)
            fix = fix_of(f"{key}.{near}", entry) if near is not None else None
            wrong.append((f"{key}.{shown}", f'{key} has no field "{shown}". {hint}', "unknown-key", fix))
        else:
            wrong.extend(find_mismatches(hints[name], entry, key=f"{key}.{name}"))
    return wrong
