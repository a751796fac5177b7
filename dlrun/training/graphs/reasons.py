"""Whether the training step of a run is captured as a CUDA graph, and if not, why."""

from __future__ import annotations

from dlrun.configuration.run_config import RunConfig
from dlrun.optim.kernels import is_fused
from dlrun.training.build import Components
from dlrun.training.state import TrainingState
from dlrun.wording import count, plural

MOST_WEIGHTS_OF_AUTO = 10_000_000
"""Larger models keep a GPU busy without a graph, which would hold their activations for the whole run."""

FEWEST_STEPS_OF_AUTO = 100
"""Capturing takes about 0.1 s; a step of a small model that is not captured, about 2 ms more (docs/gpu.md)."""


def reason_against(config: RunConfig, components: Components, state: TrainingState, *, steps: int) -> str | None:
    """Return why the step of this run is not captured, a clause; None if it is. device.graphs=off is a reason too.

    steps: of the whole run.
    What only running the step can tell (it waits for the GPU, it draws numbers in Python) is found when it is captured.
    """
    device = config.device_settings
    if device.graphs == "off":
        return "device.graphs=off"
    if components.device.torch.type != "cuda":
        return f"graphs are of CUDA, and this run trains on {components.device.torch.type}"
    processes = components.device.group.size
    if processes > 1:
        return f"{processes} processes exchange gradients within a step"
    if device.compile:
        return "device.compile=true changes the step itself"
    if config.trainer.accumulate > 1:
        return f"trainer.accumulate={config.trainer.accumulate} takes several passes for a step"
    if components.data.train.lengths is not None:
        return "its batches differ in length"
    if not all(is_fused(optimizer) for optimizer in state.updater.optimizers.values()):
        return f"optimizer={config.optimizer.name} computes part of its step in Python; adam, adamw and sgd do not"
    return _reason_of_auto(components, steps=steps) if device.graphs == "auto" else None


def _reason_of_auto(components: Components, *, steps: int) -> str | None:
    """Why `auto` leaves a step alone that could be captured."""
    own = next((module for module in components.task.modules() if not _is_known(module)), None)
    if own is not None:
        return (
            f"{type(own).__name__} is code of your own, and a graph would repeat what its Python decided once; "
            "device.graphs=on captures it all the same"
        )
    if components.num_parameters > MOST_WEIGHTS_OF_AUTO:
        return f"its {count(components.num_parameters)} weights keep the GPU busy without one"
    if steps < FEWEST_STEPS_OF_AUTO:
        return f"its {plural(steps, 'step')} would not win back the time that capturing takes"
    return None


def _is_known(module: object) -> bool:
    """Whether a module is of torch or dlrun, whose Python decides nothing anew in each step."""
    return type(module).__module__.split(".")[0] in ("torch", "dlrun")
