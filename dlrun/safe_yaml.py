"""A bounded reader of YAML for files that strangers wrote.

It reads data and nothing else: no tags, anchors, aliases, merge keys or duplicate keys, a single document, bounded
in bytes, depth and nodes. Scalars follow the YAML 1.2 core schema, so `no` is a text and `1e-3` a number.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from dlrun.errors import ConfigError
from dlrun.fields import printable

_INT = re.compile(r"[-+]?(0|[1-9][0-9]{0,18})")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|(0|[1-9][0-9]*)(\.[0-9]*)?)([eE][-+]?[0-9]{1,4})?")
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True)
class Bounds:
    """How much a file may hold."""

    max_bytes: int = 65_536
    max_depth: int = 12
    max_nodes: int = 4_096


def read(path: Path, *, bounds: Bounds | None = None) -> dict[str, Any]:
    """The mapping that a YAML file holds.

    Raises ConfigError naming the file and the line when it cannot be read, is over bounds or is more than data.
    """
    bounds = bounds or Bounds()
    try:
        with path.open("rb") as stream:
            raw = stream.read(bounds.max_bytes + 1)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror or error}).") from error
    return parse(raw, name=str(path), bounds=bounds)


def parse(raw: bytes, *, name: str, bounds: Bounds | None = None) -> dict[str, Any]:
    """The mapping in `raw`; `name` stands for it in errors, which are as for `read`."""
    bounds = bounds or Bounds()
    if len(raw) > bounds.max_bytes:
        raise ConfigError(f"{name}: larger than {bounds.max_bytes:,} bytes, too large for a recipe.")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigError(f"{name}: not UTF-8 text (byte {error.start}).") from error
    try:
        return _Builder(name, bounds, yaml.parse(text, Loader=_Loader)).document()
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{name}:{mark.line + 1}" if mark is not None else name
        what = getattr(error, "problem", None) or str(error).splitlines()[0]
        raise ConfigError(f"{where}: not valid YAML: {printable(str(what))}.") from error


class _Builder:
    """Builds plain containers from parser events, refusing whatever is more than data."""

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
                    raise self._refuse(event, "holds more than one document")
                content = self._node(next(self._events), depth=1)
        if content is None:
            return {}
        if not isinstance(content, dict):
            raise ConfigError(f"{self._name}: expected a mapping of keys to values.")
        return content

    def _node(self, event: Any, *, depth: int) -> Any:
        self._nodes += 1
        if self._nodes > self._bounds.max_nodes:
            raise self._refuse(event, f"more than {self._bounds.max_nodes:,} values")
        if depth > self._bounds.max_depth:
            raise self._refuse(event, f"nested deeper than {self._bounds.max_depth} levels")
        if isinstance(event, yaml.AliasEvent):
            raise self._refuse(event, "aliases (*name) are not allowed; write the value out")
        if event.anchor is not None:
            raise self._refuse(event, "anchors (&name) are not allowed; write the value out")
        if event.tag is not None:
            raise self._refuse(event, f"tags ({printable(event.tag)}) are not allowed; a recipe is data, never code")
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
                raise self._refuse(event, "merge keys (<<) are not allowed")
            key = self._node(event, depth=depth + 1)
            if not isinstance(key, str):
                raise self._refuse(event, f"expected a name as key, got {printable(str(key))}")
            if key in entries:
                raise self._refuse(event, f'the key "{printable(key)}" stands twice')
            entries[key] = self._node(next(self._events), depth=depth + 1)
        return entries

    def _scalar(self, event: Any) -> Any:
        text = event.value
        for char in text:
            if unicodedata.category(char) in ("Cc", "Cf", "Cs", "Co") and char not in "\n\t":
                raise self._refuse(event, f"holds a control character ({printable(char)})")
        if event.style is not None:  # quoted or block: always a text
            return text
        return plain_scalar(text)

    def _refuse(self, event: Any, what: str) -> ConfigError:
        mark = event.start_mark
        return ConfigError(f"{self._name}:{mark.line + 1}: {what}.")


def plain_scalar(text: str) -> Any:
    """The value of an unquoted scalar in the YAML 1.2 core schema."""
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
