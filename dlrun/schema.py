"""What may be configured: groups, their options and each option's fields, read without importing any option.

An option is one Python file whose function's keyword-only arguments are its fields, and one YAML file with their
defaults. The signature is read with `ast`, so listing and checking never import torch.
"""

from __future__ import annotations

import ast
import dataclasses
import re
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from dlrun import fields, safe_yaml, settings
from dlrun.errors import ConfigError

MISSING = "???"  # what a required field holds until the user gives it
_PACKAGE = Path(__file__).parent


@dataclass(frozen=True)
class Group:
    """A group of options: its folder of option files, if any, and the settings all of its options share."""

    name: str
    folder: str | None
    common: type | None
    first: str | None = None  # the positional argument of an option's function
    summary: str = ""


GROUPS: Mapping[str, Group] = {
    group.name: group
    for group in (
        Group("dataset", "datasets", settings.DatasetSettings, None, "what is learnt from"),
        Group("model", "models", None, "spec", "what learns"),
        Group("optimizer", "optimizers", settings.OptimizerSettings, "parameters", "how weights are moved"),
        Group("scheduler", "schedulers", settings.SchedulerSettings, "horizon", "how the learning rate changes"),
        Group("loss", "losses", None, "spec", "what is made small"),
        Group("device", None, settings.DeviceSettings, None, "where numbers are computed"),
        Group("trainer", None, settings.TrainerSettings, None, "how long and how training goes on"),
        Group("checkpoint", None, settings.CheckpointSettings, None, "when the state is saved"),
        Group("logger", "loggers", None, "run_dir", "where metrics go besides metrics.jsonl"),
    )
}

TOP_LEVEL: Mapping[str, Any] = {
    "seed": fields.Seed,
    "resume": typing.Literal["never", "auto", "must"],
    "metric": str,
}


@dataclass(frozen=True)
class Field:
    """One field of an option: its type, default (or MISSING) and the comment beside it."""

    name: str
    kind: Any
    default: Any = MISSING
    comment: str = ""
    line: int | None = None  # of its declaration in the option's Python file, from 1 on


@dataclass(frozen=True)
class Option:
    """One option of a group: where its function stands, and its fields."""

    group: str
    name: str
    summary: str
    fields: Mapping[str, Field]
    source: Path | None  # the file whose function builds it; None where the core itself reads the fields
    arguments: tuple[str, ...]  # those fields that the function takes
    conf: Path | None  # the YAML file with its defaults
    origin: str = "dlrun"  # "dlrun", "plugin" or the name of the package that brings it

    def defaults(self) -> dict[str, Any]:
        """The node as Hydra composes it: `name` and every field's default."""
        return {"name": self.name, **{field.name: field.default for field in self.fields.values()}}


def share(name: str) -> Path:
    """The folder `conf` or `recipes`: inside an installed package, or beside it in a checkout."""
    inside = _PACKAGE / name
    return inside if inside.is_dir() else _PACKAGE.parent / name


@cache
def builtin_names(group: str) -> tuple[str, ...]:
    """The names of the options that dlrun itself brings."""
    return tuple(sorted(path.stem for path in (share("conf") / group).glob("*.yaml")))


@cache
def builtin(group: str, name: str) -> Option:
    """One of dlrun's own options."""
    conf = share("conf") / group / f"{name}.yaml"
    folder = GROUPS[group].folder
    source = _PACKAGE / folder / f"{name}.py" if folder else None
    return read_option(group, name, source=source, conf=conf)


def read_option(group: str, name: str, *, source: Path | None, conf: Path | None, origin: str = "dlrun") -> Option:
    """The option that a Python file and, where there is one, a YAML file describe.

    Raises ConfigError when the function or one of its types is not as an option's must be.
    """
    found: dict[str, Field] = {}
    common = GROUPS[group].common
    if common is not None:
        hints = typing.get_type_hints(common, include_extras=True)
        for entry in dataclasses.fields(common):
            found[entry.name] = Field(entry.name, hints[entry.name], _plain_default(entry))
    summary = ""
    arguments: tuple[str, ...] = ()
    if source is not None:
        summary, declared = read_signature(source, name)
        found.update({field.name: field for field in declared})
        arguments = tuple(field.name for field in declared)
    if conf is not None:
        node, comments, summary_line = _read_conf(conf)
        summary = summary_line or summary
        for key, value in node.items():
            if key in found:
                found[key] = dataclasses.replace(found[key], default=value, comment=comments.get(key, ""))
    return Option(group, name, summary, found, source, arguments, conf, origin)


def _plain_default(entry: dataclasses.Field[Any]) -> Any:
    if entry.default_factory is not dataclasses.MISSING:
        return dataclasses.asdict(entry.default_factory())
    return MISSING if entry.default is dataclasses.MISSING else entry.default


