"""`dlrun replay`: repeat the step at which a training diverged."""

from __future__ import annotations

from dlrun.cli import flags
from dlrun.cli.command import Command
from dlrun.cli.verb import Example, Verb, Word
from dlrun.errors import DivergedError

VERB = Verb(
    name="replay",
    usage="RUN_DIR [KEY=VALUE ...]",
    summary="repeat the step at which a training diverged, and name the layer that fails",
    words=(Word("RUN_DIR", "run", "a run's folder"),),
    overrides=True,
    own_flags=(flags.QUIET, flags.PLUGIN, flags.CONFIG_DIR),
    details="KEY=VALUE changes what may avoid the divergence, such as optimizer.lr or device.precision.",
    examples=(
        Example("dlrun replay outputs/diverged", "the step, the layer and its numbers", exit_code=4),
        Example("dlrun replay outputs/diverged device.precision=bf16", "the same in another precision", exit_code=4),
    ),
    exit_codes=(0, 2, 3, 4, 5),
)


def run(command: Command) -> int:
    """Repeat the step; raises DivergedError when it diverges again."""
    from dlrun.cli.saved_run import open_run, refuse_published, run_folder

    refuse_published(run_folder(command), "replay")
    config, catalog, folder = open_run(command)

    from dlrun.runs.replay import replay
    from dlrun.training.divergence import describe

    step, finding = replay(config, catalog, folder)
    if finding is not None:
        raise DivergedError(describe(finding, step))
    print(f"Step {step} stays finite here.")
    return 0
