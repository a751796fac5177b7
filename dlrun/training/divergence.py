"""Find the step and the layer where a number stopped being finite, explain it, and save that step to be replayed.

The training loop checks its losses, on the CPU also its gradients (4 % of a small model's step), and the weights before
it saves or evaluates them. If a check fails, the run goes back to its newest intact checkpoint and trains from there
again, this time checking every output, gradient and weight.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from dlrun.data.spec import Batch
from dlrun.errors import DivergedError
from dlrun.optim.finite import NotFinite, is_finite
from dlrun.storage.checkpoint_format import Snapshot
from dlrun.storage.checkpoints import write_folder
from dlrun.tasks.task import Task
from dlrun.training.state import TrainingState, capture, restore
from dlrun.training.step import take_step
from dlrun.training.trainer import Trainer


@dataclass(frozen=True)
class Finding:
    """The first value of a step that is not finite."""

    what: str  # "loss", "gradient" or "weight"
    where: str  # "the output of model.0 (Linear)"


class Probe:
    """Checks a task's outputs, gradients and weights during a step; `finding` is the first that is not finite."""

    def __init__(self, state: TrainingState) -> None:
        self._state = state
        self.finding: Finding | None = None

    def _check(self, tensor: object, what: str, where: str) -> None:
        if self.finding is None and isinstance(tensor, Tensor) and not is_finite(tensor):
            self.finding = Finding(what, where)

    @contextmanager
    def attached(self) -> Iterator[None]:
        """A context in which every output, gradient and weight is checked; steps are slow in it."""
        task = self._state.task
        with ExitStack() as hooks:
            for name, module in task.named_modules():
                hooks.callback(
                    module.register_forward_hook(self._output_hook(f"the output of {_layer(name, module)}")).remove
                )
            hooks.enter_context(self._state.updater.watched(self._check_gradients, self._check_weights))
            yield

    def _output_hook(self, where: str) -> Any:
        def hook(module: nn.Module, args: object, output: object) -> None:
            for tensor in output if isinstance(output, tuple | list) else (output,):
                self._check(tensor, "loss", where)

        return hook

    def _check_gradients(self, parameters: Sequence[Tensor], gradients: Sequence[Tensor | None]) -> None:
        if not self._state.updater.scalers:  # scaled gradients may overflow by design; their step is skipped
            names = {id(parameter): name for name, parameter in self._state.task.named_parameters()}
            for parameter, gradient in reversed(list(zip(parameters, gradients, strict=True))):  # as they are computed
                self._check(gradient, "gradient", f"the gradient of {_owner(self._state.task, names[id(parameter)])}")
        if self.finding is not None:
            raise NotFinite  # so that the weights stay as they were before the step

    def _check_weights(self) -> None:
        task = self._state.task
        for name, parameter in task.named_parameters():
            self._check(parameter, "weight", f"the update of {_owner(task, name)}")

    def _check_losses(self, values: Mapping[str, Tensor]) -> None:
        for name, value in values.items():
            self._check(value, "loss", f"the {name} itself")

    def take_step(self, batches: Sequence[Batch]) -> Finding | None:
        """Take a step as the training loop does; return the first value that is not finite, if any."""
        with suppress(NotFinite):  # `finding` has it
            take_step(self._state, batches, train_step=self._state.task.train_step, on_metrics=self._check_losses)
        return self.finding


def _layer(name: str, module: nn.Module) -> str:
    return f"{name or 'the task'} ({type(module).__name__})"


def _owner(task: Task, name: str) -> str:
    layer, _, parameter = name.rpartition(".")
    return f"{parameter} in {_layer(layer, task.get_submodule(layer))}"


def explain(trainer: Trainer, *, repro: Path) -> DivergedError:
    """Find the step and layer that diverged, save them in the folder `repro`, and return the error that explains it."""
    noticed = trainer.progress.step + 1
    start = trainer.store.load_newest()[0] or trainer.initial_snapshot
    found = None if start is None else _locate(trainer, start, until=noticed)
    advice = _advice(trainer)
    if start is None or found is None:
        return DivergedError(f"The loss is no longer a finite number at step {noticed}. {advice}")
    step, finding = found
    _write_repro(trainer, start, step, repro)
    steps = trainer.store.steps()
    saved = f" The checkpoint of step {steps[-1]} is intact." if steps else ""
    return DivergedError(
        f"{describe(finding, step)} {advice}{saved} `dlrun replay {repro.parent}` runs the step again."
    )


