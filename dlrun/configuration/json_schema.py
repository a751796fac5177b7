"""The JSON Schema (draft 2020-12) of a recipe, made from the catalog of options, for editors and other programs.

It accepts what `split_recipe` accepts, as far as JSON Schema can say it: docs/decisions/036 has the differences. An
option's fields depend on its name, so a group's node has an `if` and `then` for each option; a `oneOf` would report
every option's mismatch at once.
"""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Iterator, Mapping

from dlrun.configuration.auto import RULES
from dlrun.configuration.json_types import DEFINITIONS, Schema, any_of, described, schema_of
from dlrun.configuration.recipes.block import FORMAT, MEANINGS, block_keys
from dlrun.configuration.recipes.promise import METRIC, MOST_LOSSES, SHA256
from dlrun.configuration.schema.catalog import Catalog
from dlrun.configuration.schema.fields import NetworkAddress, WrittenPath, has_mark
from dlrun.configuration.schema.groups import GROUPS, Option, default_choices, top_level_fields
from dlrun.configuration.schema.signature import MISSING, Field
from dlrun.configuration.schema.type_check import describe_type
from dlrun.configuration.sweeps.check_ranges import number_in
from dlrun.version import __version__

DRAFT = "https://json-schema.org/draft/2020-12/schema"
ID = f"urn:dlrun:recipe:{FORMAT}"
_COMMAND_LINE_ONLY = (NetworkAddress, WrittenPath)  # marks of fields that a recipe can only leave at their defaults
_NOT_SUGGESTED = {"deprecated": True, "doNotSuggest": True}  # the second is what YAML editors read


def recipe_schema(catalog: Catalog) -> Schema:
    """Return the JSON Schema of a recipe with the options of a catalog."""
    options = {group: {name: catalog.option(group, name) for name in catalog.names(group)} for group in GROUPS}
    nodes = {group: _node(group, options[group]) for group in GROUPS}
    top = {key: _field(entry) for key, entry in top_level_fields().items()}
    return {
        "$schema": DRAFT,
        "$id": ID,
        "title": "dlrun recipe",
        "description": f"A recipe of dlrun {__version__}: the options and values that differ from the defaults.",
        "type": "object",
        "properties": {"recipe": _block(), **nodes, **top, "sweep": _sweep(options)},
        "additionalProperties": False,
        "$defs": {
            **DEFINITIONS,
            **{
                f"{group}.{name}": _option(name, option)
                for group in GROUPS
                if GROUPS[group].folder is not None
                for name, option in options[group].items()
            },
        },
    }


def _block() -> Schema:
    """Return the schema of the `recipe:` block."""
    properties = {key: described(schema_of(kind), MEANINGS.get(key, "")) for key, kind in block_keys().items()}
    properties["format"] = described({"type": "integer", "const": FORMAT}, MEANINGS["format"])
    numbers = {"type": "array", "items": {"type": "number"}}
    names, metrics = {"$ref": "#/$defs/key"}, {"pattern": f"^(?:{METRIC.pattern})$"}
    for key, keys, values in (
        ("expect", metrics, numbers | {"minItems": 2, "maxItems": 2}),
        ("measured", metrics, {"anyOf": [{"type": "number"}, numbers | {"minItems": 1}]}),
        ("losses", names, numbers | {"minItems": 1, "maxItems": MOST_LOSSES}),
    ):
        properties[key] |= {"type": "object", "propertyNames": keys, "additionalProperties": values}
        properties[key].pop("$ref", None)
    properties["lock"]["properties"]["packages"] |= {"additionalProperties": {"type": "string"}}
    properties["data"]["properties"]["fingerprint"] |= {"pattern": f"^(?:{SHA256.pattern}|)$"}
    properties["plugins"]["propertyNames"] = names
    return {
        "description": "What the recipe is, where it comes from and what it promises.",
        "type": ["object", "null"],
        "properties": properties,
        "additionalProperties": False,
        "if": {"minProperties": 1},
        "then": {"required": ["format"]},
    }


def _node(group: str, options: Mapping[str, Option]) -> Schema:
    """Return the schema of a group's node: its options by name, and the fields of the one that is named."""
    summary = f"{GROUPS[group].summary[0].upper()}{GROUPS[group].summary[1:]}."
    names: Schema = {
        "description": f"The option; the default is {default_choices()[group]}.",
        "enum": list(options),
        "enumDescriptions": [option.summary for option in options.values()],
    }
    if GROUPS[group].folder is None:  # all of its options have the same fields
        fields = _fields(options[default_choices()[group]])
        return described(_closed({"name": names, **fields}), summary)
    several = [_several(options)] if GROUPS[group].several else []
    if several:
        of_list = {"type": "array", "minItems": 1, "uniqueItems": True, "items": {"enum": _in_lists(options)}}
        names = {"description": f"{names.pop('description')} Or a list of several.", "anyOf": [names, of_list]}
    return {
        "description": summary,
        "type": "object",
        "required": ["name"],
        "properties": {"name": names},
        "allOf": [
            {
                "if": {"type": "object", "properties": {"name": {"const": name}}, "required": ["name"]},
                "then": {"$ref": f"#/$defs/{group}.{name}"},
            }
            for name in options
        ]
        + several,
    }


def _in_lists(options: Mapping[str, Option]) -> list[str]:
    """Return the options that may be in a list of several."""
    return [name for name in options if name != "none"]


def _several(options: Mapping[str, Option]) -> Schema:
    """Return the schema of a node that chooses a list of options, each with a mapping of its fields."""
    nodes: dict[str, Schema] = {"name": {"type": "array"}}
    for name in _in_lists(options):
        if options[name].fields:
            nodes[name] = described(_closed(_fields(options[name])), options[name].summary)
    is_list = {"type": "object", "properties": {"name": {"type": "array"}}, "required": ["name"]}
    return {"if": is_list, "then": _closed(nodes)}


