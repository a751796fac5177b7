"""What to say of a step at which a number stopped being finite: which step, which layer, why, and how to see it again.

The training loop looks at its losses, on the CPU also at its gradients (4 % of a small model's step), and at the
weights before it saves or evaluates them. When one is bad, the run goes back to its newest whole checkpoint and trains
from there once more with every output, gradient and weight watched.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from dlrun.data.spec import Batch
from dlrun.errors import DivergedError
from dlrun.optim.finite import NotFinite, is_finite
from dlrun.storage.checkpoint_format import Snapshot

if TYPE_CHECKING:
    from dlrun.tasks.progress import Progress
    from dlrun.tasks.task import Task
    from dlrun.training.state import Trained
    from dlrun.training.trainer import Trainer


@dataclass(frozen=True)
class Finding:
    """The first thing that went bad in a step."""

    what: str  # "loss", "gradient" or "weight"
    where: str  # "the output of model.0 (Linear)"


class Probe:
    """Watches a task's outputs, gradients and weights; `finding` is the first that went bad."""

    def __init__(self, state: Trained) -> None:
        self._state = state
        self.finding: Finding | None = None

    def _note(self, tensor: object, what: str, where: str) -> None:
        if self.finding is None and isinstance(tensor, Tensor) and not is_finite(tensor):
            self.finding = Finding(what, where)

    @contextmanager
    def watching(self) -> Iterator[None]:
        """A context in which everything is looked at; it costs time."""
        task = self._state.task
        with ExitStack() as hooks:
            for name, module in task.named_modules():
                hooks.callback(
                    module.register_forward_hook(self._on_output(f"the output of {_layer(name, module)}")).remove
                )
            hooks.enter_context(self._state.updater.watched(self._before_update, self._after_update))
            yield

    def _on_output(self, where: str) -> Any:
        def look(module: nn.Module, args: object, output: object) -> None:
            for tensor in output if isinstance(output, tuple | list) else (output,):
                self._note(tensor, "loss", where)

        return look

    def _before_update(self, parameters: Sequence[Tensor], gradients: Sequence[Tensor | None]) -> None:
        if not self._state.updater.scalers:  # scaled gradients overflow now and then, and their step is left out
            names = {id(parameter): name for name, parameter in self._state.task.named_parameters()}
            for parameter, gradient in reversed(list(zip(parameters, gradients, strict=True))):  # as they are computed
                self._note(gradient, "gradient", f"the gradient of {_owner(self._state.task, names[id(parameter)])}")
        if self.finding is not None:
            raise NotFinite  # so that the weights stay as they were before the step

    def _after_update(self) -> None:
        task = self._state.task
        for name, parameter in task.named_parameters():
            self._note(parameter, "weight", f"the update of {_owner(task, name)}")

    def take(self, window: Sequence[Batch], progress: Progress) -> Finding | None:
        """Take the step after `progress` as the training loop does; what went bad in it, if anything."""
        with suppress(NotFinite):  # it is noted
            self._state.step(window, progress, tell=self._note_losses)
        return self.finding

    def _note_losses(self, values: Mapping[str, Tensor]) -> None:
        for name, value in values.items():
            self._note(value, "loss", f"the {name} itself")


def _layer(name: str, module: nn.Module) -> str:
    return f"{name or 'the task'} ({type(module).__name__})"


def _owner(task: Task, name: str) -> str:
    layer, _, parameter = name.rpartition(".")
    return f"{parameter} in {_layer(layer, task.get_submodule(layer))}"


def explain(trainer: Trainer) -> DivergedError:
    """Find the step and the layer that went bad, keep them as a capsule, and say all that in words."""
    noticed = trainer.progress.step + 1
    start = trainer.store.load_newest()[0] or trainer.first
    found = None if start is None else _locate(trainer, start, until=noticed)
    rate = trainer.updater.lr
    advice = f"Try a smaller optimizer.lr (now {rate:g}), trainer.clip_norm=1, or dataset.standardise=true."
    if start is None or found is None:
        return DivergedError(f"The loss is no longer a finite number at step {noticed}. {advice}")
    step, finding = found
    if trainer.capsule is not None:
        _keep(trainer, start, step, trainer.capsule)
    kept = trainer.store.steps()
    saved = f" The checkpoint of step {kept[-1]} is whole." if kept else ""
    again = f" `dlrun replay {trainer.capsule.parent}` runs the step again." if trainer.capsule is not None else ""
    return DivergedError(f"{describe(finding, step)} {advice}{saved}{again}")


def describe(finding: Finding, step: int) -> str:
    """What went bad, where, and what such a thing comes from."""
    causes = {
        "loss": "Likely causes: a rate at which the weights have grown too far, inputs that are not standardised, or "
        "a logarithm, root or division at zero.",
        "gradient": "The loss was finite still. Likely causes: a root, norm or division at zero, whose slope is "
        "infinite, or numbers too large for the precision.",
        "weight": "Loss and gradients were finite still: the step itself was too long for the numbers to hold.",
    }
    return (
        f"The {finding.what} is no longer a finite number at step {step}. It went bad first in {finding.where}. "
        f"{causes[finding.what]}"
    )


def _steps(trainer: Trainer, progress: Progress) -> Iterator[Sequence[Batch]]:
    """The windows of all steps after `progress`, epoch after epoch."""
    while True:
        yield from trainer.windows(progress)
        progress.epoch, progress.batch = progress.epoch + 1, 0


def _locate(trainer: Trainer, start: Snapshot, *, until: int) -> tuple[int, Finding] | None:
    """Train again from a snapshot up to a step; the step that goes bad and what in it, or None."""
    from dlrun.training.state import restore

    progress = restore(start, trainer.state)
    probe = Probe(trainer.state)
    with probe.watching(), trainer.device.autocast():
        for window in _steps(trainer, progress):
            if progress.step >= until:
                return None
            step = progress.step + 1
            finding = probe.take(window, progress)
            if finding is not None:
                return step, finding
    return None


def _keep(trainer: Trainer, start: Snapshot, step: int, capsule: Path) -> None:
    """Write the state just before a step, and the step's batches, as a folder like a checkpoint's."""
    from dlrun.storage.checkpoints import write_folder
    from dlrun.training.state import capture, restore

    progress = restore(start, trainer.state)
    probe = Probe(trainer.state)
    for optimizer in trainer.updater.optimizers.values():
        optimizer.zero_grad(set_to_none=True)
    for window in _steps(trainer, progress):
        if progress.step == step - 1:
            before = capture(trainer.state, progress, about=trainer.about)
            batch = {name: tensor.detach().cpu().clone() for name, tensor in _tensors(window).items()}
            write_folder(Snapshot(before.step, {**before.tensors, "batch": batch}, before.values), capsule)
            return
        with trainer.device.autocast():
            probe.take(window, progress)


def _tensors(window: Sequence[Batch]) -> dict[str, Tensor]:
    fields = ("inputs", "targets", "lengths")
    found = {f"{number}.{name}": getattr(batch, name) for number, batch in enumerate(window) for name in fields}
    return {name: tensor for name, tensor in found.items() if tensor is not None}


def window_of(tensors: Mapping[str, Tensor], device: torch.device) -> list[Batch]:
    """The batches that a capsule holds."""
    count = 1 + max(int(name.split(".")[0]) for name in tensors)
    moved = {name: tensor.to(device) for name, tensor in tensors.items()}
    return [
        Batch(moved[f"{number}.inputs"], moved[f"{number}.targets"], moved.get(f"{number}.lengths"))
        for number in range(count)
    ]
