"""The JSON Schema of the types that a field can have."""

from __future__ import annotations

import json
import types
import typing
from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from dlrun.configuration.schema.fields import Auto, DurationText, LocalPath, Range
from dlrun.configuration.schema.type_check import LITERAL_NAMES
from dlrun.configuration.sweeps.ranges import CHOICES_PATTERN, GRAMMAR, NUMBERS_PATTERN

Schema = dict[str, Any]

KEY_PATTERN = r"^(?![+~]*(?:hydra|defaults)(?:[./]|$))(?!_(?:.*_)?$)(?!.*\$\{)"
_TEXT_PATTERN = r"^(?![\s\S]*\$\{)"
_LITERALS = "|".join("".join(f"[{letter}{letter.upper()}]" for letter in word) for word in LITERAL_NAMES)
_NAME_PATTERN = rf"^(?!(?:{_LITERALS})$)[A-Za-z_][A-Za-z0-9_]*$(?!\n)"
_PATH_PATTERN = r"^(?![\s\S]*\$\{)(?:example:[^/]*|(?!example:|~|/|[^\0]*://)(?!(?:[^\0]*/)?\.\.(?:/|$))[^\0]+)$"
_DURATION_PATTERN = r"^(?=.*[1-9])(?:[0-9]{1,4}d)?(?:[0-9]{1,6}h)?(?:[0-9]{1,8}m)?(?:[0-9]{1,9}s)?$(?!\n)"
_BOUNDS = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")

DEFINITIONS: Mapping[str, Schema] = {
    "key": {"pattern": KEY_PATTERN},
    "text": {
        "type": "string",
        "pattern": _TEXT_PATTERN,
        "patternErrorMessage": "A recipe cannot contain interpolations; write the value itself.",
    },
    "path": {
        "type": "string",
        "pattern": _PATH_PATTERN,
        "patternErrorMessage": "A recipe can name only files below the current folder.",
    },
    "duration": {
        "type": "string",
        "pattern": _DURATION_PATTERN,
        "patternErrorMessage": "Expected a duration, such as 90s, 10m or 3h50m.",
    },
    "numbers": {
        "type": "string",
        "pattern": NUMBERS_PATTERN,
        "patternErrorMessage": f"Expected a list of values, or a range: {GRAMMAR}.",
    },
    "choices": {
        "type": "string",
        "pattern": CHOICES_PATTERN,
        "patternErrorMessage": "Expected a list of values, or choice(A, B).",
    },
    "data": {
        "pattern": _TEXT_PATTERN,
        "items": {"$ref": "#/$defs/data"},
        "propertyNames": {"$ref": "#/$defs/key"},
        "additionalProperties": {"$ref": "#/$defs/data"},
    },
}
"""What the schemas of several types refer to, for `$defs`. `patternErrorMessage` is what editors say instead."""


def schema_of(kind: Any, *, comments: Mapping[str, str] | None = None, default: Any = None) -> Schema:
    """Return the JSON Schema of a type, which accepts what `find_mismatches` accepts, whole numbers written 1.0 aside.

    comments, default: those of the fields inside it, if it is a settings class.
    """
    origin = get_origin(kind)
    if origin is Annotated:
        base, *marks = get_args(kind)
        return _marked(schema_of(base), marks)
    if origin in (Union, types.UnionType):
        return any_of(schema_of(arg) for arg in get_args(kind))
    if origin is Literal:
        return {"enum": list(get_args(kind))}
    if origin is list or kind is list:
        (item,) = get_args(kind) or (Any,)
        return {"type": "array", "items": schema_of(item)}
    if origin is dict:
        value = schema_of(get_args(kind)[1])
        names = {"$ref": "#/$defs/key", "pattern": _NAME_PATTERN}
        return {"type": "object", "propertyNames": names, "additionalProperties": value}
    if is_dataclass(kind):
        return _mapping(kind, comments or {}, default or {})
    return _plain(kind)


def _plain(kind: Any) -> Schema:
    if kind is dict:
        return {"type": "object", "$ref": "#/$defs/data"}
    if kind is str:
        return {"$ref": "#/$defs/text"}
    names = {int: "integer", float: "number", bool: "boolean", type(None): "null"}
    return {"type": names[kind]} if kind in names else {"$ref": "#/$defs/data"}


def _marked(schema: Schema, marks: Iterable[Any]) -> Schema:
    """Return the schema of a type with its marks: a range, `auto`, what a text states."""
    found = dict(schema)
    for mark in marks:
        if isinstance(mark, Range):
            bounds = zip(_BOUNDS, (mark.low, mark.high, mark.above, mark.below), strict=True)
            found.update({name: bound for name, bound in bounds if bound is not None})
        elif isinstance(mark, LocalPath):
            found = {"$ref": "#/$defs/path"}
        elif isinstance(mark, DurationText):
            found = {"$ref": "#/$defs/duration"}
    return any_of([found, {"enum": ["auto"]}]) if any(isinstance(mark, Auto) for mark in marks) else found


def _mapping(kind: Any, comments: Mapping[str, str], default: Mapping[str, Any]) -> Schema:
    hints = typing.get_type_hints(kind, include_extras=True)
    properties = {}
    for entry in fields(kind):
        properties[entry.name] = described(schema_of(hints[entry.name]), comments.get(entry.name, ""))
        if entry.name in default:
            properties[entry.name]["default"] = default[entry.name]
    return {"type": "object", "properties": properties, "additionalProperties": False}


def described(schema: Schema, text: str) -> Schema:
    """Return a schema with a description, which editors show."""
    return {"description": text, **schema} if text else dict(schema)


def any_of(schemas: Iterable[Schema]) -> Schema:
    """Return the schema of what fits one of several; their listed values become one list, and equal ones one."""
    values: list[Any] = []
    others: list[Schema] = []
    for schema in (part for whole in schemas for part in whole.get("anyOf", [whole])):
        if set(schema) == {"enum"}:
            values += [value for value in schema["enum"] if value not in values]
        elif schema == {"type": "null"}:
            values.append(None)
        elif json.dumps(schema) not in map(json.dumps, others):
            others.append(schema)
    parts = [*others, *([{"enum": values}] if values else [])]
    return parts[0] if len(parts) == 1 else {"anyOf": parts}
