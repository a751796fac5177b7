"""`dlrun train`: one run, or with `-m` a sweep."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from dlrun.cli import flags
from dlrun.cli.command import Command
from dlrun.cli.verb import Example, Verb

if TYPE_CHECKING:
    from dlrun.cli.sweeping import Manner

VERB = Verb(
    name="train",
    usage="[KEY=VALUE ...] [-m]",
    summary="train a model; with -m, one run for each combination of KEY=A,B",
    is_default=True,
    overrides=True,
    own_flags=(
        flags.MULTIRUN,
        flags.QUIET,
        flags.JSON,
        flags.PROFILE,
        flags.PLUGIN,
        flags.CONFIG_DIR,
        *flags.HYDRA,
    ),
    details=(
        "GROUP=OPTION chooses an option (`dlrun ls` lists them), GROUP.FIELD=VALUE sets a field, recipe=NAME or\n"
        "recipe=FILE.yaml applies a recipe (`dlrun cat --help`: where else it may be); overrides win over the recipe.\n"
        "hydra.run.dir=DIR names the run's folder; with resume=auto, the same command resumes the run in it.\n"
        "hydra.sweep.dir=DIR names a sweep's; the same command again, or one with more points, goes on in it."
    ),
    examples=(
        Example("dlrun dataset=iris model=mlp trainer.epochs=5", "train one model"),
        Example("dlrun recipe=mlp_breast_cancer trainer.epochs=3", "train a recipe, for fewer epochs"),
        Example(
            "dlrun -m dataset=iris model=linear,mlp optimizer.lr=1e-2,1e-3 trainer.epochs=2",
            "a sweep of four runs; one table, best first",
        ),
        Example(
            "dlrun -m dataset=iris trainer.epochs=2 search=random search.trials=3 "
            "'optimizer.lr=tag(log, interval(1e-4, 1e-1))'",
            "a search: three learning rates drawn from a range, by their logarithm",
        ),
        Example(
            "dlrun dataset=iris model=linear trainer.epochs=2 dataset.folds=3",
            "cross-validation: a run for each fold; mean and standard deviation of their metrics",
        ),
        Example(
            "dlrun dataset=iris model=mlp trainer.epochs=5 hydra.run.dir=outputs/mine resume=auto",
            "start in this folder, or resume what was started there",
        ),
    ),
    exit_codes=(0, 2, 3, 4, 5, 7, 130, 143),
)


def run(command: Command) -> int:
    """Train one run or every point of a sweep; Hydra answers its own flags."""
    return train(command)


def train(command: Command, manner: Manner | None = None) -> int:
    """Train what a command asks for; manner: how a sweep is run."""
    from dlrun.cli.context import make_catalog
    from dlrun.cli.hydra_flags import answer_with_hydra, is_for_hydra
    from dlrun.cli.recipe_file import tell_of_recipes
    from dlrun.configuration.folds import by_fold
    from dlrun.configuration.overrides import parse_overrides
    from dlrun.configuration.plan import plan_runs
    from dlrun.data.files.named import check_plans

    if is_for_hydra(command):
        return answer_with_hydra(command)
    catalog = make_catalog(command)
    request = parse_overrides(command.overrides, catalog, multirun=command.has(flags.MULTIRUN))
    plans, space = [], None  # a search makes its plans as it goes, from a space
    if request.sweep.given:
        from dlrun.cli.searching import begin_search, with_objectives_checked

        request = with_objectives_checked(request, catalog)
        if request.is_search:
            space = begin_search(command, request, catalog)
    if space is None:
        plans = plan_runs(request, catalog)
        tell_of_recipes(plans)
        check_plans(plans, catalog)
    points = by_fold(plans, catalog)
    if any(len(folds) > 1 for folds in points):
        from dlrun.cli.cross_validating import cross_validate
        from dlrun.cli.sweeping import Manner, Sweep

        return cross_validate(Sweep(command, request, plans, catalog, manner or Manner()), points)
    if command.has(flags.MULTIRUN):
        from dlrun.cli.sweeping import Manner, Sweep, train_sweep

        return train_sweep(Sweep(command, request, plans, catalog, manner or Manner(), space))
    from dlrun.cli.running import print_result, run_one
    from dlrun.configuration.compose import compose

    (plan,) = plans
    composed = compose(plan, catalog, hydra_words=request.hydra)
    result, folder = run_one(
        composed,
        catalog,
        Path(composed.run_dir),
        asked=composed.run_dir_asked,
        quiet=command.has(flags.QUIET),
        profile=command.has(flags.PROFILE),
    )
    print_result(result, folder, command)
    return 0
