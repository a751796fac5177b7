"""`dlrun clean`: remove checkpoints that a run no longer needs."""

from __future__ import annotations

import sys
from pathlib import Path

from dlrun.cli import flags
from dlrun.cli.command import Command
from dlrun.cli.notices import tell
from dlrun.cli.verb import Example, Verb, Word

VERB = Verb(
    name="clean",
    usage="RUN_DIR [--keep N]",
    summary="remove all checkpoints but the best and the N newest, and what killed processes left",
    words=(Word("RUN_DIR", "run", "a run's folder"),),
    own_flags=(flags.KEEP, flags.PLUGIN, flags.CONFIG_DIR),
    examples=(
        Example("dlrun clean outputs/run", "keep as many as the run's checkpoint.keep says"),
        Example("dlrun clean outputs/run --keep 1", "keep the best and the newest"),
    ),
    exit_codes=(0, 2, 5),
)


def run(command: Command) -> int:
    """Remove the checkpoints and print the folders that were removed."""
    from dlrun.cli.context import make_catalog
    from dlrun.cli.saved_run import compose_run, refuse_published, run_folder
    from dlrun.storage import run_dir
    from dlrun.storage.checkpoints import CheckpointStore

    folder = run_folder(command)
    refuse_published(folder, "clean")
    composed = compose_run(folder, [], make_catalog(command))
    claimed = run_dir.claim(folder, asked=True, resume="must")
    try:
        claimed.clean()
        store = CheckpointStore(claimed.checkpoints, keep=command.value(flags.KEEP) or composed.config.checkpoint.keep)
        tell(store.recover())
        before = _bytes(folder)
        removed = store.clean()
    finally:
        claimed.release()
    freed = (before - _bytes(folder)) / 2**20
    for path in removed:
        print(path)
    names = ", ".join(f"step-{step}" for step in store.steps()) or "none"
    print(f"{len(removed)} removed, {freed:.1f} MiB freed; kept: {names}.", file=sys.stderr)
    return 0


def _bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
