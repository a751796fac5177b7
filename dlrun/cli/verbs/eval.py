"""`dlrun eval`: metrics of a run's best checkpoint on one split."""

from __future__ import annotations

from dlrun.cli import flags
from dlrun.cli.command import Command
from dlrun.cli.verb import Example, Verb, Word
from dlrun.report.json_output import print_json

VERB = Verb(
    name="eval",
    usage="RUN_DIR [--split NAME]",
    summary="metrics of a run's best checkpoint",
    words=(Word("RUN_DIR", "run", "a run's folder"),),
    overrides=True,
    own_flags=(flags.SPLIT, flags.JSON, flags.QUIET, flags.PLUGIN, flags.CONFIG_DIR),
    examples=(
        Example("dlrun eval outputs/run", "metrics on the test split"),
        Example("dlrun eval outputs/run --split val --json", "metrics on the validation split, as JSON"),
        Example("dlrun eval outputs/run device=cpu", "on another device"),
    ),
    exit_codes=(0, 2, 3, 5),
)


def run(command: Command) -> int:
    """Evaluate the best checkpoint and print its metrics."""
    from dlrun.cli.saved_run import open_run

    config, catalog, folder = open_run(command)

    from dlrun.report.tables import print_table
    from dlrun.runs.run import evaluate_run
    from dlrun.wording import number

    split = command.value(flags.SPLIT) or "test"
    metrics = evaluate_run(config, catalog, folder, split=split)
    if command.has(flags.JSON):
        print_json(metrics)
    else:
        rows = [[name.split("/", 1)[1], number(value)] for name, value in metrics.items()]
        print_table(["metric", split], rows, right=(1,))
    return 0
