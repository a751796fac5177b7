"""Runs that cannot fit into memory are refused, before their model is built."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

from dlrun.configuration.schema.catalog import Catalog
from dlrun.data.spec import Batch
from dlrun.errors import ConfigError, Problem
from dlrun.tasks.task import SupervisedTask
from dlrun.training import memory, memory_check
from dlrun.training.build import build_components
from dlrun.training.memory_check import on_meta, stopping_at
from tests.harness import CPU, configure

HUGE = "model.hidden=[65536,65536,65536,65536]"
GIB = 1 << 30


@pytest.fixture
def free(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Return the function that sets how many bytes of memory are free."""

    def set_free(num_bytes: int) -> None:
        monkeypatch.setattr(memory, "available_memory", lambda: num_bytes)
        monkeypatch.setattr(memory_check, "available_memory", lambda: num_bytes)

    return set_free


def problem_of(*words: str, plugins: tuple[Path, ...] = ()) -> Problem:
    """Return why a run is refused."""
    with pytest.raises(ConfigError) as caught:
        build_components(configure(*words, *CPU, plugins=plugins), Catalog(plugins=plugins))
    (problem,) = caught.value.problems
    return problem


def test_a_model_too_large_is_refused_before_it_is_built_with_one_that_fits(free: Callable[[int], None]) -> None:
    free(16 * GIB)
    build_components(configure("dataset=iris", "model=mlp", *CPU), Catalog())  # imports what any run imports
    started = time.process_time()
    problem = problem_of("dataset=iris", "model=mlp", HUGE, "optimizer=adam")
    assert time.process_time() - started < 2.0  # about 0.1 s; of this process, whatever else runs
    # 3 layers of 65,536 x 65,536 and one of 4 x 65,536, four bytes each: 48 GiB; Adam 11 times that while it saves
    assert problem.id == "memory"
    assert problem.where == "model=mlp"
    assert problem.message == (
        "Training needs at least 528 GiB of memory, and 16 GiB are free (a checkpoint while it is written 384 GiB, "
        "states of the optimizer 96 GiB, weights 48 GiB, gradients 48 GiB). Most weights are in the layer 3, "
        "Linear(in_features=65536, out_features=65536, bias=True): 4,295,032,832 of 12,885,622,787 weights. "
        "This fits: model.hidden=[8192,8192,8192,8192]."
    )
    assert problem.fix == "model.hidden=[8192,8192,8192,8192]"


def test_the_fix_fits(free: Callable[[int], None]) -> None:
    free(100 << 20)
    problem = problem_of("dataset=digits", "model=mlp", "model.hidden=[2048,2048]", "optimizer=adam")
    assert problem.fix == "model.hidden=[1024,1024]"
    build_components(configure("dataset=digits", "model=mlp", problem.fix, *CPU), Catalog())


def test_an_optimizer_without_states_is_offered_where_it_is_enough(free: Callable[[int], None]) -> None:
    words = ("dataset=digits", "model=mlp", "model.hidden=[1024]", "optimizer=adam")
    weights = (64 * 1024 + 1024 + 1024 * 10 + 10) * 4
    free(10 * weights)  # Adam needs 11
    problem = problem_of(*words)
    assert problem.message.endswith("So does optimizer=sgd, which keeps no states.")
    assert problem.message.startswith("Training needs at least 3.2 MiB of memory, and 2.9 MiB are free")
    build_components(configure(*words[:-1], "optimizer=sgd", "optimizer.momentum=0", *CPU), Catalog())


def test_a_batch_too_large_is_refused_with_one_that_fits(free: Callable[[int], None]) -> None:
    words = ("dataset=digits", "model=cnn", "model.channels=[256]", "model.hidden=[]", "trainer.eval_batch_size=16")
    free(120 << 20)
    problem = problem_of(*words, "trainer.batch_size=1024")
    assert problem.where == "trainer.batch_size=1024"
    assert problem.fix is not None
    assert problem.fix.startswith("trainer.batch_size=")
    batch_size = int(problem.fix.split("=")[1])
    assert f"with trainer.accumulate={1024 // batch_size} it takes the same steps." in problem.message
    build_components(configure(*words, problem.fix, *CPU), Catalog())


READS_A_VALUE = """import torch
from torch import nn

def mine(spec, *, width: int = 8):
    scale = torch.ones(1).item()
    return nn.Sequential(nn.Linear(4, width), nn.Linear(width, width), nn.Linear(width, 3))
"""


def test_a_model_that_reads_values_is_built_under_a_guard(tmp_path: Path, free: Callable[[int], None]) -> None:
    path = tmp_path / "mine.py"
    path.write_text(READS_A_VALUE)
    words = ("dataset=iris", "model=mine")
    assert build_components(configure(*words, *CPU, plugins=(path,)), Catalog(plugins=(path,))).num_parameters == 139
    free(1 << 20)
    problem = problem_of(*words, "model.width=600", plugins=(path,))
    # 4 * 600 + 600 + 600 * 600 + 600 numbers of four bytes are more than 1 MiB
    assert problem.message == (
        "The weights alone need more than 1.4 MiB, and 1.0 MiB are free. Building stopped at a Linear with 360,000 "
        "numbers in its weight. Use a smaller model."
    )
    nn.Linear(1000, 1000)  # the guard is gone


