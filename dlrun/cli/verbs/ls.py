"""`dlrun ls`: groups, the options of a group, and recipes. Imports no torch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dlrun.cli import flags
from dlrun.cli.command import Command, usage_error
from dlrun.cli.verb import Example, Verb, Word
from dlrun.errors import Problem, did_you_mean
from dlrun.report.json_output import print_json
from dlrun.wording import printable

if TYPE_CHECKING:
    from dlrun.configuration.schema.catalog import Catalog
    from dlrun.configuration.schema.groups import Option

VERB = Verb(
    name="ls",
    usage="[GROUP]",
    summary="list all groups, or the options of one with their fields; recipe is a group too",
    words=(Word("GROUP", "group", "at most one group", least=0),),
    own_flags=(flags.JSON, flags.PLUGIN, flags.CONFIG_DIR),
    details=(
        "With --json, the options of a group come with each field's type, default, unit and range. `dlrun ls recipe`\n"
        "lists dlrun's recipes, those in the folders of the environment variable DLRUN_RECIPES, and fetched ones.\n"
        "`dlrun ls launch` and `dlrun ls search` list how a sweep's points are run and chosen."
    ),
    examples=(
        Example("dlrun ls", "every group with its options"),
        Example("dlrun ls model", "the models and their fields"),
        Example("dlrun ls recipe", "the recipes and the results they promise"),
        Example("dlrun ls search", "how the points of a sweep are chosen"),
        Example("dlrun ls optimizer --json", "types, defaults and meaning of every field"),
    ),
)


def run(command: Command) -> int:
    """Print one table, or JSON; raises ConfigError for an unknown group."""
    from dlrun.cli.context import make_catalog
    from dlrun.cli.recipe_list import list_recipes, print_recipes
    from dlrun.configuration.override_text import as_text
    from dlrun.configuration.schema.groups import GROUPS
    from dlrun.configuration.schema.type_check import describe_type
    from dlrun.configuration.sweeps.settings import SWEEP_GROUPS, setting_lines
    from dlrun.report.tables import print_table

    catalog = make_catalog(command)
    group = command.words[0] if command.words else None
    if group is None:
        rows = _groups(catalog)
        heads = ["group", "what it is", "options"]
        cells = [[row["group"], row["summary"], ", ".join(row["options"])] for row in rows]
    elif group == "recipe":
        rows = list_recipes()
        heads, cells = [], []
    elif group in SWEEP_GROUPS:
        lines = setting_lines(group)
        rows = [
            {"name": each.key, "type": describe_type(each.kind), "default": each.default, "comment": each.meaning}
            for each in lines
        ]
        heads = ["with -m", "values", "default", "what it is"]
        defaults = ["" if isinstance(each.default, dict) else as_text(each.default).strip('"') for each in lines]
        cells = [
            [each.key, describe_type(each.kind), default, each.meaning]
            for each, default in zip(lines, defaults, strict=True)
        ]
    elif group in GROUPS:
        options = [catalog.option(group, name) for name in catalog.names(group)]
        rows = [_option(option) for option in options] if command.has(flags.JSON) else []
        heads = [group, "what it is", "fields"]
        cells = [[option.name, option.summary, ", ".join(option.fields)] for option in options]
    else:
        hint = did_you_mean(group, [*GROUPS, "recipe", *SWEEP_GROUPS])
        raise usage_error(Problem(f"ls {printable(group)}", f"There is no such group. {hint}"))
    if command.has(flags.JSON):
        print_json(rows)
    elif group == "recipe":
        print_recipes(rows)
    else:
        print_table(heads, cells)
    return 0


def _groups(catalog: Catalog) -> list[dict[str, Any]]:
    from dlrun.configuration.recipes.sources.folders import recipe_names
    from dlrun.configuration.schema.groups import GROUPS

    rows = [{"group": name, "summary": group.summary, "options": catalog.names(name)} for name, group in GROUPS.items()]
    return [*rows, {"group": "recipe", "summary": "whole runs, ready to train", "options": recipe_names()}]


def _option(option: Option) -> dict[str, Any]:
    from dlrun.configuration.schema.type_check import describe_type

    return {
        "name": option.name,
        "summary": option.summary,
        "origin": option.origin,
        "fields": [
            {"name": field.name, "type": describe_type(field.kind), "default": field.default, "comment": field.comment}
            for field in option.fields.values()
        ],
    }