def explain_together(trainer: Trainer, *, repro: Path) -> DivergedError:
    """Return the error of a run that diverged; the first of several processes finds out where, and the others wait."""
    group = trainer.group
    if group.shards is not None:
        return _explain_parts(trainer)
    if not group.is_first:
        group.wait()
        return DivergedError("The training diverged; the first process says where.")
    trainer.leave_group()
    error = explain(trainer, repro=repro)
    group.rejoin()
    group.wait()
    return error


def _explain_parts(trainer: Trainer) -> DivergedError:
    """Return the error of a sharded run, whose steps no process can take again by itself."""
    steps = trainer.store.steps()
    saved = f" The checkpoint of step {steps[-1]} is intact." if steps else ""
    return DivergedError(
        f"The loss, a gradient or a weight is no longer a finite number at step {trainer.progress.step + 1}. "
        f"{_advice(trainer)}{saved} With device.strategy=ddp, if a process can hold the model, the layer is named."
    )


def _advice(trainer: Trainer) -> str:
    rate = trainer.state.updater.lr
    return f"Try a smaller optimizer.lr (now {rate:g}), trainer.clip_norm=1, or dataset.standardise=true."


def describe(finding: Finding, step: int) -> str:
    """Return what is not finite, where it first happened, and its likely causes."""
    causes = {
        "loss": "Likely causes: the learning rate made the weights too large, inputs are not standardised, or there is "
        "a logarithm, root or division at zero.",
        "gradient": "The loss was still finite. Likely causes: a root, norm or division at zero, whose slope is "
        "infinite, or numbers too large for the precision.",
        "weight": "Loss and gradients were still finite: the step was too large for the precision.",
    }
    return (
        f"The {finding.what} is no longer a finite number at step {step}. It first happened in {finding.where}. "
        f"{causes[finding.what]}"
    )


def steps_after(trainer: Trainer, state: TrainingState) -> Iterator[Sequence[Batch]]:
    """Yield the batches of every step after the state's progress, epoch after epoch, without end."""
    progress = state.progress
    while True:
        yield from trainer.step_batches(progress)
        progress.epoch, progress.batch = progress.epoch + 1, 0


def _locate(trainer: Trainer, start: Snapshot, *, until: int) -> tuple[int, Finding] | None:
    """Train again from a snapshot up to a step; return the step that diverges and the finding, or None."""
    state = restore(start, trainer.state)
    probe = Probe(state)
    with probe.attached(), trainer.device.autocast():
        for batches in steps_after(trainer, state):
            if state.progress.step >= until:
                return None
            step = state.progress.step + 1
            finding = probe.take_step(batches)
            if finding is not None:
                return step, finding
    return None


def _write_repro(trainer: Trainer, start: Snapshot, step: int, folder: Path) -> None:
    """Write the state before a step, and the step's batches, in the format of a checkpoint."""
    state = restore(start, trainer.state)
    probe = Probe(state)
    for optimizer in state.updater.optimizers.values():
        optimizer.zero_grad(set_to_none=True)
    for batches in steps_after(trainer, state):
        if state.progress.step == step - 1:
            before = capture(state, metadata=trainer.metadata)
            tensors = {name: tensor.detach().cpu().clone() for name, tensor in _tensors(batches).items()}
            write_folder(dataclasses.replace(before, tensors={**before.tensors, "batch": tensors}), folder)
            return
        with trainer.device.autocast():
            probe.take_step(batches)


def _tensors(batches: Sequence[Batch]) -> dict[str, Tensor]:
    found = {
        f"{number}.{name}": value for number, batch in enumerate(batches) for name, value in batch._asdict().items()
    }
    return {name: tensor for name, tensor in found.items() if isinstance(tensor, Tensor)}


def batches_of(tensors: Mapping[str, Tensor], device: torch.device) -> list[Batch]:
    """Return the batches of a saved step, on a device."""
    count = 1 + max(int(name.split(".")[0]) for name in tensors)
    on_device = {name: tensor.to(device) for name, tensor in tensors.items()}
    return [
        Batch(
            on_device[f"{number}.inputs"],
            on_device[f"{number}.targets"],
            on_device.get(f"{number}.lengths"),
            on_device.get(f"{number}.weights"),
        )
        for number in range(count)
    ]
