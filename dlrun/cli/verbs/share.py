"""`dlrun share`: turn a finished run, or a sweep over seeds, into a recipe that others can train and verify."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from dlrun.cli import flags
from dlrun.cli.command import Command
from dlrun.cli.notices import tell, unless_quiet
from dlrun.cli.recipe_file import write_new
from dlrun.cli.verb import Example, Verb, Word
from dlrun.errors import ConfigError, Problem
from dlrun.wording import printable

if TYPE_CHECKING:
    from dlrun.configuration.schema.catalog import Catalog
    from dlrun.runs.share import Shared

VERB = Verb(
    name="share",
    usage="RUN_OR_SWEEP [-o FILE]",
    summary="turn a run, or a sweep over seeds, into a recipe with its measured results and its lock",
    words=(Word("RUN_OR_SWEEP", "run", "the folder of a run, or of a sweep over seed"),),
    own_flags=(flags.OUTPUT, flags.QUIET, flags.PLUGIN, flags.CONFIG_DIR),
    details=(
        "The recipe has what differs from the defaults, an interval for each held-out metric, the environment and the\n"
        "data's fingerprint. Absolute paths, addresses, secrets, the device, loggers and checkpoints stay out. The\n"
        "first 10 steps are trained again to note their losses, which `dlrun verify --quick` compares. Over seeds, an\n"
        "interval is one for a new seed's value; of a single run, the measured value with a stated tolerance."
    ),
    examples=(
        Example("dlrun share outputs/run", "print the recipe of a run"),
        Example("dlrun share outputs/seeds -o shared.yaml", "the recipe of a sweep over seeds, as a file"),
    ),
    exit_codes=(0, 2, 3, 5),
)


def run(command: Command) -> int:
    """Write the recipe, and say on standard error what it leaves out; raises ConfigError if there is no result."""
    from dlrun.cli.context import make_catalog
    from dlrun.cli.saved_run import compose_run, refuse_published
    from dlrun.cli.sharing import with_losses
    from dlrun.runs.seeds import runs_to_share
    from dlrun.runs.share import share

    output = command.value(flags.OUTPUT)
    if output is not None and output.exists():
        raise ConfigError(Problem(printable(str(output)), "The file exists; choose another name."))
    refuse_published(Path(command.words[0]).expanduser(), "share")
    runs = runs_to_share(Path(command.words[0]).expanduser())
    catalog = make_catalog(command)
    composed = compose_run(runs[0].folder, (), catalog)
    tree = composed.config.tree
    name = output.name if output is not None else f"{tree['model']['name']}_{tree['dataset']['name']}.yaml"
    shared = share(composed, runs, catalog, name=name)
    tell(_notices(shared, catalog))
    text = with_losses(shared, runs[0], catalog, say=unless_quiet(command)).text(catalog)
    if output is None:
        print(text, end="")
        return 0
    write_new(output, text.encode())
    print(f"{output}\nverify it: dlrun verify {output}{_to_set(shared)}")
    return 0


def _notices(shared: Shared, catalog: Catalog) -> list[str]:
    """What stays out of the recipe and why, and what its receiver needs besides."""
    from dlrun.configuration.schema.catalog import packages_of

    lines = [f"left out {printable(str(each), limit=500)}" for each in shared.left_out]
    lines += [f"no promise of {metric}" for metric in shared.not_promised]
    plugins = ", ".join(shared.block.get("plugins", ()))
    if plugins:
        lines.append(f"who gets the recipe needs the plugin too, and gives it as --plugin FILE: {printable(plugins)}")
    packages = packages_of(shared.config.tree, catalog)
    return [*lines, *(f"who gets the recipe needs the package {printable(each)}" for each in packages)]


def _to_set(shared: Shared) -> str:
    """What the user of the recipe sets, as it was here in placeholders."""
    words = str(shared.block["command"]).split()
    return "".join(f" {word}" for word in words[words.index("dlrun") + 1 :] if not word.startswith("recipe="))
