"""`dlrun resume SWEEP_DIR`: the commands that the sweep's ledger has, once more, for what is not done.

The folder may be somebody else's: it brings no code, fetches nothing, and reads no files relative to another folder.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from dlrun.cli import flags, verbs
from dlrun.cli.command import Command
from dlrun.cli.context import make_catalog
from dlrun.cli.sweeping import Manner
from dlrun.cli.verbs import train
from dlrun.configuration.override_text import Value, as_text
from dlrun.configuration.overrides import Request, parse_overrides
from dlrun.configuration.recipes.sources.find import is_address, is_file
from dlrun.configuration.schema.catalog import Catalog
from dlrun.configuration.schema.fields import LocalPath, WrittenPath, has_mark
from dlrun.configuration.schema.groups import GROUPS
from dlrun.errors import ConfigError, Problem
from dlrun.runs.sweeps.folder import SWEEP_DIR
from dlrun.runs.sweeps.ledger import SweepCommand, is_growing, read_commands
from dlrun.wording import printable


def resume_sweep(command: Command, folder: Path) -> int:
    """Train what is not done of every command of a sweep; return the exit code of the first that has one.

    Raises ConfigError if the ledger or the command line does not suffice to go on.
    """
    recorded = read_commands(folder)
    where = printable(str(folder))
    if not recorded:
        what = "This sweep is of a version of dlrun that kept no ledger. Type its -m command again, with"
        raise ConfigError(Problem(where, f"{what} {SWEEP_DIR}{where}."))
    catalog = make_catalog(command)
    given = parse_overrides(command.overrides, catalog, multirun=True)
    problems = [*given.problems, *_fixed(given, where)]
    for each in recorded:
        problems += _missing(each, catalog, where)
        problems += _not_here(each, catalog, where)
    if problems:
        raise ConfigError(list(dict.fromkeys(problems)), title="Cannot go on with this sweep")
    codes = [
        train.train(_again(each, command, given, folder), Manner(show=each is recorded[-1], is_saved=True))
        for each in recorded
    ]
    return next((code for code in codes if code), 0)


def _again(recorded: SweepCommand, command: Command, given: Request, folder: Path) -> Command:
    """Return a recorded command with the flags and settings of this one."""
    replaced = {word.partition("=")[0] for word in given.words}
    words = [word for word in recorded.words if word.partition("=")[0] not in replaced]
    switches = {flags.MULTIRUN.name: [""]} if recorded.multirun else {}
    return Command(
        verbs.verb("train"),
        overrides=[*words, *given.words, f"{SWEEP_DIR}{as_text(str(folder.resolve()))}"],
        given={**command.given, **switches},
    )


def _fixed(given: Request, where: str) -> Iterator[Problem]:
    """Yield a problem for each word that would change the sweep's points."""
    what = "A sweep keeps its points: only launch.*, search.trials and search.budget may change. To add points, type "
    what += f"the -m command with other values and {SWEEP_DIR}{where}."
    for word in given.words:
        key = word.partition("=")[0]
        if not is_growing(key) and not any(each.where == printable(word) for each in given.problems):
            yield Problem(printable(word), what)


def _missing(recorded: SweepCommand, catalog: Catalog, where: str) -> Iterator[Problem]:
    """Yield a problem for code and options that the command line must give again, and for Hydra's launchers."""
    if recorded.hydra:
        shown = printable(" ".join(recorded.hydra), limit=500)
        what = f"Hydra launched this sweep ({shown}). Type its -m command again, with {SWEEP_DIR}{where}."
        yield Problem(where, what)
    names = {path.name for path in catalog.plugins}
    plugins = [path for path in recorded.plugins if Path(path).name not in names]
    folders = [path for path in recorded.config_dirs if Path(path) not in catalog.config_dirs]
    words = [*(f"--plugin {each}" for each in plugins), *(f"--config-dir {each}" for each in folders)]
    if words:
        yield Problem(where, f"This sweep used files of yours: add {printable(' '.join(words), limit=1000)}")


def _not_here(recorded: SweepCommand, catalog: Catalog, where: str) -> Iterator[Problem]:
    """Yield a problem for addresses of recipes, and for paths that count from another folder."""
    request = parse_overrides(recorded.words, catalog, multirun=True)
    for value in request.settings.get("recipe", ()):
        if is_address(str(value.value)):
            what = f"A saved sweep fetches nothing. Type its -m command again, with {SWEEP_DIR}{where}."
            yield Problem(printable(f"recipe={value.text}", limit=300), what)
    if recorded.started_in == str(Path.cwd()):
        return
    for key, value in _paths(request, catalog):
        what = f"This path counts from {recorded.started_in}, where the sweep was started: go there, and resume it."
        yield Problem(printable(f"{key}={value.text}", limit=300), printable(what, limit=500))


def _paths(request: Request, catalog: Catalog) -> Iterator[tuple[str, Value]]:
    """Yield every relative path of a request, with its key."""
    for key, values in request.settings.items():
        group, _, field = key.partition(".")
        is_path = group in GROUPS and any(
            field in option.fields and has_mark(option.fields[field].kind, mark)
            for name in catalog.names(group)
            for option in [catalog.option(group, name)]
            for mark in (LocalPath, WrittenPath)
        )
        for value in values:
            text = str(value.value)
            named = is_path and not text.startswith("example:")
            if (named or (key == "recipe" and is_file(text))) and not Path(text).expanduser().is_absolute():
                yield key, value
