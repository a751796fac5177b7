"""Where a sweep's folder is, that no two sweeps share one, and which sweep goes on in it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import IO

from dlrun.configuration.compose import compose_file
from dlrun.configuration.plan import Plan
from dlrun.errors import ConfigError, Problem, StorageError
from dlrun.runs.history import read_result
from dlrun.runs.sweeps.identity import requested_sha256
from dlrun.runs.sweeps.labels import words_of
from dlrun.runs.sweeps.ledger import LOCK, Entry, Ledger, hold_folder, holds_sweep
from dlrun.storage import run_dir
from dlrun.storage.atomic import storage_error
from dlrun.wording import printable

SWEEP_DIR = "hydra.sweep.dir="


def sweep_dir(hydra_words: Sequence[str]) -> Path:
    """Return the folder that Hydra would choose for this sweep.

    Raises ConfigError if Hydra rejects an override.
    """
    from hydra.errors import HydraException

    try:
        words = [word for word in hydra_words if word.lstrip("+").startswith("hydra.sweep.")]
        return Path(str(compose_file("sweep", words).hydra.sweep.dir))
    except HydraException as error:
        raise ConfigError(f"Cannot determine the sweep's folder: {error}") from error


def open_ledger(hydra_words: Sequence[str], plans: Sequence[Plan]) -> Ledger:
    """Return the ledger of a sweep: of a new folder, or of the one that the user names if it has a sweep already.

    plans: of the command, for a folder of a version of dlrun that kept no ledger; others are not looked at.

    Raises ConfigError if `resume` or such a folder does not suit, StorageError if another process runs the sweep.
    """
    wanted = sweep_dir(hydra_words)
    is_named = any(word.lstrip("+").startswith(SWEEP_DIR) for word in hydra_words)
    resume = {str(value.value) for plan in plans[:1] if (value := plan.values().get("resume")) is not None}
    if is_named and resume != {"never"} and holds_sweep(wanted):
        ledger = Ledger(wanted.resolve())
        try:
            if not ledger.commands and not ledger.entries:
                _adopt(ledger, plans)
        except ConfigError:
            ledger.close()
            raise
        return ledger
    if resume == {"must"}:
        raise ConfigError(Problem("resume=must", f"There is no sweep to go on with in {printable(str(wanted))}."))
    folder, lock = claim_folder(wanted, is_named=is_named)
    return Ledger(folder, lock=lock)


def claim_folder(path: Path, *, is_named: bool) -> tuple[Path, IO[str]]:
    """Create and lock a new folder for a sweep, with a suffix if the name is taken.

    is_named: whether the user named it; a sweep that another process has just begun there is then an error.

    Raises StorageError if it cannot be created or another process has it, ConfigError if every name is taken.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise storage_error(path.parent, error) from error
    for name in run_dir.numbered(path):
        candidate = name.resolve()
        try:
            candidate.mkdir()
        except FileExistsError:
            if not candidate.is_dir() or any(entry.name != LOCK for entry in candidate.iterdir()):
                continue
        except OSError as error:
            raise storage_error(candidate, error) from error
        try:
            return candidate, hold_folder(candidate)
        except StorageError:
            if is_named:
                raise
    raise ConfigError(f"{path}: every name up to {path.name}_{run_dir.MOST_NAMES} is taken.")


def _adopt(ledger: Ledger, plans: Sequence[Plan]) -> None:
    """Enter the points of a sweep of a version of dlrun that kept no ledger: they have the numbers of this command's.

    Raises ConfigError if its rows are of other points.
    """
    for number, row in sorted(ledger.rows.items()):
        now = plans[number].label if number < len(plans) else "no point"
        if now != " ".join(row.overrides):
            shown = " ".join(row.overrides)
            what = (
                f"This folder has the sweep of an older version of dlrun, whose point {number} is {shown}; here it is "
                f"{now}. Type the command of that sweep, or name another folder."
            )
            raise ConfigError(Problem(f"{SWEEP_DIR}{printable(str(ledger.folder))}", what))
    for number, plan in enumerate(plans):
        folder = ledger.folder / str(number)
        if number in ledger.rows or folder.is_dir():
            ledger.record(Entry(number, folder.name, requested_sha256(read_result(folder)), words_of(plan)))
