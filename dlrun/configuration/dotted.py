"""Trees of configuration, addressed by dotted keys."""

from __future__ import annotations

from typing import Any


def set_value(tree: dict[str, Any], key: str, value: Any) -> None:
    """Set the value of a dotted key, whose parents the tree has."""
    *parents, name = key.split(".")
    node = tree
    for parent in parents:
        node = node[parent]
    node[name] = value
