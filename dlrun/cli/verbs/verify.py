"""`dlrun verify`: train a recipe and hold the result against what it promises."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from dlrun.cli import flags
from dlrun.cli.command import Command
from dlrun.cli.verb import Example, Verb, Word
from dlrun.errors import PromiseError
from dlrun.report.json_output import print_json

if TYPE_CHECKING:
    from dlrun.runs.verify import Verdict

VERB = Verb(
    name="verify",
    usage="RECIPE [KEY=VALUE ...] [--quick]\n--all [KEY=VALUE ...] [-o FILE]",
    summary="train a recipe and hold the result against what it promises",
    words=(Word("RECIPE", "recipe", "a recipe's name or file", unless=flags.EVERY_RECIPE),),
    overrides=True,
    own_flags=(flags.QUICK, flags.EVERY_RECIPE, flags.OUTPUT, flags.JSON, flags.QUIET, flags.PLUGIN, flags.CONFIG_DIR),
    details=(
        "KEY=VALUE may say where the data is and set the device, logger and checkpoints, nothing that changes the\n"
        "promise. --quick compares the losses of the first steps with the recipe's: exactly in the environment of its\n"
        "lock, else to 0.1 % (10 % on another kind of device). Data with another fingerprint is refused before it is\n"
        "trained on. --all verifies the recipes that come with dlrun, those that need files if DLRUN_MNIST,\n"
        "DLRUN_CIFAR10 or DLRUN_R8 names their folder, and writes the table in docs/recipes.md, or FILE."
    ),
    examples=(
        Example("dlrun verify logistic_breast_cancer", "train it in a folder of its own, as usual"),
        Example("dlrun verify outputs/shared.yaml --quick", "a recipe that was shared, in seconds"),
        Example("dlrun verify mlp_breast_cancer device=cpu --json", "on this device; the verdict as JSON"),
    ),
    exit_codes=(0, 2, 3, 5, 6, 130, 143),
)


def run(command: Command) -> int:
    """Verify a recipe and print the verdict; raises PromiseError if its promise is broken."""
    from dlrun.cli.context import make_catalog
    from dlrun.cli.verifying import plan_verification, verify, verify_quickly

    catalog = make_catalog(command)
    if command.has(flags.EVERY_RECIPE):
        from dlrun.cli.verifying_all import verify_all

        return verify_all(command, catalog)
    name = command.words[0]
    about, composed = plan_verification(name, command.overrides, catalog, quick=command.has(flags.QUICK))
    if command.has(flags.QUICK):
        found, folder = verify_quickly(about, composed, catalog), None
    else:
        _, found, folder = verify(about, composed, catalog, quiet=command.has(flags.QUIET))
    _print(found, folder, command)
    if found.broken:
        raise PromiseError(f"{name}: the promise is broken: {'; '.join(found.broken)}.")
    return 0


def _print(found: Verdict, folder: Path | None, command: Command) -> None:
    """Print the verdict as a table or as JSON."""
    from dlrun.report.tables import print_table
    from dlrun.wording import interval, number

    if command.has(flags.JSON):
        state = found.state()
        print_json({**state, "run_dir": None if folder is None else str(folder)})
        return
    if found.tolerance is None:
        rows = [
            [
                metric,
                interval(low, high),
                number(found.measured.get(metric)),
                "kept" if low <= found.measured.get(metric, float("nan")) <= high else "broken",
            ]
            for metric, (low, high) in found.promised.items()
        ]
        print_table(["metric", "promised", "measured", ""], rows, right=(2,))
    else:
        how = "exactly" if not found.tolerance else f"within {found.tolerance:.1%}"
        steps = max(len(values) for values in found.promised.values())
        first = "the loss of the first step" if steps == 1 else f"the losses of the first {steps} steps"
        is_same = "are not those" if found.broken else "are those"
        print(f"{first} {is_same} of the recipe, compared {how}")
    print(found.environment_in_words())
    if folder is not None and not command.has(flags.QUIET):
        print(f"in {folder}", file=sys.stderr)
