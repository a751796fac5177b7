"""A step of training on the rows that this process has of each batch."""

from __future__ import annotations

from torch import Tensor, nn

from dlrun.data.spec import Batch
from dlrun.optim.distributed.group import Group
from dlrun.optim.distributed.whole_batch import WholeBatch
from dlrun.tasks.task import SupervisedTask, Task, Update
from dlrun.training.processes.shares import own_share
from dlrun.training.state import TrainingState

_KNOWN = ("dlrun.", "torch.nn.")
_DRAWING = (nn.RReLU, nn.FractionalMaxPool2d, nn.FractionalMaxPool3d)


class SharedStep:
    """A task's step whose losses and scalars count as much as this process's rows do in the whole batch.

    The sum of the gradients over all processes, and that of the scalars, is then what a single process has.
    group: of several processes. targets: of all training rows.
    """

    def __init__(self, state: TrainingState, group: Group, targets: Tensor) -> None:
        self._task, self._updater = state.task, state.updater
        self._counts = state.task.counts(targets)
        self._whole = WholeBatch(group, sees_calls=may_need_the_whole_batch(state.task))

    @property
    def needs_targets(self) -> bool:
        """Whether the parts of batches need the targets of all rows."""
        return self._counts is not None

    def __call__(self, batch: Batch, update: Update) -> dict[str, Tensor]:
        if batch.part is None:
            return self._task.train_step(batch, update)
        share = own_share(batch, self._counts)
        self._updater.weight = self._updater.weight * share
        with self._whole.of(batch.part):
            values = self._task.train_step(batch, update)
        return {name: value * share for name, value in values.items()}


def may_need_the_whole_batch(task: Task) -> bool:
    """Whether a step may draw random numbers or normalise over a batch, of which a process has only some rows.

    Among layers of torch and dlrun, dropout and batch normalisation do; other code may anywhere.
    """
    return not isinstance(task, SupervisedTask) or any(_may(module) for module in task.modules())


def _may(module: nn.Module) -> bool:
    if not type(module).__module__.startswith(_KNOWN) or isinstance(module, nn.modules.batchnorm._BatchNorm):
        return True
    rates = [getattr(module, name, 0.0) for name in ("p", "dropout")]
    return any(isinstance(rate, float) and rate > 0 for rate in rates) or isinstance(module, _DRAWING)
