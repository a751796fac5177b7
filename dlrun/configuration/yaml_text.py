"""Write a configuration as YAML."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

from dlrun.configuration.safe_yaml import parse_scalar


class _Dumper(yaml.SafeDumper):
    """Quotes each string that dlrun's own reader would parse as another type, such as 1e3."""


def _represent_string(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = None if parse_scalar(text) == text else "'"
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _represent_string)


def to_yaml(tree: Mapping[str, Any]) -> str:
    """Return the text of `config.yaml`, itself a valid recipe."""
    order = ("recipe", *(key for key in tree if key != "recipe"))
    return plain_yaml({key: tree[key] for key in order}, width=120)


def plain_yaml(tree: Mapping[str, Any], *, width: float = float("inf")) -> str:
    """Return a mapping as YAML in its own order. width: characters from which a line is broken."""
    text: str = yaml.dump(
        dict(tree), Dumper=_Dumper, sort_keys=False, allow_unicode=True, default_flow_style=None, width=width
    )
    return text
