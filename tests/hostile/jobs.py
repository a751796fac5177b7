"""The command lines that are tried on each file of the corpus."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from tests.hostile.corpus import HERE, Expected, read_index
from tests.hostile.run_folders import lay_over

Job = dict[str, Any]
_SHORT = (
    "trainer.max_steps=1", "trainer.batch_size=8", "dataset.baselines=false", "device=cpu", "device.threads=1", "-q",
)  # fmt: skip
_RECIPE_VERBS = ([], ["check"], ["show"], ["-m"])
_IDX = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")


def _job(name: str, *words: str) -> Job:
    return {"name": name, "argv": list(words)}


def refused_recipe_jobs(jail: Path) -> list[Job]:
    """Copy every recipe into the jail, and return the commands that must refuse the hostile ones without torch."""
    found = []
    for each in read_index("recipes"):
        shutil.copy(HERE / "recipes" / each.file, jail / each.file)
        verbs = _RECIPE_VERBS if each.code == 2 and each.pending is None else (["show"],)
        found += [_job(each.file, *verb, f"recipe=./{each.file}") for verb in verbs if each.code != 3]
        found += [_job(f"{each.file}:text", "cat", f"./{each.file}")]
        found += [_job(f"{each.file}:text", "cp", f"./{each.file}", f"copied_{each.file}")]
    return [*found, _job("ls:text", "ls", "recipe"), _job("ls:text", "ls")]


def accepted_recipe_jobs(jail: Path) -> list[Job]:
    """Return commands that train what is harmless, or is refused only once data is read."""
    found = []
    for number, each in enumerate(read_index("recipes")):
        if each.pending is None and each.code != 2:
            shutil.copy(HERE / "recipes" / each.file, jail / each.file)
            words = (*_SHORT, "metric=auto", f"hydra.run.dir=recipe_{number}")
            found.append(_job(each.file, f"recipe=./{each.file}", *words))
    return found


def data_jobs(jail: Path) -> list[Job]:
    """Copy every file of data into the jail, and return a command that trains on each."""
    return [_data_job(jail, number, each) for number, each in enumerate(read_index("data"))]


def _data_job(jail: Path, number: int, each: Expected) -> Job:
    source, folder = HERE / "data" / each.file, jail / f"data_{number}"
    shutil.copy(source, jail / each.file)
    if "dataset=mnist" in each.words:
        folder.mkdir()
        for name in _IDX:
            shutil.copy(source, folder / (f"{name}.gz" if source.suffix == ".gz" else name))
    elif any("{folder}" in word for word in each.words):
        for label in ("a", "b"):
            (folder / label).mkdir(parents=True)
            shutil.copy(source, folder / label / each.file)
    words = [word.replace("{file}", each.file).replace("{folder}", folder.name) for word in each.words]
    return _job(each.file, *words, *_SHORT, f"hydra.run.dir=trained_{number}")


def base_run_job() -> Job:
    """Return the command that trains the run over which hostile files are laid."""
    words = ("dataset=iris", "model=linear", "trainer.epochs=1", "trainer.batch_size=32", "hydra.run.dir=base/run")
    return _job("base", *words, "device=cpu", "device.threads=1", "-q")


def run_jobs(jail: Path) -> list[Job]:
    """Make every hostile run beside a folder of the user's own, and return what is done with a run.

    `eval` comes first, whose exit code and message the index has; then commands that must only do no harm.
    """
    (jail / "new.csv").write_text("a,b,c,d\n5.1,3.5,1.4,0.2\n6.3,3.3,6.0,2.5\n")
    found = []
    for each in read_index("runs"):
        folder = f"runs_{each.file}/run"
        lay_over(jail / "base" / "run", each.file, jail / folder)
        victim = jail / f"runs_{each.file}" / "victim" / "documents"
        victim.mkdir(parents=True)
        (victim / "letter.txt").write_text("mine")
        (jail / f"runs_{each.file}" / "secret.csv").write_text("mine")
        found += [
            _job(each.file, "eval", folder, "-q"),
            _job(f"{each.file}:runs", "runs", f"runs_{each.file}"),
            _job(f"{each.file}:json", "runs", f"runs_{each.file}", "--json"),
            _job(f"{each.file}:compare", "compare", folder, "base/run"),
            _job(f"{each.file}:predict", "predict", folder, "new.csv"),
            _job(f"{each.file}:report", "report", folder, "-q"),
            _job(f"{each.file}:show", "show", f"recipe={folder}/config.yaml"),
            _job(f"{each.file}:clean", "clean", folder),
            _job(f"{each.file}:resume", "resume", folder, "trainer.epochs=3", "-q"),
        ]
    return found
