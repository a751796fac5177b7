"""`dlrun publish`: a finished run as a folder that a model hub takes, or on the hub itself."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from dlrun.cli import flags
from dlrun.cli.command import Command, usage_error
from dlrun.cli.notices import tell, unless_quiet
from dlrun.cli.verb import Example, Verb, Word
from dlrun.errors import ConfigError, Problem
from dlrun.wording import printable

if TYPE_CHECKING:
    from dlrun.configuration.compose import Composed
    from dlrun.configuration.schema.catalog import Catalog
    from dlrun.runs.history import SavedRun
    from dlrun.runs.publish.content import Made
    from dlrun.runs.publish.target import Target

VERB = Verb(
    name="publish",
    usage="RUN_DIR --to TARGET [--export onnx] [--public]",
    summary="a folder that a model hub takes: weights, recipe, model card; or upload it",
    words=(Word("RUN_DIR", "run", "a run's folder"),),
    own_flags=(
        flags.TO,
        flags.EXPORT,
        flags.ROWS,
        flags.PUBLIC,
        flags.QUIET,
        flags.PLUGIN,
        flags.CONFIG_DIR,
    ),
    details=(
        "The folder has the weights in safetensors, the recipe as `dlrun share` makes it, a model card (README.md)\n"
        "filled from the run, and a manifest with the SHA-256 of every file; nothing in it is pickled or code.\n"
        "Intended use, limits and the data's origin are places of the card that you fill. `dlrun predict FOLDER\n"
        "INPUT` uses it, as do `dlrun eval` and `dlrun export`. Paths, addresses, secrets and rows of the data stay\n"
        "out; words, categories and identifiers that predicting needs are in. hf:// takes the extra `hub` and the\n"
        "token that `hf auth login` stored, or HF_TOKEN."
    ),
    examples=(
        Example("dlrun publish outputs/run --to iris-mlp", "a folder for a hub, in the new folder iris-mlp"),
        Example("dlrun publish outputs/series --to weather -q", "the same, without a word on what it leaves out"),
    ),
    exit_codes=(0, 2, 3, 5, 6),
)


def run(command: Command) -> int:
    """Write the folder, or upload it, and print where; raises ConfigError for what cannot be published."""
    from dlrun.runs.publish.target import read_target

    text, folder = command.value(flags.TO), Path(command.words[0]).expanduser()
    if text is None:
        raise usage_error(Problem("--to", "Expected where to publish: --to FOLDER, or --to hf://OWNER/NAME."))
    target = read_target(text)
    _check_flags(command, target)
    _check_folder(folder)
    made = _make(command, folder, target)
    if not command.has(flags.QUIET):
        tell(made.notices)
    print(_deliver(made.files, target, public=command.has(flags.PUBLIC)))
    return 0


def _check_flags(command: Command, target: Target) -> None:
    """Raise ConfigError for flags that mean nothing here, and for a missing package of an export."""
    from dlrun.runs.export.target import check_installed

    if command.has(flags.PUBLIC) and target.repository is None:
        raise usage_error(Problem("--public", "It has a meaning only together with --to hf://OWNER/NAME."))
    if command.has(flags.ROWS) and not command.has(flags.EXPORT):
        raise usage_error(Problem("--rows", "It has a meaning only together with --export."))
    if command.has(flags.EXPORT):
        check_installed("onnx", needed_by="--export onnx")


def _check_folder(folder: Path) -> None:
    """Raise ConfigError for a sweep, and for what is published already."""
    from dlrun.cli.saved_run import refuse_published
    from dlrun.runs.sweeps.rows import has_rows

    if has_rows(folder):
        what = "This is a sweep; publish the run of one of its points. `dlrun runs` lists them, best first."
        raise ConfigError(Problem(printable(str(folder)), what))
    refuse_published(folder, "publish")


def _make(command: Command, folder: Path, target: Target) -> Made:
    from dlrun.cli.context import make_catalog
    from dlrun.cli.saved_run import compose_run
    from dlrun.runs.export.target import CHECKED_ON
    from dlrun.runs.history import read_run
    from dlrun.runs.publish.content import check_publishable, make_files

    run, catalog = read_run(folder), make_catalog(command)
    composed = compose_run(folder, (), catalog)
    check_publishable(run, composed.config, catalog)
    return make_files(
        run,
        compose_run(folder, CHECKED_ON, catalog).config,
        catalog,
        name=target.name,
        repository=target.repository,
        recipe=_recipe(command, composed, run, catalog),
        onnx=command.has(flags.EXPORT),
        rows_from=command.value(flags.ROWS),
        tell=unless_quiet(command),
    )


def _recipe(command: Command, composed: Composed, run: SavedRun, catalog: Catalog) -> str | None:
    """The text of the recipe, with the losses of the first steps; None for a run that can promise nothing."""
    from dlrun.cli.sharing import with_losses
    from dlrun.runs.share import can_promise, share
    from dlrun.storage.published import RECIPE

    if not can_promise(run):
        return None
    shared = share(composed, [run], catalog, name=RECIPE, with_files=False)
    return with_losses(shared, run, catalog, say=unless_quiet(command)).text(catalog)


def _deliver(files: Mapping[str, bytes], target: Target, *, public: bool) -> str:
    """Write or upload the files; return where they are."""
    from dlrun.storage.published import write_published

    if target.folder is not None:
        write_published(target.folder, files)
        return printable(target.shown, limit=1000)
    from dlrun.runs.publish.hub import upload

    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / target.name
        write_published(folder, files)
        return upload(folder, str(target.repository), public=public)
