"""The `recipe:` block of a recipe: what it is, where it comes from and what it promises."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dlrun.configuration.recipes import promise as promise_block
from dlrun.configuration.schema.type_check import find_mismatches
from dlrun.errors import Problem, did_you_mean
from dlrun.wording import printable_key, show

FORMAT = 1
_BLOCK = {
    "format": int, "title": str, "source": str, "command": str, "notes": str, "plugins": dict[str, str],
    "extends": str, **promise_block.KEYS,
}  # fmt: skip

MEANINGS: Mapping[str, str] = {
    "format": f"The format of the recipe: {FORMAT}.",
    "title": "What the recipe is, in one line.",
    "source": "Where the architecture and its numbers come from.",
    "command": "The command that trains it.",
    "notes": "What else a reader should know.",
    "expect": "The results that it promises: each metric with [lowest, highest], such as test/accuracy: [0.97, 0.99].",
    "plugins": "The files of options that it needs besides dlrun's own, with their SHA-256.",
    "extends": "The recipe that this one is built on: NAME_OR_FILE@sha256:HEX.",
    "meaning": "What the intervals of `expect` mean.",
    "measured": "What was measured: each metric with its value, or one for each seed.",
    "seeds": "The seeds of what was measured.",
    "lock": "The environment in which it was measured.",
    "data": "The data on which it was measured: its fingerprint, where to get it, and its rows by split.",
    "losses": "The losses of the first steps, which a quick check compares.",
}
"""What each key of a block is, for `dlrun schema`."""


def block_keys() -> Mapping[str, Any]:
    """Return the keys of the block with their types."""
    return _BLOCK


def check_block(block: Any) -> list[Problem]:
    """Return what is wrong with the `recipe:` block."""
    if not isinstance(block, dict):
        return [Problem("recipe", f"Expected a mapping with {', '.join(_BLOCK)}, got {show(block)}.", "wrong-value")]
    problems = []
    given = block.get("format")
    if block and (given != FORMAT or type(given) is not int):
        expected = f"Expected {FORMAT}, the format of this version of dlrun"
        problems.append(Problem("recipe.format", f"{expected}, got {show(given)}.", "wrong-value"))
    for key, value in block.items():
        where = f"recipe.{printable_key(key)}"
        if key not in _BLOCK:
            what = f'Unknown key "{printable_key(key)}". {did_you_mean(key, _BLOCK)}'
            problems.append(Problem(where, what, "unknown-key"))
        elif key == "plugins" and isinstance(value, dict):
            problems += [Problem(*wrong) for name in value for wrong in find_mismatches(str, value[name], key=where)]
        elif key != "format":
            problems += [Problem(*wrong) for wrong in find_mismatches(_BLOCK[key], value, key=where)]
    return problems + promise_block.check_promise(block)