def _option(name: str, option: Option) -> Schema:
    """Return the schema of a node that chooses one option."""
    retired = _retired(option) if GROUPS[option.group].optional is not None else {}
    return described(_closed({"name": {"const": name}, **_fields(option), **retired}), option.summary)


def _closed(properties: Mapping[str, Schema]) -> Schema:
    return {"type": "object", "properties": dict(properties), "additionalProperties": False}


def _fields(option: Option) -> dict[str, Schema]:
    return {name: _field(field, group=option.group) for name, field in option.fields.items()}


def _field(field: Field, *, group: str = "") -> Schema:
    """Return the schema of a field, or of a top-level key without a group, with its comment and default."""
    text = field.comment or describe_type(field.kind)
    rule = RULES.get(f"{group}.{field.name}")
    if rule is not None and field.default == "auto":
        text += f". auto is {rule.text}"
    if group and _is_only_for_the_command_line(field):
        note = "; a recipe cannot set it: set it on the command line"
        return {"description": text + note, "enum": [field.default, MISSING], **_NOT_SUGGESTED}
    found = described(_value(field) if group else schema_of(field.kind), text)
    if field.default != MISSING:
        found["default"] = field.default
    return found


def _is_only_for_the_command_line(field: Field) -> bool:
    return any(has_mark(field.kind, mark) for mark in _COMMAND_LINE_ONLY)


def _value(field: Field) -> Schema:
    """Return the schema of a field's value, or of ???, which leaves a field to the user."""
    default = field.default if isinstance(field.default, dict) else {}
    return _or_missing(schema_of(field.kind, comments=field.inner_comments, default=default))


def _or_missing(schema: Schema) -> Schema:
    """Return the schema of a value or ???, in the form for which editors complete and report best.

    They complete what is listed, and describe a value by the schema that holds it, not by a choice of two.
    """
    listed = {"enum": [True, False]} if schema == {"type": "boolean"} else schema
    if listed.keys() & {"enum", "anyOf"}:
        return any_of([listed, {"enum": [MISSING]}])
    return {"if": {"const": MISSING}, "else": schema}


def _retired(option: Option) -> dict[str, Schema]:
    """Return fields that all options of the group once had, which old configurations contain without effect."""
    optional = GROUPS[option.group].optional
    neutral = {} if optional is None else dataclasses.asdict(optional())
    found = {}
    for name, value in neutral.items():
        if name not in option.fields:
            inner = _closed({key: {"const": entry} for key, entry in value.items()}) if isinstance(value, dict) else {}
            text = f"Has no effect on {option.group}={option.name}; configurations of old runs have it."
            found[name] = {"description": text, **(inner or {"const": value}), **_NOT_SUGGESTED}
    return found


def _sweep(options: Mapping[str, Mapping[str, Option]]) -> Schema:
    """Return the schema of the `sweep:` block: keys to lists of values, or to ranges as text."""
    properties: dict[str, Schema] = {}
    patterns: dict[str, Schema] = {}
    for group, found in options.items():
        one: Schema = {"enum": list(found)}
        if GROUPS[group].several:
            of_list = {"type": "array", "minItems": 1, "items": {"enum": _in_lists(found)}}
            properties[group] = _list_of({"anyOf": [of_list, one]}, GROUPS[group].summary)
        else:
            properties[group] = _list_of(one, GROUPS[group].summary)
        for name in dict.fromkeys(name for option in found.values() for name in option.fields):
            kinds = [option.fields[name] for option in found.values() if name in option.fields]
            if any(map(_is_only_for_the_command_line, kinds)):
                continue
            key = f"{group}.{name}"
            has_numbers = all(number_in(field.kind) is not None for field in kinds)
            properties[key] = _list_of(any_of(map(_value, kinds)), kinds[0].comment, has_numbers=has_numbers)
            properties.update(dict(_inner(key, kinds[0])))
            if any(typing.get_origin(field.kind) is dict for field in kinds):
                patterns[rf"^{group}\.{name}\.[A-Za-z_]\w*$"] = _list_of(
                    {"$ref": "#/$defs/data"}, kinds[0].comment, has_numbers=True
                )
    for key, field in top_level_fields().items():
        has_numbers = number_in(field.kind) is not None
        properties[key] = _list_of(schema_of(field.kind), field.comment, has_numbers=has_numbers)
    return {
        "description": "Keys and the lists of values to try, all of them together (dlrun -m recipe=FILE), or ranges "
        "to draw from (dlrun -m recipe=FILE search=random search.trials=20).",
        "type": ["object", "null"],
        "properties": properties,
        "patternProperties": patterns,
        "additionalProperties": False,
    }


def _inner(key: str, field: Field) -> Iterator[tuple[str, Schema]]:
    """Return the fields inside a field with the lists of values to sweep."""
    if dataclasses.is_dataclass(field.kind):
        inner = schema_of(field.kind, comments=field.inner_comments)["properties"]
        hints = typing.get_type_hints(field.kind, include_extras=True)
        for name, schema in inner.items():
            text = schema.pop("description", "")
            has_numbers = number_in(hints[name]) is not None
            yield f"{key}.{name}", _list_of(_or_missing(schema), text, has_numbers=has_numbers)


def _list_of(schema: Schema, text: str, *, has_numbers: bool = False) -> Schema:
    """Return the schema of a list of values, or of a range that a search draws from."""
    ranges = {"$ref": "#/$defs/numbers" if has_numbers else "#/$defs/choices"}
    values = {"type": "array", "minItems": 1, "items": schema}
    return described({"if": {"type": "string"}, "then": ranges, "else": values}, text)
