"""The configuration as text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml


def to_yaml(tree: Mapping[str, Any]) -> str:
    """The configuration as `config.yaml` holds it, itself a valid recipe."""
    order = ("recipe", *(key for key in tree if key != "recipe"))
    text: str = yaml.safe_dump(
        {key: tree[key] for key in order}, sort_keys=False, allow_unicode=True, default_flow_style=None, width=120
    )
    return text
