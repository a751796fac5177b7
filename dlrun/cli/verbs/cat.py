"""`dlrun cat`: print a recipe. Imports no torch."""

from __future__ import annotations

import shlex

from dlrun.cli import flags
from dlrun.cli.command import Command
from dlrun.cli.verb import Example, Verb, Word

VERB = Verb(
    name="cat",
    usage="RECIPE",
    summary="print a recipe",
    words=(Word("RECIPE", "recipe", "a recipe's name or file"),),
    own_flags=(flags.EXTENDED,),
    details=(
        "RECIPE is what recipe=RECIPE takes: a name, a file, https://HOST/PATH.yaml, git+https://HOST/REPO@COMMIT:PATH\n"
        "or sha256:HEX in the cache; any of them may end in @sha256:HEX. --extended prints what a recipe that extends\n"
        "another amounts to: a recipe that extends nothing."
    ),
    examples=(
        Example("dlrun cat lenet_mnist", "one of dlrun's recipes"),
        Example("dlrun cat outputs/run/config.yaml", "a run's configuration, which is a recipe too"),
        Example("dlrun cat lenet_mnist --extended", "with what it extends merged into it, if it extends another"),
    ),
    exit_codes=(0, 2, 3, 5),
)


def run(command: Command) -> int:
    """Print the file as it is, or merged with what it extends; raises ConfigError when it is not a recipe's YAML."""
    from dlrun.cli.notices import tell
    from dlrun.cli.recipe_file import extended_text, read_recipe

    source, layers = read_recipe(command.words[0])
    if command.has(flags.EXTENDED) and len(layers) > 1:
        print(extended_text(layers), end="")
        return 0
    print(source.content.decode("utf-8"), end="")
    if len(layers) > 1:
        tell([f"it extends another recipe; `dlrun cat {shlex.quote(command.words[0])} --extended` prints both merged."])
    return 0
