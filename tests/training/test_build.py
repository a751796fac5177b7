"""dlrun.training.build: how many steps a run has, and what building it does not import."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from dlrun.configuration.schema.catalog import Catalog
from dlrun.configuration.schema.fields import AUTO
from dlrun.configuration.schema.settings import TrainerSettings
from dlrun.training.build import build_components, horizon
from dlrun.training.loading import ALONE, Given
from tests.harness import SMALL, configure


def test_horizon_counts_steps_of_the_optimizer() -> None:
    settings = TrainerSettings(epochs=3, batch_size=10, accumulate=2)
    assert horizon(95, settings).steps_per_epoch == 5  # 10 batches, two a step
    assert horizon(95, settings).total_steps == 15
    assert horizon(95, settings, warmup_steps=4).total_steps == 11
    assert horizon(95, TrainerSettings(epochs=None, max_steps=7, batch_size=32)).total_steps == 7


def test_a_run_without_compile_does_not_import_the_compiler(tmp_path: Path) -> None:
    words = [*SMALL, "model.hidden=[4]", "trainer.epochs=1", "device.threads=auto", "-q"]
    words.append(f"hydra.run.dir={tmp_path / 'a'}")
    code = (
        "import sys; from dlrun.cli.main import main\n"
        f"main({words!r})\n"
        "heavy = ('torch._dynamo', 'torch._inductor', 'sympy', 'sklearn', 'scipy', 'pandas', 'pyarrow', 'PIL')\n"
        "print([name for name in heavy if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


LARGE = ("dataset=digits", "model=cnn", "model.channels=[32,64]", "trainer.batch_size=256", "device=cpu")
"""Its step has 60 million operations for each product."""


@pytest.fixture
def four_cores(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr("dlrun.optim.device._DEFAULT_THREADS", 4)
    monkeypatch.setattr("dlrun.optim.device.own_cores", lambda processes=1: 4)
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("four_cores")
@pytest.mark.parametrize(
    ("words", "given", "threads", "is_auto"),
    [
        ((), ALONE, 4, True),
        (("model=linear",), ALONE, 1, True),
        ((), Given(cores=2), 2, True),  # a sweep's division applies
        ((), Given(cores=16), 4, True),
        ((), Given(threads=1), 1, True),  # the run was begun with one
        ((), Given(threads=None, cores=2), 4, True),  # or with torch's own number
        (("device.threads=3",), Given(threads=1, cores=2), 3, False),
        (("device.threads=null",), ALONE, 4, False),
        (("device.threads=null",), Given(threads=1), 4, False),
        (("device.threads=null",), Given(cores=2), 2, False),
        (("device.threads=null",), Given(threads=1, cores=2), 1, False),
    ],
)
def test_threads(words: tuple[str, ...], given: Given, threads: int, *, is_auto: bool) -> None:
    small = ("model.channels=[32,64]",) if "model=linear" in words else ()
    found = build_components(configure(*(word for word in LARGE if word not in small), *words), Catalog(), given)
    assert found.device.threads == torch.get_num_threads() == threads
    assert found.config.device_settings.threads in (threads, None)
    assert found.auto.get("device.threads", AUTO) in ((threads, None) if is_auto else (AUTO,))
    assert found.requested.device_settings.threads == configure(*words).device_settings.threads


@pytest.mark.usefixtures("four_cores")
def test_data_and_initial_weights_are_the_same_bytes_with_any_number_of_threads() -> None:
    words = (
        "dataset=digits",
        "dataset.standardise=true",
        "model=rnn",
        "model.hidden=64",
        "model.init=orthogonal",
        *LARGE[-1:],
    )
    one, four = (build_components(configure(*words, f"device.threads={count}"), Catalog()) for count in (1, 4))
    assert one.data.spec == four.data.spec
    assert torch.equal(one.data.train.fetch(slice(0, 500)).inputs, four.data.train.fetch(slice(0, 500)).inputs)
    for name, value in one.task.state_dict().items():
        assert torch.equal(value, four.task.state_dict()[name])
