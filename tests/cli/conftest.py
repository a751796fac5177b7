"""A folder of finished runs and files, which the examples of the help pages name."""

from __future__ import annotations

import os
import shlex
import shutil
from pathlib import Path

import pytest

from dlrun.cli.main import main

_RUNS = {
    "dlrun dataset=iris model=mlp trainer.epochs=2 hydra.run.dir=outputs/run": 0,
    "dlrun dataset=iris model=linear trainer.epochs=2 hydra.run.dir=outputs/other": 0,
    "dlrun dataset=iris model=mlp optimizer=sgd optimizer.lr=900 hydra.run.dir=outputs/diverged": 4,
    "dlrun dataset=interactions dataset.path=example:ratings.csv model=factorization trainer.epochs=1"
    " hydra.run.dir=outputs/ratings": 0,
    "dlrun dataset=series dataset.path=example:weather.csv dataset.target=temperature model=forecast trainer.epochs=1"
    " hydra.run.dir=outputs/series": 0,
    "dlrun dataset=text dataset.task=language dataset.path=example:gpl3_text.txt dataset.tokenizer=characters"
    " model=rnn model.hidden=8 trainer.max_steps=5 hydra.run.dir=outputs/language": 0,
    "dlrun -m dataset=iris model=linear trainer.epochs=1 seed=0,1,2 hydra.sweep.dir=outputs/seeds": 0,
}
"""Command lines and their exit codes."""

_PLUGIN = """\
from torch import nn


def my_model(spec, *, width: int = 4):
    '''Mine.'''
    return nn.Sequential(nn.Linear(spec.num_features, width), nn.ReLU(), nn.Linear(width, spec.num_outputs))
"""


@pytest.fixture(scope="module")
def finished_runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as a user has it after some runs; a test works on a copy."""
    folder = tmp_path_factory.mktemp("finished")
    before = Path.cwd()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DLRUN_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))
        os.chdir(folder)
        try:
            for line, code in _RUNS.items():
                assert main([*shlex.split(line)[1:], "device=cpu", "device.threads=1", "--quiet"]) == code, line
            assert main(shlex.split("share outputs/run -o outputs/shared.yaml")) == 0
        finally:
            os.chdir(before)
    (folder / "new.csv").write_text("a,b,c,d\n5.1,3.5,1.4,0.2\n6.3,3.3,6.0,2.5\n")
    (folder / "users.csv").write_text("user\nu001\nu002\n")
    (folder / "my_model.py").write_text(_PLUGIN)
    (folder / "my_options/model").mkdir(parents=True)
    (folder / "my_options/model/small.yaml").write_text("# A small one\nname: mlp\nhidden: [4]\n")
    (folder / "my_conf").mkdir()
    (folder / "my_conf/other.yaml").write_text("seed: 7\n")
    return folder


@pytest.fixture
def workplace(finished_runs: Path, own_folder: Path) -> Path:
    """The test's own folder, with a copy of the finished runs."""
    shutil.copytree(finished_runs, own_folder, dirs_exist_ok=True)
    return own_folder
