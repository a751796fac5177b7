"""`dlrun show`: the composed configuration, or what set one of its values. Imports no torch."""

from __future__ import annotations

from dlrun.cli import flags
from dlrun.cli.command import Command
from dlrun.cli.verb import Example, Verb
from dlrun.report.json_output import print_json

VERB = Verb(
    name="show",
    usage="[KEY=VALUE ...] [--why KEY]",
    summary="show the composed configuration, or what set a value",
    overrides=True,
    own_flags=(flags.WHY, flags.JSON, flags.PLUGIN, flags.CONFIG_DIR),
    examples=(
        Example("dlrun show dataset=iris model=mlp", "the whole configuration, as YAML"),
        Example(
            "dlrun show recipe=mlp_digits optimizer.lr=0.01 --why optimizer.lr", "which file or override set a value"
        ),
    ),
    exit_codes=(0, 2, 3, 5),
)


def run(command: Command) -> int:
    """Print the configuration or the origin of one key."""
    from dlrun.cli.context import make_catalog
    from dlrun.cli.recipe_file import tell_of_recipes
    from dlrun.configuration.compose import compose
    from dlrun.configuration.overrides import parse_overrides
    from dlrun.configuration.plan import plan_runs
    from dlrun.configuration.provenance import explain_origin
    from dlrun.configuration.yaml_text import to_yaml

    key = command.value(flags.WHY)
    catalog = make_catalog(command)
    request = parse_overrides(command.overrides, catalog)
    (plan,) = plan_runs(request, catalog)
    tell_of_recipes([plan])
    composed = compose(plan, catalog, hydra_words=request.hydra)
    if key is not None:
        print(explain_origin(key, composed, catalog))
    elif command.has(flags.JSON):
        print_json(composed.config.tree)
    else:
        print(to_yaml(composed.config.tree), end="")
    return 0
