"""Which settings a table of runs shows: those that differ, and are not decided by the options that differ. No torch."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from dlrun.configuration.schema.groups import GROUPS

_FIRST = ("dataset", "model", "optimizer", "optimizer.lr")
"""Those shown first, and those shown of a single row."""


def differing_settings(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the settings that differ between rows, first the best known ones.

    A field whose value follows from the options that differ, such as the width that only one of two models has, is left
    out. Of a single row, or of rows that are alike, the best known settings are returned.
    """
    first = [key for key in _FIRST if any(key in row for row in rows)]
    keys = list(dict.fromkeys([*first, *(key for row in rows for key in row)]))
    texts = [{key: json.dumps(value, sort_keys=True, default=str) for key, value in row.items()} for row in rows]
    options = [key for key in keys if key in GROUPS and len({row.get(key) for row in texts}) > 1]
    classes = [tuple(row.get(key) for key in options) for row in texts]
    found = list(options)
    for key in keys:
        values = [row.get(key) for row in texts]
        varies = len(set(zip(classes, values, strict=True))) > len(set(classes))
        if key not in options and (varies or (key in _FIRST and len(set(values)) > 1)):
            found.append(key)
    order = {key: place for place, key in enumerate(keys)}
    return sorted(found, key=lambda key: order[key]) or first
