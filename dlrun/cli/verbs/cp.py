"""`dlrun cp`: copy a recipe to a file of the user's own. Imports no torch."""

from __future__ import annotations

import os
from pathlib import Path

from dlrun.cli import flags
from dlrun.cli.command import Command
from dlrun.cli.verb import Example, Verb, Word
from dlrun.wording import printable

VERB = Verb(
    name="cp",
    usage="RECIPE FILE",
    summary="copy a recipe to a new file or into a folder",
    words=(Word("RECIPE", "recipe", "a recipe's name"), Word("FILE", "file", "a file")),
    own_flags=(flags.EXTENDED,),
    details=(
        "RECIPE is what recipe=RECIPE takes. A copy of a recipe that extends a file beside it needs a copy of that\n"
        "file too; with --extended the copy extends nothing."
    ),
    examples=(
        Example("dlrun cp lenet_mnist mine.yaml", "a copy to change"),
        Example("dlrun cp mlp_digits .", "a copy with the recipe's name, in this folder"),
        Example("dlrun cp rnn_digits whole.yaml --extended", "a copy that extends nothing"),
    ),
    exit_codes=(0, 2, 3, 5),
)


def run(command: Command) -> int:
    """Copy the recipe; raises ConfigError when the file exists or cannot be written."""
    from dlrun.cli.notices import tell
    from dlrun.cli.recipe_file import extended_text, read_recipe, write_new

    source, layers = read_recipe(command.words[0])
    target = Path(command.words[1]).expanduser()
    if target.is_dir():
        target /= source.file_name
    is_merged = command.has(flags.EXTENDED) and len(layers) > 1
    write_new(target, extended_text(layers).encode() if is_merged else source.content)
    print(f"{target}\ntrain it: dlrun recipe={target if os.sep in str(target) else f'./{target}'}")
    if len(layers) > 1 and not is_merged:
        others = ", ".join(layer.shown for layer in layers[1:])
        tell([printable(f"it extends {others}; with --extended the copy needs no other file.", limit=400)])
    return 0
