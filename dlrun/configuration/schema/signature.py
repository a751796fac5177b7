"""Read the fields of an option from its function's signature with `ast`; nothing in the file is executed."""

from __future__ import annotations

import ast
import dataclasses
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dlrun.configuration.schema import fields
from dlrun.errors import ConfigError

MISSING = "???"  # the value of a required field that is not set


@dataclass(frozen=True)
class Field:
    """One field of an option: its type, default (or MISSING) and comment."""

    name: str
    kind: Any
    default: Any = MISSING
    comment: str = ""
    line: int | None = None  # of its declaration in the option's Python file, from 1 up
    inner_comments: Mapping[str, str] = field(default_factory=dict)  # of the fields inside it, if it has any


def read_first_argument(path: Path, name: str) -> str | None:
    """Return the first positional argument of the function `name` in `path`; None if it has none."""
    arguments = _find_function(path, name).args
    positional = arguments.posonlyargs + arguments.args
    return positional[0].arg if positional else None


def read_return_type(path: Path, name: str) -> str:
    """Return the return annotation of the function as written, or an empty string."""
    node = _find_function(path, name).returns
    return ast.unparse(node) if node is not None else ""


def read_signature(path: Path, name: str) -> tuple[str, list[Field]]:
    """Return the first line of the docstring and the keyword-only arguments of the function `name` in `path`.

    Raises ConfigError if an argument has no type, a type or default that a field cannot have, or the name `name`.
    """
    function = _find_function(path, name)
    doc = (ast.get_docstring(function) or "").strip()
    declared = []
    for argument, default in zip(function.args.kwonlyargs, function.args.kw_defaults, strict=True):
        if argument.annotation is None:
            raise ConfigError(f'{path}:{argument.lineno}: the field "{argument.arg}" has no type annotation.')
        if argument.arg == "name":
            what = 'a field cannot be called "name", which is the key of the option itself; rename the argument.'
            raise ConfigError(f"{path}:{argument.lineno}: {what}")
        value = MISSING if default is None else _read_default(default, path)
        declared.append(Field(argument.arg, _read_type(argument.annotation, path), value, line=argument.lineno))
    return (doc.splitlines()[0] if doc else ""), declared


def _find_function(path: Path, name: str) -> ast.FunctionDef:
    try:
        tree = ast.parse(path.read_bytes(), filename=str(path))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}).") from error
    except (SyntaxError, ValueError) as error:
        raise ConfigError(f"{path}: not valid Python: {error}.") from error
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name == name:
            return node
    raise ConfigError(f'{path}: expected a function "{name}" with the name of the file, found none.')


def _read_default(node: ast.expr, path: Path) -> Any:
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Augment":
        return dataclasses.asdict(fields.Augment())
    try:
        value = ast.literal_eval(node)
    except (ValueError, TypeError) as error:
        what = f"expected a plain value as default, got {ast.unparse(node)}."
        raise ConfigError(f"{path}:{node.lineno}: {what}") from error
    return list(value) if isinstance(value, tuple) else value


_NOT_FIELD_TYPES = (
    "Range",
    "NetworkAddress",
    "LocalPath",
    "WrittenPath",
    "DurationText",
    "Auto",
    "AUTO",
    "TYPE_CHECKING",
    "Union",
)
_KNOWN_TYPES: Mapping[str, Any] = {
    **{name: getattr(fields, name) for name in dir(fields) if name[0].isupper() and name not in _NOT_FIELD_TYPES},
    **{kind.__name__: kind for kind in (int, float, bool, str, list, dict)},
    "Literal": typing.Literal,
    "Annotated": typing.Annotated,
    "Any": Any,
    "None": None,
}


def _read_type(node: ast.expr, path: Path) -> Any:
    """Return the type of an annotation, built from known names only."""
    try:
        return _evaluate(node, path)
    except (ValueError, TypeError, SyntaxError) as error:  # also int[3], Literal[NAME], Range(1, 2, 3, 4, 5)
        raise ConfigError(
            f"{path}:{node.lineno}: the type {ast.unparse(node)} is not supported; use int, float, bool, "
            "str, list[...], Literal[...], Annotated[..., Range(...)] or a type that dlrun exports, such as Width."
        ) from error


def _evaluate(node: ast.expr, path: Path) -> Any:
    if isinstance(node, ast.Name) and node.id in _KNOWN_TYPES:
        return _KNOWN_TYPES[node.id]
    if isinstance(node, ast.Attribute) and node.attr in _KNOWN_TYPES:
        return _KNOWN_TYPES[node.attr]
    if isinstance(node, ast.Constant):
        if isinstance(node.value, str):
            return _evaluate(ast.parse(node.value, mode="eval").body, path)
        if node.value is None:
            return None
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        return typing.Union[_evaluate(node.left, path), _evaluate(node.right, path)]  # noqa: UP007 - built at run time
    if isinstance(node, ast.Subscript):
        outer = _evaluate(node.value, path)
        items = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        if outer is typing.Literal:
            return outer[tuple(ast.literal_eval(item) for item in items)]
        if outer is typing.Annotated:
            arguments = (_evaluate(items[0], path), *(_read_range(item, path) for item in items[1:]))
            return outer[arguments]
        kinds = tuple(_evaluate(item, path) for item in items)
        return outer[kinds if len(kinds) > 1 else kinds[0]]
    raise TypeError(ast.unparse(node))


def _read_range(node: ast.expr, path: Path) -> fields.Range:
    if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] == "Range":
        return fields.Range(
            *(ast.literal_eval(arg) for arg in node.args),
            **{str(keyword.arg): ast.literal_eval(keyword.value) for keyword in node.keywords},
        )
    raise ConfigError(f"{path}:{node.lineno}: expected a Range(...) in Annotated, got {ast.unparse(node)}.")
