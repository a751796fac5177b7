"""A bounded YAML reader for files from other people.

It reads only data: no tags, anchors, aliases, merge keys or duplicate keys, a single document, with limits on bytes,
depth and nodes. Scalars follow the YAML 1.2 core schema, so `no` is a string and `1e-3` a number.
"""

from __future__ import annotations

import math
import os
import re
import stat
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from dlrun.errors import ConfigError, Problem
from dlrun.wording import printable, printable_key, show

_INT = re.compile(r"[-+]?(0|[1-9][0-9]{0,18})")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|(0|[1-9][0-9]*)(\.[0-9]*)?)([eE][-+]?[0-9]{1,4})?")
_HIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200b\u2028-\u202e\u2060-\u2069\ufeff]")  # also in comments
FORBIDDEN_KEYS = {
    "hydra": "A recipe cannot set Hydra's own configuration.",
    "defaults": "A recipe cannot change the defaults list; name options instead (model: {name: mlp}).",
}

NOT_DATA = "recipe-not-data"  # the id of what only code, or Hydra, could mean
_PARSE_ERROR = "parse-error"
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True)
class Bounds:
    """Limits on the size of a file."""

    max_bytes: int = 65_536
    max_depth: int = 12
    max_nodes: int = 4_096


def read_yaml(path: Path, *, bounds: Bounds | None = None) -> dict[str, Any]:
    """Return the mapping in a YAML file.

    Raises ConfigError with file and line if it cannot be read, exceeds the bounds or contains more than data.
    """
    bounds = bounds or Bounds()
    return parse_yaml(read_bytes(path, bounds=bounds), name=str(path), bounds=bounds)


def read_bytes(path: Path, *, bounds: Bounds | None = None) -> bytes:
    """Return the bytes of a regular file, one more than the bounds allow if it is longer.

    A pipe or a device, which might block, is not opened.

    Raises ConfigError if it cannot be read.
    """
    count = (bounds or Bounds()).max_bytes + 1
    name = printable(str(path))
    try:
        mode = path.stat().st_mode
        if stat.S_ISREG(mode):
            with open(os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0)), "rb") as stream:
                return stream.read(count)
    except (OSError, ValueError) as error:  # ValueError: a name with a NUL
        reason = getattr(error, "strerror", None) or error
        raise ConfigError(f"{name}: cannot be read ({reason}).", id="no-file") from error
    what = "a folder" if stat.S_ISDIR(mode) else "a pipe or a device"
    raise ConfigError(f"{name}: expected a file, got {what}.", id="no-file")


def read_nodes(path: Path) -> Any:
    """Return the nodes of a YAML file with their lines; None if it is empty.

    Read the file with `read_yaml` first, which refuses unsafe files.
    """
    return yaml.compose(read_bytes(path).decode("utf-8-sig"), Loader=_Loader)


def line_of(path: Path, *keys: str) -> int | None:
    """Return the line, from 1 up, of the value under `keys` in a YAML file; None if it has none.

    In a list, it is that of the entry with the key. Read the file with `read_yaml` first, which refuses unsafe files.
    """
    node = read_nodes(path)
    line = None
    for key in keys:
        mappings = node.value if isinstance(node, yaml.SequenceNode) else [node]
        entries = [entry for mapping in mappings if isinstance(mapping, yaml.MappingNode) for entry in mapping.value]
        found = [(name, value) for name, value in entries if name.value == key]
        if not found:
            return None
        ((name, node),) = found
        line = name.start_mark.line + 1
    return line


def parse_yaml(raw: bytes, *, name: str, bounds: Bounds | None = None) -> dict[str, Any]:
    """Return the mapping in `raw`; errors are as for `read_yaml`, with `name` as the file."""
    bounds = bounds or Bounds()
    name = printable(name, limit=4096)
    if len(raw) > bounds.max_bytes:
        raise ConfigError(f"{name}: larger than {bounds.max_bytes:,} bytes, the limit for a recipe.", id=_PARSE_ERROR)
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigError(f"{name}: not UTF-8 text (byte {error.start}).", id=_PARSE_ERROR) from error
    hidden = _HIDDEN.search(text)
    if hidden is not None:
        line = text.count("\n", 0, hidden.start()) + 1
        what = f"{name}:{line}: contains a control character ({printable(hidden[0])})."
        raise ConfigError(what, id=_PARSE_ERROR)
    try:
        return _Builder(name, bounds, yaml.parse(text, Loader=_Loader)).document()
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{name}:{mark.line + 1}" if mark is not None else name
        what = getattr(error, "problem", None) or str(error).splitlines()[0]
        raise ConfigError(f"{where}: not valid YAML: {printable(str(what))}.", id=_PARSE_ERROR) from error


