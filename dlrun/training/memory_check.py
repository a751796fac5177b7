"""Refuse a run that cannot fit into memory: before its model is built, and once a batch was measured.

The model is built on `meta` first, where tensors have shapes and no memory. A model that cannot be (it reads a value
while it is built) is built under a guard, which stops it when its weights outgrow the memory.
"""

from __future__ import annotations

import contextlib
import dataclasses
import io
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.module import register_module_parameter_registration_hook
from torch.nn.parameter import UninitializedParameter
from torch.overrides import TorchFunctionMode

from dlrun.configuration.run_config import RunConfig
from dlrun.data.loading.reader import available_memory
from dlrun.data.prepare import DataBundle
from dlrun.errors import ConfigError, Problem
from dlrun.optim.device import Device
from dlrun.tasks.task import Task
from dlrun.training.memory import Memory, in_words, memory_of, with_batch
from dlrun.training.sharded.memory import with_part, with_whole_model
from dlrun.wording import count, plural

_MOST_BUILDS = 64  # to find a model that fits; each takes 1 to 30 ms
_LEAST_HALVED = 16  # smaller numbers of a model are rarely sizes
_FILLING = frozenset(
    (
        *("zero_", "fill_", "copy_", "normal_", "uniform_", "random_", "bernoulli_", "exponential_", "log_normal_"),
        *("mul_", "add_", "sub_", "div_", "clamp_", "clip_", "erfinv_", "sqrt_", "fill_diagonal_", "__setitem__"),
        *("kaiming_uniform_", "kaiming_normal_", "xavier_uniform_", "xavier_normal_", "orthogonal_", "trunc_normal_"),
        *("zeros_", "ones_", "constant_", "eye_", "dirac_", "sparse_"),
    )
)
"""Functions, methods and initialisers that change the values of a tensor and not its shape."""

_SCALING = frozenset(("mul", "div", "add", "sub", "__mul__", "__rmul__", "__truediv__", "__add__", "__sub__"))
"""Methods that, with a number, give a tensor of the same shape."""


