"""Values as JSON has them."""

from __future__ import annotations

import math
from typing import Any


def nan_to_null(value: Any) -> Any:
    """Return a value, with lists and mappings within, in which NaN and infinity, which JSON does not have, are None."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, list | tuple):
        return [nan_to_null(each) for each in value]
    return {key: nan_to_null(each) for key, each in value.items()} if isinstance(value, dict) else value
