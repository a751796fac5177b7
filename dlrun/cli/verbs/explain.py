"""`dlrun explain`: what moved a prediction, and how much the columns of a split matter."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from dlrun.cli import flags
from dlrun.cli.command import Command
from dlrun.cli.notices import tell
from dlrun.cli.verb import Example, Verb, Word
from dlrun.errors import ConfigError, Problem
from dlrun.wording import printable

if TYPE_CHECKING:
    from dlrun.configuration.run_config import RunConfig
    from dlrun.configuration.schema.catalog import Catalog

VERB = Verb(
    name="explain",
    usage="RUN_DIR INPUT [-o FILE]\nRUN_DIR --split NAME [-o FILE]",
    summary="what moved a prediction: columns, words, pixels or steps; and which columns matter",
    words=(
        Word("RUN_DIR", "run", "a run's folder"),
        Word("INPUT", "file", "a file of rows or a folder of files", unless=flags.SPLIT),
    ),
    overrides=True,
    own_flags=(
        flags.OUTPUT,
        flags.ROW,
        flags.CLASS,
        flags.TARGET,
        flags.SPLIT,
        flags.JSON,
        flags.QUIET,
        flags.PLUGIN,
        flags.CONFIG_DIR,
    ),
    details=(
        "INPUT is what `dlrun predict` reads, and needs the extra `explain`. What the parts of a row add leads from\n"
        "the output at a baseline (the means of the training rows, a black image, silence, an empty text) to the\n"
        "output at the row: log-odds of the predicted class, or of --class; a number in its own unit. The first ten\n"
        "rows are explained, or --row N. With --split, each column of that split is shuffled, and what that costs in\n"
        "the run's own metric is its importance; it reads the data again and needs no extra. -o writes FILE.png or\n"
        "FILE.json."
    ),
    examples=(
        Example("dlrun explain outputs/run new.csv", "what each column adds to the predictions of the first ten rows"),
        Example("dlrun explain outputs/run new.csv --row 2 --class virginica -o why.png", "one row, as a picture"),
        Example("dlrun explain outputs/run --split test", "which columns matter, and how sure that is"),
    ),
    exit_codes=(0, 2, 3, 5),
)
_ENDINGS = (".png", ".json")


def run(command: Command) -> int:
    """Print or write the explanations, or the importance of columns."""
    source = Path(command.words[1]).expanduser() if len(command.words) > 1 else None
    target = command.value(flags.OUTPUT)
    if target is not None:
        _check_target(target, source)

    from dlrun.cli.saved_run import open_run

    run = open_run(command)
    if source is None:
        _show_importance(command, *run)
    else:
        _show_explanations(command, *run, source)
    return 0


def _show_importance(command: Command, config: RunConfig, catalog: Catalog, folder: Path) -> None:
    """Print or write how much the columns of a split matter."""
    from dlrun.report import explanations as report
    from dlrun.runs.explain.importance import permutation_importance

    split = command.value(flags.SPLIT)
    found = permutation_importance(config, catalog, folder, split="test" if split is None else split)

    def draw(missing: set[str]) -> bytes:
        from dlrun.report.plots.importance_picture import importance_picture

        return importance_picture(found, missing=missing)

    text = report.as_json(report.importance_state(found))
    _show(command, text, draw=draw, tabulate=lambda: report.print_importance(found))


def _show_explanations(command: Command, config: RunConfig, catalog: Catalog, folder: Path, source: Path) -> None:
    """Print or write what moved the predictions of the rows of a file."""
    from dlrun.report import explanations as report
    from dlrun.runs.explain.explain import explain_rows
    from dlrun.runs.explain.outputs import Question

    question = Question(command.value(flags.TARGET), command.value(flags.CLASS))
    row, warn = command.value(flags.ROW), partial(_warn, command)
    found = explain_rows(config, catalog, folder, source, row=row, question=question, warn=warn)

    def draw(missing: set[str]) -> bytes:
        from dlrun.report.plots.explanation_picture import explanation_picture

        return explanation_picture(found, missing=missing)

    text = report.as_json(report.explanations_state(found))
    _show(command, text, draw=draw, tabulate=lambda: report.print_explanations(found))


def _warn(command: Command, text: str) -> None:
    if not command.has(flags.QUIET):
        tell([printable(text, limit=1000)])


def _show(command: Command, text: str, *, draw: Callable[[set[str]], bytes], tabulate: Callable[[], None]) -> None:
    """Write a picture or JSON if a file is named, or print JSON or a table.

    text: the JSON. draw: returns the picture, and adds what no font has to a set.
    """
    target = command.value(flags.OUTPUT)
    if target is not None:
        missing: set[str] = set()
        _write(target, draw(missing) if target.suffix.lower() == ".png" else f"{text}\n".encode())
        if missing:
            from dlrun.report.plots.fonts import notice

            _warn(command, notice(missing))
    elif command.has(flags.JSON):
        print(text)
    else:
        tabulate()


def _check_target(path: Path, source: Path | None) -> None:
    """Raise ConfigError for a file that cannot be written, or must not be."""
    from dlrun.storage.output_file import check_output_file

    if path.suffix.lower() not in _ENDINGS:
        what = f"Expected a file ending in {' or '.join(_ENDINGS)}."
        raise ConfigError(Problem(f"-o {printable(str(path))}", what))
    check_output_file(path, source=source, what="the explanation")


def _write(path: Path, content: bytes) -> None:
    from dlrun.storage.atomic import replace_file

    replace_file(path, content)
    print(printable(str(path), limit=500))
