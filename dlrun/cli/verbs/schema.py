"""`dlrun schema`: the JSON Schema of a recipe, for editors. Imports no torch."""

from __future__ import annotations

import json

from dlrun.cli import flags
from dlrun.cli.command import Command
from dlrun.cli.verb import Example, Verb

VERB = Verb(
    name="schema",
    usage="",
    summary="print the JSON Schema of a recipe, with which editors complete and check recipes",
    own_flags=(flags.PLUGIN, flags.CONFIG_DIR),
    details="JSON Schema draft 2020-12, on standard output; options of --plugin and --config-dir are in it too.",
    examples=(
        Example("dlrun schema", "for a file that editors read: dlrun schema > recipe.schema.json"),
        Example("dlrun schema --plugin my_model.py --config-dir my_options", "with options of your own"),
    ),
)


def run(command: Command) -> int:
    """Print the schema; raises ConfigError for a plugin or a preset that cannot be read."""
    from dlrun.cli.context import make_catalog
    from dlrun.configuration.json_schema import recipe_schema

    print(json.dumps(recipe_schema(make_catalog(command)), indent=2, ensure_ascii=False))
    return 0
