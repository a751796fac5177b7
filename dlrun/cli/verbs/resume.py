"""`dlrun resume`: continue a run from its newest checkpoint, or a sweep with what is not done."""

from __future__ import annotations

from dlrun.cli import flags
from dlrun.cli.command import Command, usage_error
from dlrun.cli.verb import Example, Verb, Word

VERB = Verb(
    name="resume",
    usage="RUN_OR_SWEEP [KEY=VALUE ...]",
    summary="continue a run exactly where it stopped, or extend it; or do the rest of a sweep",
    words=(Word("RUN_OR_SWEEP", "run", "the folder of a run or a sweep"),),
    overrides=True,
    own_flags=(flags.QUIET, flags.JSON, flags.PROFILE, flags.PLUGIN, flags.CONFIG_DIR),
    details=(
        "The run keeps its configuration; KEY=VALUE changes what may change, such as trainer.epochs. A sweep keeps\n"
        "its points: launch.*, search.trials and search.budget may change."
    ),
    examples=(
        Example("dlrun resume outputs/run", "continue a run that was stopped"),
        Example("dlrun resume outputs/run trainer.epochs=6", "train a finished run for more epochs"),
        Example("dlrun resume outputs/seeds", "train the points of a sweep that are not done, then print its table"),
    ),
    exit_codes=(0, 2, 3, 4, 5, 7, 130, 143),
)


def run(command: Command) -> int:
    """Resume the run in its folder and print its result, or the sweep and print its table."""
    from dlrun.cli.context import make_catalog
    from dlrun.cli.running import print_result, run_one
    from dlrun.cli.saved_run import compose_run, no_run_or_sweep, refuse_published, run_folder
    from dlrun.runs.sweeps.ledger import holds_sweep

    folder = run_folder(command)
    if not (folder / "config.yaml").exists():
        if not holds_sweep(folder):
            raise usage_error(no_run_or_sweep(folder))
        from dlrun.cli.resuming_sweep import resume_sweep

        return resume_sweep(command, folder)
    refuse_published(folder, "resume")
    catalog = make_catalog(command)
    composed = compose_run(folder, ["resume=must", *command.overrides], catalog)
    result, folder = run_one(
        composed, catalog, folder, asked=True, quiet=command.has(flags.QUIET), profile=command.has(flags.PROFILE)
    )
    print_result(result, folder, command)
    return 0
