"""`dlrun verify --all`: train every recipe that comes with dlrun and write the table of what each promises."""

from __future__ import annotations

import sys
from pathlib import Path

from dlrun.cli import flags
from dlrun.cli.command import Command
from dlrun.configuration.overrides import parse_overrides
from dlrun.configuration.recipes.recipe import load_recipe
from dlrun.configuration.recipes.sources.folders import named_recipes
from dlrun.configuration.schema.catalog import Catalog
from dlrun.errors import ConfigError, DlrunError, Interrupted, Problem, PromiseError
from dlrun.runs.shipped import BEGIN, Row, between_markers, data_words, table
from dlrun.storage.atomic import replace_file
from dlrun.wording import plural, printable

PAGE = Path("docs/recipes.md")


def verify_all(command: Command, catalog: Catalog) -> int:
    """Verify each shipped recipe, one after the other, and write the table; the runs are where runs usually are.

    Raises ConfigError if there is no page for the table, PromiseError if a promise is broken.
    """
    output = command.value(flags.OUTPUT)
    page = output or PAGE
    _page_with(page, "", asked=output is not None)  # before hours of training
    problems = parse_overrides(command.overrides, catalog).problems
    if problems:
        raise ConfigError(problems)
    rows = []
    for name in (each.name for each in named_recipes() if each.is_own):
        print(f"verifying {name}", file=sys.stderr)
        rows.append(_row(name, command, catalog))
        print(f"    {rows[-1].verdict} {rows[-1].why}".rstrip(), file=sys.stderr)
    written = table(rows, _environment())
    replace_file(page, _page_with(page, written, asked=output is not None).encode())
    print(f"{page}: {plural(len(rows), 'recipe')}")
    broken = [row.recipe for row in rows if row.verdict in ("broken", "failed")]
    if broken:
        raise PromiseError(f"these recipes do not keep their promise: {', '.join(broken)}; {page} has the table.")
    return 0


def _environment() -> dict[str, object]:
    """The environment of this process, in which the recipes were trained."""
    import torch

    from dlrun.runs.environment import collect_numeric

    return collect_numeric(torch.get_num_threads(), "cuda" if torch.cuda.is_available() else "cpu")


def _row(name: str, command: Command, catalog: Catalog) -> Row:
    from dlrun.cli.verifying import plan_verification, verify

    recipe = load_recipe(name, catalog)
    words, missing = data_words(recipe, catalog)
    expect = recipe.about["expect"]
    if missing is not None:
        return Row(name, expect, {}, None, "not measured", f"{missing} names no folder with its data")
    about, composed = plan_verification(name, [*words, *command.overrides], catalog, quick=False)
    try:
        result, found, _ = verify(about, composed, catalog, quiet=True)
    except Interrupted:
        raise
    except DlrunError as error:  # the other recipes are verified all the same
        return Row(name, expect, {}, None, "failed", printable(" ".join(str(error).split()), limit=300))
    return Row(name, expect, found.measured, result["seconds"]["total"], found.status, "; ".join(found.broken))


def _page_with(page: Path, content: str, *, asked: bool) -> str:
    """Return the text of the page with the table: between its markers, or the table alone in a new file.

    asked: whether the user named the file.
    """
    try:
        text = page.read_text(encoding="utf-8") if page.exists() else ""
    except OSError as error:
        raise ConfigError(Problem(str(page), f"The file cannot be read ({error.strerror}).")) from error
    if not text and asked:
        return f"{content}\n"
    found = between_markers(text, content)
    if found is None:
        what = (
            f"The table goes between two marked lines of this file ({BEGIN}), which it does not have. Run it in a "
            "checkout of dlrun, or name a new file: -o FILE."
        )
        raise ConfigError(Problem(str(page), what))
    return found
