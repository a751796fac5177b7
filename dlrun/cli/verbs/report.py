"""`dlrun report`: what a sweep or a run found, as one page or as pictures. Of a sweep it imports no torch."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from dlrun.cli import flags
from dlrun.cli.command import Command, usage_error
from dlrun.cli.notices import tell
from dlrun.cli.saved_run import no_run_or_sweep
from dlrun.cli.verb import Example, Verb, Word
from dlrun.errors import ConfigError, Problem
from dlrun.wording import printable

if TYPE_CHECKING:
    from dlrun.configuration.schema.catalog import Catalog
    from dlrun.report.pages.files import Kind
    from dlrun.runs.analysis.reports import Examined

VERB = Verb(
    name="report",
    usage="RUN_OR_SWEEP [-o FILE]",
    summary="plots and tables of a sweep or a run, as one self-contained page or as pictures",
    words=(Word("RUN_OR_SWEEP", "run", "the folder of a sweep or a run"),),
    overrides=True,
    own_flags=(flags.OUTPUT, flags.SPLIT, flags.NO_ROWS, flags.QUIET, flags.PLUGIN, flags.CONFIG_DIR),
    details=(
        "Of a run: its result beside the baselines, learning curves, and what its best checkpoint does on the test\n"
        "split: confusion matrix, precision, recall and F1 of each class, ROC and precision-recall, calibration,\n"
        "residuals, the worst mistakes as they are, samples of a GAN or a language model; configuration, data,\n"
        "environment, how to repeat it. The data is read again, as by `dlrun eval`; if it is gone, or has moved\n"
        "(dataset.path=...), the page says what it lacks. Look at a page before you send it: it has rows of the data,\n"
        "unless --no-rows.\n"
        "Of a sweep: parallel coordinates, the metric against each setting, learning curves, every point with its\n"
        "result or the reason why there is none, and what was fixed. The page (default: report.html in the folder)\n"
        "needs no network. With -o, FILE.html is a page, FILE.png one picture of all plots of a sweep, and a folder\n"
        "gets a picture of each."
    ),
    examples=(
        Example("dlrun report outputs/seeds", "the page of a sweep: outputs/seeds/report.html"),
        Example("dlrun report outputs/run -o run.html", "the page of a run"),
        Example("dlrun report outputs/run --split val --no-rows", "on the validation split, without rows of the data"),
        Example("dlrun report outputs/seeds -o seeds.png", "the plots of a sweep in one picture"),
        Example("dlrun report outputs/seeds -o plots", "a picture of each plot in the folder plots"),
    ),
    exit_codes=(0, 2, 3, 5),
)


def run(command: Command) -> int:
    """Write the report and print where; raises ConfigError if the folder has neither a sweep nor a run."""
    from dlrun.report.pages.files import kind_of, write_reports
    from dlrun.runs.sweeps.rows import has_rows

    folder = Path(command.words[0]).expanduser()
    output = command.value(flags.OUTPUT) or folder / "report.html"
    is_sweep = has_rows(folder)
    if not is_sweep and not (folder / "config.yaml").is_file():
        raise usage_error(no_run_or_sweep(folder))
    kind = kind_of(output)
    if is_sweep and (command.overrides or command.has(flags.SPLIT) or command.has(flags.NO_ROWS)):
        what = "The report of a sweep reads results only; KEY=VALUE, --split and --no-rows are for that of a run."
        raise usage_error(Problem(printable(str(folder)), what))
    if not is_sweep and kind != "page":
        what = "Pictures are drawn of a sweep; the report of a run is a page: -o FILE.html"
        raise ConfigError(Problem(f"--output {printable(str(output))}", what))
    contents = _of_sweep(command, folder, output, kind) if is_sweep else {output: _of_run(command, folder)}
    write_reports(contents)
    print(output if kind != "folder" else "\n".join(map(str, contents)))
    return 0


def _of_sweep(command: Command, folder: Path, output: Path, kind: Kind) -> dict[Path, bytes]:
    """The files of a sweep's report."""
    from dlrun.cli.context import make_catalog
    from dlrun.report.plots.figures import draw_sweep
    from dlrun.runs.sweeps.saved.commands import read_asked
    from dlrun.runs.sweeps.saved.sweep import read_sweep

    sweep, asked = read_sweep(folder), read_asked(folder)
    figures = draw_sweep(sweep, asked.objectives)
    title = f"Sweep {printable(folder.resolve().name)}"
    if kind == "page":
        from dlrun.report.pages.sweep_page import sweep_page
        from dlrun.runs.sweeps.saved.shared import read_shared

        folders = [point.folder for point in sweep.points if point.folder is not None]
        swept = list(dict.fromkeys(key for point in sweep.points for key in point.settings))
        shared = read_shared(folders, swept=swept, catalog=make_catalog(command))
        return {output: sweep_page(sweep, figures, shared, asked, title=title).encode()}
    from dlrun.report.plots.fonts import notice
    from dlrun.report.plots.picture import pictures, whole_picture

    if not figures.every():
        what = f"There is nothing to draw: {'; '.join(figures.notices)}."
        raise ConfigError(Problem(printable(str(folder)), printable(what, limit=500)))
    missing: set[str] = set()
    if kind == "picture":
        found = {output: whole_picture(figures, sweep, title=title, missing=missing)}
    else:
        found = {output / name: content for name, content in pictures(figures, sweep, missing=missing).items()}
    if missing and not command.has(flags.QUIET):
        tell([notice(missing)])
    return found


def _of_run(command: Command, folder: Path) -> bytes:
    """The page of a run; what it lacks is also told on standard error."""
    from dlrun.cli.context import make_catalog
    from dlrun.report.pages.run_page import run_page
    from dlrun.runs.history import read_run

    run, catalog = read_run(folder), make_catalog(command)
    examined = _examine(command, folder, catalog)
    if not command.has(flags.QUIET):
        tell(f"the page lacks {printable(missing, limit=500)}" for missing in examined.missing)
    return run_page(run, examined, title=f"Run {printable(folder.resolve().name)}", catalog=catalog).encode()


def _examine(command: Command, folder: Path, catalog: Catalog) -> Examined:
    """What the run's best checkpoint does; a configuration that cannot be used is an error only with overrides."""
    from dlrun.cli.saved_run import compose_run
    from dlrun.runs.analysis.examine import examine_run
    from dlrun.runs.analysis.reports import Examined

    with_rows = not command.has(flags.NO_ROWS)
    try:
        config = compose_run(folder, command.overrides, catalog).config
    except ConfigError as error:
        if command.overrides:
            raise
        return Examined(missing=[f"what the model predicts: {error}"], with_rows=with_rows)
    return examine_run(config, catalog, folder, split=command.value(flags.SPLIT), with_rows=with_rows)
