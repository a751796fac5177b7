"""Values as JSON has them."""

from __future__ import annotations

import json
import math
import re
from typing import Any

_CONTROLS = re.compile("[\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""What JSON need not escape, and ends lines, controls a terminal or cannot be written."""


def nan_to_null(value: Any) -> Any:
    """Return a value, with lists and mappings within, in which NaN and infinity, which JSON does not have, are None."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, list | tuple):
        return [nan_to_null(each) for each in value]
    return {key: nan_to_null(each) for key, each in value.items()} if isinstance(value, dict) else value


def readable_json(value: Any, *, indent: int | None = None) -> str:
    """Return a value as JSON with the letters of all languages as they are; one line without an indent."""
    text = json.dumps(nan_to_null(value), indent=indent, ensure_ascii=False, allow_nan=False)
    return _CONTROLS.sub(lambda found: f"\\u{ord(found[0]):04x}", text)  # which are within texts only
