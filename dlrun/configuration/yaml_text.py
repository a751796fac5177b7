"""The configuration as text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

from dlrun.configuration.safe_yaml import plain_scalar


class _Dumper(yaml.SafeDumper):
    """Quotes every text that dlrun's own reader would take for something else, such as 1e3."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = None if plain_scalar(text) == text else "'"
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)


def to_yaml(tree: Mapping[str, Any]) -> str:
    """The configuration as `config.yaml` holds it, itself a valid recipe."""
    order = ("recipe", *(key for key in tree if key != "recipe"))
    ordered = {key: tree[key] for key in order}
    text: str = yaml.dump(
        ordered, Dumper=_Dumper, sort_keys=False, allow_unicode=True, default_flow_style=None, width=120
    )
    return text
