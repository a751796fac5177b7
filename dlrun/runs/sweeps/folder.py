"""Where a sweep's folder is, and that no two sweeps share one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from dlrun.configuration.override_text import Value
from dlrun.configuration.plan import Plan
from dlrun.configuration.schema import groups as schema
from dlrun.errors import ConfigError, Problem
from dlrun.runs.sweeps.rows import read_rows
from dlrun.storage import run_dir
from dlrun.storage.atomic import storage_error
from dlrun.wording import printable


def sweep_dir(hydra_words: Sequence[str]) -> Path:
    """Return the folder that Hydra would choose for this sweep.

    Raises ConfigError if Hydra rejects an override.
    """
    from hydra import compose, initialize_config_dir
    from hydra.errors import HydraException

    try:
        with initialize_config_dir(str(schema.resource_dir("conf").resolve()), version_base="1.3", job_name="dlrun"):
            words = [word for word in hydra_words if word.lstrip("+").startswith("hydra.sweep.")]
            return Path(str(compose("sweep", overrides=words, return_hydra_config=True).hydra.sweep.dir))
    except HydraException as error:
        raise ConfigError(f"Cannot determine the sweep's folder: {error}") from error


def claim_folder(path: Path) -> Path:
    """Create a new folder for the sweep, with a suffix if the name is taken.

    Raises StorageError if it cannot be created, ConfigError if every name is taken.
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
            if candidate.is_dir() and not any(candidate.iterdir()):
                return candidate
            continue
        except OSError as error:
            raise storage_error(candidate, error) from error
        return candidate
    raise ConfigError(f"{path}: every name up to {path.name}_{run_dir.MOST_NAMES} is taken.")


def open_folder(hydra_words: Sequence[str], plans: Sequence[Plan]) -> Path:
    """Return the folder of a sweep: a new one, or with `resume` the one that has this sweep already.

    Raises ConfigError if the folder has the results of a sweep with other points.
    """
    wanted = sweep_dir(hydra_words)
    never = Value("never", "never")
    resumes = all(plan.values().get("resume", never).value != "never" for plan in plans)
    if not resumes or not (wanted / "sweep.jsonl").exists():
        return claim_folder(wanted)
    folder = wanted.resolve()
    for row in read_rows(folder / "sweep.jsonl"):
        now = plans[row.point].label if row.point < len(plans) else "no point"
        if now != " ".join(row.overrides):
            what = (
                f"This folder has another sweep: its point {row.point} is {' '.join(row.overrides)}, here it is {now}."
            )
            raise ConfigError(Problem(f"hydra.sweep.dir={printable(str(folder))}", f"{what} Name another folder."))
    return folder
