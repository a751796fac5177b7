"""The recipes that `dlrun ls recipe` lists: dlrun's own, those in the user's folders and those in the cache."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from dlrun.cli.notices import tell
from dlrun.configuration.recipes.block import check_block
from dlrun.configuration.recipes.sources import folders, store
from dlrun.configuration.recipes.sources.find import HASH
from dlrun.configuration.safe_yaml import read_yaml
from dlrun.errors import ConfigError
from dlrun.report.tables import print_table
from dlrun.wording import printable


def list_recipes() -> list[dict[str, Any]]:
    """Return a row for each recipe: what to write after `recipe=`, what it says of itself and where it is from.

    A file that is no recipe has a row that says so. Prints a notice for a folder of DLRUN_RECIPES that is not there.
    """
    tell(
        f"{folders.VARIABLE} lists {printable(str(folder))}, which is no folder that can be read."
        for folder in folders.missing_folders()
    )
    taken: set[str] = set()
    rows = []
    for named in folders.named_recipes():
        reference = named.name if named.name not in taken else _as_file(named.path)
        taken.add(named.name)
        origin = {"kind": "dlrun" if named.is_own else "folder", "path": str(named.path)}
        rows.append(_row(reference, named.path, "dlrun" if named.is_own else str(named.path.parent), origin))
    for entry in store.entries():
        origin = {"kind": "cache", "path": str(store.path_of(entry.sha256)), "address": entry.address}
        shown = f"{entry.address}, {entry.fetched}"
        rows.append(_row(f"{HASH}{entry.sha256}", store.path_of(entry.sha256), shown, origin))
    return rows


def print_recipes(rows: Sequence[Mapping[str, Any]]) -> None:
    """Print recipes as a table, and those in the cache, whose references are long, as another."""
    for heading, is_cached in (("recipe", False), ("recipe in the cache", True)):
        cells = [
            [row["recipe"], row["title"], row["promise"], row["from"]]
            for row in rows
            if (row["origin"]["kind"] == "cache") is is_cached
        ]
        if cells and is_cached:
            print()
        if cells:
            print_table([heading, "what it is", "promises", "from"], cells)


def _row(reference: str, path: Path, shown: str, origin: dict[str, str]) -> dict[str, Any]:
    block, problem = _block(path)
    expect = block.get("expect", {})
    return {
        "recipe": reference,
        "title": problem or block.get("title", ""),
        "source": block.get("source", ""),
        "command": block.get("command", ""),
        "promise": ", ".join(f"{metric} {low:g} to {high:g}" for metric, (low, high) in expect.items()),
        "expect": expect,
        "extends": block.get("extends"),
        "from": shown,
        "origin": origin,
    }


def _block(path: Path) -> tuple[dict[str, Any], str]:
    """Return a recipe's block, and what is wrong with it; with anything wrong, the block is empty."""
    try:
        block = read_yaml(path).get("recipe") or {}
    except ConfigError as error:
        return {}, f"no recipe: {error}"
    problems = check_block(block)
    if problems:
        return {}, f"no recipe: {problems[0].where}: {problems[0].message}"
    return block, ""


def _as_file(path: Path) -> str:
    return str(path) if os.sep in str(path) else f"./{path}"