class _Builder:
    """Builds plain containers from parser events and refuses everything but data."""

    def __init__(self, name: str, bounds: Bounds, events: Iterator[Any]) -> None:
        self._name = name
        self._bounds = bounds
        self._events = events
        self._nodes = 0

    def document(self) -> dict[str, Any]:
        content: Any = None
        documents = 0
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    raise self._refuse(event, "contains more than one document")
                content = self._node(next(self._events), depth=1)
        if content is None:
            return {}
        if not isinstance(content, dict):
            raise ConfigError(f"{self._name}: expected a mapping of keys to values.", id=_PARSE_ERROR)
        return content

    def _node(self, event: Any, *, depth: int) -> Any:
        self._nodes += 1
        if self._nodes > self._bounds.max_nodes:
            raise self._refuse(event, f"more than {self._bounds.max_nodes:,} values")
        if depth > self._bounds.max_depth:
            raise self._refuse(event, f"nested deeper than {self._bounds.max_depth} levels")
        if isinstance(event, yaml.AliasEvent):
            raise self._refuse(event, "aliases (*name) are not allowed; write the value itself", NOT_DATA)
        if event.anchor is not None:
            raise self._refuse(event, "anchors (&name) are not allowed; write the value itself", NOT_DATA)
        if event.tag is not None:
            what = f"tags ({printable(event.tag)}) are not allowed; a recipe is data, never code"
            raise self._refuse(event, what, NOT_DATA)
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._sequence(depth)
        return self._mapping(depth)

    def _sequence(self, depth: int) -> list[Any]:
        items: list[Any] = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            items.append(self._node(event, depth=depth + 1))
        return items

    def _mapping(self, depth: int) -> dict[str, Any]:
        entries: dict[str, Any] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            if isinstance(event, yaml.ScalarEvent) and event.value == "<<":
                raise self._refuse(event, "merge keys (<<) are not allowed", NOT_DATA)
            key = self._node(event, depth=depth + 1)
            if not isinstance(key, str):
                raise self._refuse(event, f"expected a name as key, got {printable(str(key))}")
            if key in entries:
                raise self._refuse(event, f'duplicate key "{printable(key)}"')
            entries[key] = self._node(next(self._events), depth=depth + 1)
        return entries

    def _scalar(self, event: Any) -> Any:
        text = event.value
        for char in text:
            if unicodedata.category(char) in ("Cc", "Cf", "Cs", "Co") and char not in "\n\t":
                raise self._refuse(event, f"contains a control character ({printable(char)})")
        if event.style:  # quoted or block: always a string
            return text
        value = parse_scalar(text)
        if isinstance(value, float) and not math.isfinite(value):
            raise self._refuse(event, f"{printable(text)} is too large a number")
        return value

    def _refuse(self, event: Any, what: str, kind: str = _PARSE_ERROR) -> ConfigError:
        mark = event.start_mark
        return ConfigError(f"{self._name}:{mark.line + 1}: {what}.", id=kind)


def parse_scalar(text: str) -> Any:
    """Return the value of an unquoted scalar in the YAML 1.2 core schema."""
    if text in ("", "~", "null", "Null", "NULL"):
        return None
    if text in ("true", "True", "TRUE"):
        return True
    if text in ("false", "False", "FALSE"):
        return False
    if _INT.fullmatch(text):
        return int(text)
    if _FLOAT.fullmatch(text):
        return float(text)
    return text


def check_data(value: Any, key: str = "") -> list[Problem]:
    """Return a problem for each interpolation in a tree, and for each key that has a meaning to Hydra."""
    if isinstance(value, dict):
        found = []
        for name, entry in value.items():
            where = f"{key}.{printable_key(name)}".lstrip(".")
            if "${" in name:
                found.append(Problem(where, "A recipe cannot contain interpolations.", NOT_DATA))
            if name.startswith("_") and name.endswith("_"):
                what = f'A recipe is data, never code; it cannot contain "{printable_key(name)}".'
                found.append(Problem(where, what, NOT_DATA))
            first = name.lstrip("+~").replace("/", ".").split(".")[0]
            if first in FORBIDDEN_KEYS:
                found.append(Problem(where, FORBIDDEN_KEYS[first], NOT_DATA))
            found += check_data(entry, where)
        return found
    if isinstance(value, list):
        return [problem for i, entry in enumerate(value) for problem in check_data(entry, f"{key}[{i}]")]
    if isinstance(value, str) and "${" in value:
        what = f"A recipe cannot contain interpolations, got {show(value)}; write the value itself."
        return [Problem(key, what, NOT_DATA)]
    return []
