"""One point while it is trained in a pack: its run, with everything that it has when it is trained alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from torch import Tensor

from dlrun.data.loading.augment import is_active
from dlrun.data.spec import Batch
from dlrun.errors import DlrunError
from dlrun.optim.finite import NotFinite
from dlrun.runs.run import Run
from dlrun.runs.sweeps.jobs import Point
from dlrun.storage.run_dir import RunDir
from dlrun.tasks.task import SupervisedTask
from dlrun.training.bookkeeping import TimeUp
from dlrun.training.build import Components
from dlrun.training.divergence import explain
from dlrun.training.signals import StopRequest
from dlrun.training.trainer import Trainer


class Member:
    """A point of a pack between its first step and its result."""

    def __init__(
        self, point: Point, run: Run, trainer: Trainer, components: Components, run_dir: RunDir, stop: StopRequest
    ) -> None:
        self.point, self.run, self.trainer, self.components = point, run, trainer, components
        self.stop, self._run_dir = stop, run_dir
        task = components.task
        if not isinstance(task, SupervisedTask):
            raise TypeError(f"a pack trains supervised tasks, not {type(task).__name__}")
        self.task = task
        self._state = trainer.state
        self._places: list[int] = []
        self._has_diverged = False

    @property
    def order(self) -> int | None:
        """What decides the order of its rows and their augmentation; None if every seed gives the same batches."""
        config, train = self.components.config, self.components.data.train
        shuffles = config.trainer.shuffle and config.trainer.batch_size < len(train)
        return config.seed if shuffles or is_active(config.dataset_settings.augment) else None

    def batches(self) -> Iterator[Batch]:
        """Yield the batches of the rest of its epoch."""
        return (batches[0] for batches in self.trainer.step_batches(self.trainer.progress))

    def use_stack(self, trained: Sequence[str]) -> None:
        """Work on parameters that were moved. trained: their names in the order in which gradients will come."""
        updater = self._state.updater
        places = {id(parameter): trained.index(name) for name, parameter in self.task.named_parameters()
                  if parameter.requires_grad}  # fmt: skip
        self._places = [places[id(parameter)] for parameter in updater.parameters("model")]
        updater.forget()

    def set_rate(self) -> None:
        """Set the learning rate of the next step."""
        if not self._state.schedule.is_constant:
            self._state.updater.set_factor(self._state.schedule.factor(self._state.progress.step))

    def take(self, loss: Tensor, gradients: Sequence[Tensor | None], *, rows: int) -> None:
        """Take a step, unless it has diverged. Its loss tells: gradients that are not finite spoil the next one."""
        if self._has_diverged or not self._state.means.add({"loss": loss}):
            self._has_diverged = True
            return
        self._state.updater.apply("model", [gradients[place] for place in self._places])
        progress = self._state.progress
        progress.step += 1
        progress.batch += 1
        progress.samples += rows

    def end_leg(self) -> bool:
        """Do what is due between steps; return whether the training is complete.

        Raises the DlrunError that ends it, or TimeUp; everything is saved then.
        """
        try:
            if self._has_diverged:
                raise NotFinite
            return self.trainer.end_leg() is not None
        except NotFinite:
            self.trainer.saver.finish()
            raise explain(self.trainer, repro=self._run_dir.path / "repro") from None

    def result(self, baselines: list[dict[str, Any]] | None) -> tuple[Mapping[str, Any], list[dict[str, Any]]]:
        """Test and write the result of a member that is trained; return it and its baselines.

        baselines: those of another member, if they are measured already. Raises the DlrunError that ends it.
        """
        self.trainer.saver.finish()
        metrics, found = self.run.evaluate_best(baselines)
        return self.run.finish("completed", metrics=metrics, baselines=found), found

    def out_of_time(self) -> Mapping[str, Any]:
        """Write the result of a member that its time limit stopped; return it."""
        self.trainer.saver.finish()
        return self.run.finish_out_of_time()

    def fail(self, error: DlrunError) -> None:
        """Write the result of a member that ended with an error."""
        self.trainer.saver.finish()
        self.run.finish_with(error)

    def release(self) -> None:
        """Let go of its folder."""
        self._run_dir.release()


__all__ = ["Member", "TimeUp"]