FAILS_IN_TRAINING = """from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Linear(4, 3), nn.Linear(5, 3)

    def forward(self, x):
        return self.second(self.first(x)) if self.training else self.first(x)

def mine(spec):
    return Net()
"""


def test_a_step_that_fails_only_in_training_names_the_layer(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(FAILS_IN_TRAINING)
    assert problem_of("dataset=iris", "model=mine", plugins=(path,)).message == (
        "A training step fails. The layer second, Linear(in_features=5, out_features=3, bias=True), expects (..., 5) "
        "and gets (8, 3) (mine.py, line 9, `return self.second(self.first(x)) if self.training else self.first(x)`). "
        "Write nn.Linear(3, 3). Before it: first Linear -> (8, 3)."
    )


def test_running_out_of_memory_on_a_few_rows_names_the_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(task: SupervisedTask, batch: Batch, update: object) -> object:
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory")

    monkeypatch.setattr(SupervisedTask, "train_step", refuse)
    problem = problem_of("dataset=iris", "model=mlp", "trainer.batch_size=32")
    assert problem.where == "trainer.batch_size=32"
    assert problem.message.endswith("trainer.batch_size=16 trainer.accumulate=2")


CACHED = """import functools
import torch
from torch import nn

@functools.cache
def positions():
    return torch.arange(3.0)

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("positions", positions())
        self.out = nn.Linear(4, 3)

    def forward(self, x):
        return self.out(x) + self.positions

def mine(spec):
    print("building")
    return Net()
"""


def test_a_tensor_kept_from_the_build_on_meta_is_an_error_in_words(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(CACHED)
    problem = problem_of("dataset=iris", "model=mine", plugins=(path,))
    assert problem.message.startswith("The tensor model.positions was kept from an earlier call")


def test_a_model_prints_and_warns_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "mine.py"
    path.write_text(CACHED.replace("@functools.cache\n", ""))
    build_components(configure("dataset=iris", "model=mine", *CPU, plugins=(path,)), Catalog(plugins=(path,)))
    assert capsys.readouterr().out == "building\n"


def test_on_meta_builds_shapes_without_values_or_random_numbers() -> None:
    def build() -> nn.Module:
        layer = nn.Linear(5, 7)
        nn.init.normal_(layer.weight, std=0.1)
        nn.init.orthogonal_(layer.weight)
        layer.extra = nn.Parameter(torch.randn(3, 4) * 0.5)
        layer.more = nn.Parameter(torch.rand(2, generator=None) / 2 + 1)
        with torch.no_grad():
            layer.weight[0] = 0.0
        return layer

    before = torch.get_rng_state()
    layer = on_meta(build)  # type: ignore[arg-type, return-value]
    assert layer is not None
    shapes = {name: tuple(each.shape) for name, each in layer.named_parameters()}
    assert shapes == {"weight": (7, 5), "bias": (7,), "extra": (3, 4), "more": (2,)}
    assert all(each.is_meta for each in layer.parameters())
    assert torch.equal(torch.get_rng_state(), before)
    assert on_meta(lambda: torch.zeros(1).item()) is None  # type: ignore[arg-type, return-value]


def test_shared_parameters_count_once_in_the_guard() -> None:
    with stopping_at(1000, "mine"):
        first, second = nn.Linear(10, 10), nn.Linear(10, 10, bias=False)  # 440 and 400 bytes
        second.weight = first.weight
        third = nn.Module()
        third.register_parameter("weight", first.weight)
    with pytest.raises(ConfigError, match="The weights alone need"), stopping_at(800, "mine"):
        nn.ModuleList(nn.Linear(10, 10) for _ in range(2))


@pytest.mark.parametrize(
    "words",
    [
        ("dataset=iris",),
        ("dataset=iris", "model=linear"),
        ("dataset=digits", "model=cnn"),
        ("dataset=digits", "model=resnet", "model.blocks=[1]", "model.channels=[4]"),
        ("dataset=digits", "model=rnn", "model.bidirectional=true"),
        ("dataset=digits", "model=gan"),
        ("dataset=digits", "model=gan", "model.architecture=conv", "model.channels=[8]"),
        ("dataset=series", "dataset.path=example:weather.csv", "dataset.target=temperature"),
        ("dataset=text", "dataset.path=example:reviews.csv"),
        ("dataset=text", "dataset.path=example:reviews.csv", "model=rnn"),
        ("dataset=text", "dataset.path=example:reviews.csv", "model=transformer"),
    ],
)
def test_what_every_shipped_model_needs_is_known_before_it_is_built(
    words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []
    estimate = memory_check.MemoryCheck.estimate

    def recorded(self: memory_check.MemoryCheck, config: object) -> object:
        seen.append(estimate(self, config))  # type: ignore[arg-type]
        return seen[-1]

    monkeypatch.setattr(memory_check.MemoryCheck, "estimate", recorded)
    components = build_components(configure(*words, *CPU), Catalog())
    (found,) = seen
    assert found is not None
    assert found.num_weights == components.num_parameters
    assert found.weights == components.memory.weights
