"""The verbs for a run that went wrong or grew too large: replay and clean."""

from __future__ import annotations

import sys
from pathlib import Path

from dlrun.cli.command import Command
from dlrun.cli.context import catalog_of, of_run, run_folder
from dlrun.errors import ConfigError, DivergedError, Problem
from dlrun.wording import printable


def replay(command: Command) -> int:
    """`dlrun replay RUN_DIR [KEY=VALUE ...]`."""
    from dlrun.runs.replay import replay as run_again
    from dlrun.training.divergence import describe

    folder = run_folder(command)
    catalog = catalog_of(command)
    composed = of_run(folder, command.words[1:], catalog)
    step, finding = run_again(composed.config, catalog, folder)
    if finding is not None:
        raise DivergedError(describe(finding, step))
    print(f"Step {step} stays finite here.")  # noqa: T201
    return 0


def clean(command: Command) -> int:
    """`dlrun clean RUN_DIR [--keep N]`."""
    from dlrun.storage import run_dir
    from dlrun.storage.checkpoints import CheckpointStore

    folder = run_folder(command)
    kept = command.last("keep")
    if kept is not None and not (kept.isascii() and kept.isdigit() and int(kept) > 0):
        raise ConfigError(Problem(f"--keep {printable(kept)}", "Expected how many checkpoints to keep, from 1 up."))
    composed = of_run(folder, [], catalog_of(command))
    claimed = run_dir.claim(folder, asked=True, resume="must")
    try:
        claimed.clean()
        store = CheckpointStore(claimed.checkpoints, keep=int(kept or composed.config.checkpoint.keep))
        for notice in store.recover():
            print(f"notice: {notice}", file=sys.stderr)  # noqa: T201
        before = _bytes(folder)
        removed = store.clean()
    finally:
        claimed.release()
    freed = (before - _bytes(folder)) / 2**20
    for path in removed:
        print(path)  # noqa: T201
    names = ", ".join(f"step-{step}" for step in store.steps()) or "none"
    print(f"{len(removed)} removed, {freed:.1f} MiB freed; kept: {names}.", file=sys.stderr)  # noqa: T201
    return 0


def _bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
