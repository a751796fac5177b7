"""The runs of a sweep over `seed`, from which a promise is made. Imports no torch."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from dlrun.errors import ConfigError, Problem
from dlrun.runs.history import SavedRun, differing, read_run
from dlrun.runs.intervals import FEWEST_SEEDS
from dlrun.runs.sweeps.rows import ROWS, SweepRow, best_first, folder_of, has_rows, read_rows
from dlrun.wording import plural, printable


def runs_to_share(folder: Path) -> list[SavedRun]:
    """Return the completed run in a folder, or those of a sweep over `seed`.

    Raises ConfigError that says what to do instead, for anything else.
    """
    if (folder / "cross_validation.json").exists():
        what = (
            "This is a cross-validation, whose folds differ in their rows. Share a run of the same configuration "
            "without dataset.folds, or sweep its seed: dlrun -m ... seed=0,1,2,3,4"
        )
        raise ConfigError(Problem(printable(str(folder)), what))
    if has_rows(folder):
        return _of_sweep(folder, read_rows(folder / ROWS))
    return [require_completed(read_run(folder))]


def require_completed(run: SavedRun) -> SavedRun:
    """Return a run; raises ConfigError unless it is completed."""
    status = str(run.result.get("status"))
    if status != "completed":
        ends = {
            "unfinished": "It is still running, or was killed",
            "interrupted": "It was interrupted",
            "diverged": "Its training diverged",
        }
        what = f"{ends.get(status, 'It failed')}: only a completed run has a result to promise."
        resume = f" dlrun resume {run.folder} continues it." if status in ("unfinished", "interrupted") else ""
        raise ConfigError(Problem(printable(str(run.folder)), printable(what + resume, limit=500)))
    return run


def _of_sweep(folder: Path, rows: Sequence[SweepRow]) -> list[SavedRun]:
    where = printable(str(folder))
    others = sorted({each.partition("=")[0] for row in rows for each in row.overrides} - {"seed"})
    if others:
        best = best_first(rows)[0]
        what = (
            f"This sweep varies {', '.join(others)}: a recipe is one configuration. Share a point, such as the best: "
            f"dlrun share {folder_of(folder, best)}; or train its configuration with several seeds (-m seed=0,1,2,3,4) "
            "and share that sweep."
        )
        raise ConfigError(Problem(where, printable(what, limit=1000)))
    if len(rows) < FEWEST_SEEDS:
        what = (
            f"This sweep has {plural(len(rows), 'seed')}; an interval needs at least {FEWEST_SEEDS}, and 5 make a good "
            "one: -m seed=0,1,2,3,4. Or share one of its runs."
        )
        raise ConfigError(Problem(where, what))
    runs = [read_run(folder_of(folder, row)) for row in sorted(rows, key=lambda row: row.point)]
    failed = [run for run in runs if run.result.get("status") != "completed"]
    if failed:  # leaving them out would promise what the best of them did
        names = ", ".join(f"{run.folder.name} ({run.result.get('status')})" for run in failed)
        what = f"Not every seed is completed: {names}. A promise holds for all of them; train them to the end first."
        raise ConfigError(Problem(where, printable(what, limit=500)))
    configs = [_without_seed(run) for run in runs]
    fingerprints = [{"data": run.result["dataset"]["fingerprint"]} for run in runs]
    unlike = [*differing(configs), *differing(fingerprints)]
    if unlike:
        what = f"The runs of this sweep differ in more than their seed: {', '.join(unlike[:5])}. Train them again."
        raise ConfigError(Problem(where, what))
    return runs


def _without_seed(run: SavedRun) -> dict[str, object]:
    return {key: value for key, value in run.config.items() if key not in ("seed", "recipe", "resume")}