@dataclass(frozen=True)
class MemoryCheck:
    """Holds one run's model against the memory of the machine. files: of the user, whose lines an error names.

    is_sharded: whether each process has a part of the model.
    """

    config: RunConfig
    data: DataBundle
    device: Device
    build_task: Callable[[RunConfig], Task]
    build_optimizers: Callable[[Task, RunConfig], dict[str, torch.optim.Optimizer]]
    files: Sequence[Path] = ()
    is_sharded: bool = False

    def estimate(self, config: RunConfig) -> Memory | None:
        """Return what the weights of a configuration need, without building them; None if `meta` cannot tell."""
        task = on_meta(lambda: self.build_task(config))
        return None if task is None else self._memory(task, config)

    def _memory(self, task: Task, config: RunConfig) -> Memory:
        memory = memory_of(task, self.data, config, self.device, lambda each: self.build_optimizers(each, config))
        group = self.device.group
        return with_part(memory, task, group) if self.is_sharded else with_whole_model(memory, group)

    def check_weights(self) -> Memory | None:
        """Return what the weights need, within milliseconds and before they exist; None if `meta` cannot tell.

        Raises ConfigError if they, and what follows from them, cannot fit.
        """
        memory = self.estimate(self.config)
        if memory is not None and not memory.fits:
            raise ConfigError(self._problem(memory))
        return memory

    def build(self, memory: Memory | None) -> Task:
        """Build the task on the CPU. memory: what `check_weights` returned; a task it does not know is guarded.

        Raises ConfigError if a guarded task outgrows the memory, or a tensor of a task on `meta` was kept for this one.
        """
        if memory is None:
            with stopping_at(available_memory(), self.config.model.name):
                return self.build_task(self.config)
        task = self.build_task(self.config)
        kept = [name for name, tensor in task.state_dict().items() if tensor.is_meta]
        if kept:
            what = (
                f"The tensor {kept[0]} was kept from an earlier call of the model's function, for its shapes only: "
                "build it anew in each call, without a cache."
            )
            raise ConfigError(Problem(f"model={self.config.model.name}", what, id="build-failed"))
        return task

    def check_batches(self, task: Task, memory: Memory | None) -> Memory:
        """Return what a built task needs, with its batches. memory: what `check_weights` returned.

        Raises ConfigError if it cannot fit, or a training step fails.
        """
        if memory is None:
            memory = self._memory(task, self.config)
            memory = replace(memory, free=memory.free + memory.weights)  # they are allocated already
        memory = with_batch(memory, task, self.data, self.config, self.device, files=self.files)
        if not memory.fits:
            raise ConfigError(self._problem(memory))
        return memory

    def _problem(self, memory: Memory) -> Problem:
        """The refusal: what is needed and free, the largest parts, the layer with most weights, and what fits."""
        batch_size = self._smaller_batch(memory)
        if batch_size is not None:
            where = f"trainer.batch_size={self.config.trainer.batch_size}"
            fix: str | None = f"trainer.batch_size={batch_size}"
            accumulate = self.config.trainer.accumulate * (self.config.trainer.batch_size // batch_size)
            advice = f"{fix} fits; with trainer.accumulate={accumulate} it takes the same steps."
        else:
            where, fix = f"model={self.config.model.name}", self._smaller_model()
            advice = f"This fits: {fix}." if fix is not None else "Use a smaller model."
            if memory.states and replace(memory, states=0, checkpoint=4 * memory.weights).fits:
                advice += " So does optimizer=sgd, which keeps no states."
        parts = ", ".join(f"{name} {in_words(size)}" for name, size in memory.parts()[:4])
        share = f"{count(memory.largest.count)} of {plural(memory.num_weights, 'weight')}"
        each = f" in each of {memory.processes} processes" if memory.processes > 1 else ""
        needed, free = memory.too_little
        what = (
            f"Training needs at least {in_words(needed)} of memory{each}, and {in_words(free)} are free "
            f"({parts}). Most weights are in the layer {memory.largest.description}: {share}. {advice}"
        )
        return Problem(where, what, id="memory", fix=fix)

    def _smaller_batch(self, memory: Memory) -> int | None:
        """The largest half, quarter, ... of the batch that fits; None if no batch does, or it is not to blame."""
        batch_size = self.config.trainer.batch_size
        while memory.activations > memory.gradients and batch_size > 1:
            batch_size //= 2
            memory = replace(memory, activations=memory.activations // 2, backward=memory.backward // 2)
            if memory.fits and memory.peak <= memory.free:
                return batch_size
        return None

    def _smaller_model(self) -> str | None:
        """Overrides that halve numbers of the model until it fits: of the field, or of all, that leave most weights."""
        fields = {
            name: value for name, value in self.config.model.arguments.items() if _largest(value) >= _LEAST_HALVED
        }
        builds = iter(range(_MOST_BUILDS))
        tried = [{name: value} for name, value in fields.items()] + ([fields] if len(fields) > 1 else [])
        found = [each for each in (self._halved_until_it_fits(chosen, builds) for chosen in tried) if each is not None]
        return max(found)[1] if found else None

    def _halved_until_it_fits(self, fields: dict[str, Any], builds: Iterator[int]) -> tuple[int, str] | None:
        """The number of weights and the overrides of the largest model that fits; None if there is none."""
        while any(_largest(value) >= _LEAST_HALVED for value in fields.values()) and next(builds, None) is not None:
            largest = max(_largest(value) for value in fields.values())
            fields = {name: _halved(value, largest) for name, value in fields.items()}
            arguments = {**self.config.model.arguments, **fields}
            config = dataclasses.replace(self.config, model=dataclasses.replace(self.config.model, arguments=arguments))
            memory = self.estimate(config)
            if memory is not None and memory.fits and memory.peak <= memory.free:
                changed = {name: value for name, value in fields.items() if value != self.config.model.arguments[name]}
                words = [f"model.{name}={str(value).replace(' ', '')}" for name, value in changed.items()]
                return memory.num_weights, " ".join(words)
        return None


def _largest(value: Any) -> int:
    """The largest whole number in a field of a model; 0 for a field of another kind."""
    numbers = value if isinstance(value, list) else [value]
    return max((each for each in numbers if isinstance(each, int) and not isinstance(each, bool)), default=0)


def _halved(value: Any, above: int) -> Any:
    """The same field with numbers as large as `above` halved."""
    if isinstance(value, list):
        return [_halved(each, above) for each in value]
    return value // 2 if isinstance(value, int) and not isinstance(value, bool) and value >= above else value


def on_meta(build: Callable[[], Task]) -> Task | None:
    """Return what `build` returns with all tensors on `meta`, or None if it fails there.

    What it prints is left out, since the same code runs again to build the real model.
    """
    try:
        with torch.device("meta"), _WithoutValues(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with contextlib.redirect_stdout(io.StringIO()):
                return build()
    except Exception:  # noqa: BLE001 - the real build follows, and raises it again if it is an error of the model
        return None


class _WithoutValues(TorchFunctionMode):
    """Skips what only fills a tensor with values: for most of it, torch would import its compiler, which takes 2 s."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs, name = kwargs or {}, getattr(func, "__name__", "")
        first = args[0] if args else kwargs.get("tensor")  # initialisers pass it by name
        if isinstance(first, Tensor) and first.is_meta:
            if name in _FILLING:
                return first
            if name in _SCALING and len(args) == 2 and isinstance(args[1], int | float):
                return torch.empty(first.shape, dtype=first.dtype)
        if func in (torch.rand, torch.randn):
            func, kwargs = torch.empty, {name: value for name, value in kwargs.items() if name != "generator"}
        return func(*args, **kwargs)


@contextlib.contextmanager
def stopping_at(num_bytes: int, name: str) -> Iterator[None]:
    """A context in which building the model `name` raises ConfigError when its parameters outgrow `num_bytes`.

    Parameters count when a layer gets them, before most layers fill them with numbers.
    """
    known: dict[int, nn.Parameter] = {}

    def hook(module: nn.Module, label: str, parameter: nn.Parameter | None) -> None:
        if parameter is None or isinstance(parameter, UninitializedParameter):  # which has no size yet
            return
        known[id(parameter)] = parameter
        total = sum(each.nbytes for each in known.values())
        if total > num_bytes:
            what = (
                f"The weights alone need more than {in_words(total)}, and {in_words(num_bytes)} are free. Building "
                f"stopped at a {type(module).__name__} with {plural(parameter.numel(), 'number')} in its {label}. "
                "Use a smaller model."
            )
            raise ConfigError(Problem(f"model={name}", what, id="memory"))

    handle = register_module_parameter_registration_hook(hook)
    try:
        yield
    finally:
        handle.remove()
