"""The `recipe:` block of a recipe: what it is, where it comes from and what it promises."""

from __future__ import annotations

from typing import Any

from dlrun.configuration import promise_block
from dlrun.configuration.schema.type_check import find_mismatches
from dlrun.errors import Problem, did_you_mean
from dlrun.wording import printable_key, show

FORMAT = 1
_BLOCK = {
    "format": int, "title": str, "source": str, "command": str, "notes": str, "plugins": dict[str, str],
    "extends": str, **promise_block.KEYS,
}  # fmt: skip


def check_block(block: Any) -> list[Problem]:
    """Return what is wrong with the `recipe:` block."""
    if not isinstance(block, dict):
        return [Problem("recipe", f"Expected a mapping with {', '.join(_BLOCK)}, got {show(block)}.")]
    problems = []
    given = block.get("format")
    if block and (given != FORMAT or type(given) is not int):
        expected = f"Expected {FORMAT}, the format of this version of dlrun"
        problems.append(Problem("recipe.format", f"{expected}, got {show(given)}."))
    for key, value in block.items():
        where = f"recipe.{printable_key(key)}"
        if key not in _BLOCK:
            problems.append(Problem(where, f'Unknown key "{printable_key(key)}". {did_you_mean(key, _BLOCK)}'))
        elif key == "plugins" and isinstance(value, dict):
            problems += [Problem(*wrong) for name in value for wrong in find_mismatches(str, value[name], key=where)]
        elif key != "format":
            problems += [Problem(*wrong) for wrong in find_mismatches(_BLOCK[key], value, key=where)]
    return problems + promise_block.check_promise(block)
