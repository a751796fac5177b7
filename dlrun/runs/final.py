"""What is measured once a run is trained: the best checkpoint's metrics, its baselines, the errors of its forecasts."""

from __future__ import annotations

from functools import partial
from typing import Any

from dlrun.baselines.measure import measure_baselines
from dlrun.configuration.run_config import RunConfig
from dlrun.runs.forecast_errors import measure_errors
from dlrun.tasks.per_class import ByClass, per_class_of
from dlrun.tasks.task import Evaluation, SupervisedTask
from dlrun.training.build import Components
from dlrun.training.evaluation import evaluate
from dlrun.training.signals import StopRequest

_STOPPED = "Stopped while testing; the trained run is saved."


class FinalEvaluation:
    """Measures a task, whose weights are those of the best checkpoint; a signal ends it with Interrupted."""

    def __init__(self, config: RunConfig, components: Components, stop: StopRequest) -> None:
        self._config, self._components, self._stop = config, components, stop
        held_out = [name for name in ("val", "test") if name in components.data.sizes]
        self._splits = held_out or ["train"]  # no held-out split: report training metrics
        self.per_class: dict[str, ByClass] = {}  # filled by `metrics`

    def metrics(self) -> dict[str, float]:
        """Return the metrics on every held-out split, named `split/metric`."""
        metrics = {}
        for name in self._splits:
            found = evaluate(
                self._components.task,
                self._components.data.split(name),
                device=self._components.device,
                batch_size=self._config.trainer.eval_batch_size,
                before_batch=self._check_stop_together,
                receive=partial(self._keep_classes, name),
            )
            metrics.update({f"{name}/{metric}": value for metric, value in found.items()})
        return metrics

    def baselines(self) -> list[dict[str, Any]]:
        """Measure the trivial answer and a simple model on the same splits; none for a GAN, or if not wanted."""
        settings, components = self._config.dataset_settings, self._components
        if not settings.baselines or not isinstance(components.task, SupervisedTask):
            return []
        found = measure_baselines(components.data, self._splits, seed=settings.split_seed, check=self._check_stop)
        return [baseline.state() for baseline in found]

    def forecast_errors(self, *, step: int) -> bytes | None:
        """Return the errors on the held-out windows of a forecast, for its intervals; None if it is no forecast.

        step: of the best checkpoint.
        """
        components = self._components
        splits = [split for name, split in components.data.splits.items() if name != "train"]
        if not components.data.spec.continues or not splits or not isinstance(components.task, SupervisedTask):
            return None
        errors = measure_errors(
            components.task,
            splits,
            step=step,
            device=components.device,
            batch_size=self._config.trainer.eval_batch_size,
            before_batch=self._check_stop,
        )
        return errors.content()

    def _keep_classes(self, split: str, evaluation: Evaluation) -> None:
        self.per_class.update(per_class_of(evaluation, self._components.data.spec, split=split))

    def _check_stop(self) -> None:
        self._stop.raise_if_requested(_STOPPED)

    def _check_stop_together(self) -> None:
        self._stop.raise_if_agreed(_STOPPED)