def _read_conf(path: Path) -> tuple[dict[str, Any], dict[str, str], str]:
    text = path.read_text(encoding="utf-8")
    lines = text.splitlines()
    summary = lines[0].lstrip("# ").strip() if lines and lines[0].startswith("#") and "@package" not in lines[0] else ""
    comments = {m[1]: m[2].strip() for line in lines if (m := re.match(r"(\w+):.*?\s#\s*(.*)", line))}
    return safe_yaml.parse(text.encode(), name=str(path)), comments, summary


def first_argument(path: Path, name: str) -> str | None:
    """The positional argument of the function `name` in `path`; None when it takes none."""
    arguments = _function(path, name).args
    positional = arguments.posonlyargs + arguments.args
    return positional[0].arg if positional else None


def returns(path: Path, name: str) -> str:
    """The return annotation of the function, as written."""
    node = _function(path, name).returns
    return ast.unparse(node) if node is not None else ""


def read_signature(path: Path, name: str) -> tuple[str, list[Field]]:
    """The first line of the docstring and the keyword-only arguments of the function `name` in `path`."""
    function = _function(path, name)
    doc = (ast.get_docstring(function) or "").strip()
    declared = []
    for argument, default in zip(function.args.kwonlyargs, function.args.kw_defaults, strict=True):
        if argument.annotation is None:
            raise ConfigError(f'{path}:{argument.lineno}: the field "{argument.arg}" has no type.')
        value = MISSING if default is None else _literal(default, path)
        declared.append(Field(argument.arg, _type(argument.annotation, path), value, line=argument.lineno))
    return (doc.splitlines()[0] if doc else ""), declared


def _function(path: Path, name: str) -> ast.FunctionDef:
    try:
        tree = ast.parse(path.read_bytes(), filename=str(path))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}).") from error
    except (SyntaxError, ValueError) as error:
        raise ConfigError(f"{path}: not valid Python: {error}.") from error
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name == name:
            return node
    raise ConfigError(f'{path}: expected a function "{name}", named as the file is; there is none.')


def _literal(node: ast.expr, path: Path) -> Any:
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Augment":
        return dataclasses.asdict(fields.Augment())
    try:
        value = ast.literal_eval(node)
    except (ValueError, TypeError) as error:
        what = f"a field's default must be a plain value, not {ast.unparse(node)}."
        raise ConfigError(f"{path}:{node.lineno}: {what}") from error
    return list(value) if isinstance(value, tuple) else value


_MARKS = ("Range", "Machine", "Private", "TYPE_CHECKING")
_KNOWN_TYPES: Mapping[str, Any] = {
    **{
        name: getattr(fields, name)
        for name in dir(fields)
        if name[0].isupper() and name not in ("Range", "Machine", "Private")
    },
    **{kind.__name__: kind for kind in (int, float, bool, str, list, dict)},
    "Literal": typing.Literal,
    "Annotated": typing.Annotated,
    "Any": Any,
    "None": None,
}


def _type(node: ast.expr, path: Path) -> Any:
    """An annotation's type, built from known names only; nothing in the file is executed."""
    try:
        return _built(node, path)
    except (ValueError, TypeError, SyntaxError) as error:  # also int[3], Literal[NAME], Range(1, 2, 3, 4, 5)
        raise ConfigError(
            f"{path}:{node.lineno}: the type {ast.unparse(node)} is not one a field can have; use int, float, bool, "
            "str, list[...], Literal[...], Annotated[..., Range(...)] or a name from dlrun.fields."
        ) from error


def _built(node: ast.expr, path: Path) -> Any:
    if isinstance(node, ast.Name) and node.id in _KNOWN_TYPES:
        return _KNOWN_TYPES[node.id]
    if isinstance(node, ast.Attribute) and node.attr in _KNOWN_TYPES:
        return _KNOWN_TYPES[node.attr]
    if isinstance(node, ast.Constant):
        if isinstance(node.value, str):
            return _built(ast.parse(node.value, mode="eval").body, path)
        if node.value is None:
            return None
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        return typing.Union[_built(node.left, path), _built(node.right, path)]  # noqa: UP007 - built at run time
    if isinstance(node, ast.Subscript):
        outer = _built(node.value, path)
        items = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        if outer is typing.Literal:
            return outer[tuple(ast.literal_eval(item) for item in items)]
        if outer is typing.Annotated:
            return outer[(_built(items[0], path), *(_range(item, path) for item in items[1:]))]
        kinds = tuple(_built(item, path) for item in items)
        return outer[kinds if len(kinds) > 1 else kinds[0]]
    raise TypeError(ast.unparse(node))


def _range(node: ast.expr, path: Path) -> fields.Range:
    if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] == "Range":
        return fields.Range(
            *(ast.literal_eval(arg) for arg in node.args),
            **{str(keyword.arg): ast.literal_eval(keyword.value) for keyword in node.keywords},
        )
    raise ConfigError(f"{path}:{node.lineno}: Annotated takes a Range(...), not {ast.unparse(node)}.")
