"""What a configuration builds: the device, the data on it, the task and the learning rate's schedule."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from dlrun.configuration.run_config import RunConfig
from dlrun.configuration.schema.catalog import Catalog
from dlrun.data.loading.memory import given_back
from dlrun.data.prepare import DataBundle, prepare
from dlrun.data.spec import DataSpec
from dlrun.errors import ConfigError, Problem, did_you_mean
from dlrun.optim import device
from dlrun.optim.device import Device
from dlrun.optim.param_groups import Parameters, matrices_and_others
from dlrun.optim.schedule import Schedule, WarmUp
from dlrun.tasks.task import SupervisedTask, Task, count_parameters
from dlrun.training import preflight as checks
from dlrun.training.trainer import horizon


@dataclass(frozen=True)
class Parts:
    """What a configuration builds: the device, the data on it, and the task."""

    device: Device
    data: DataBundle
    task: Task
    metric: str
    num_parameters: int


def build_parts(config: RunConfig, catalog: Catalog) -> Parts:
    """Set up the device, read the data and build the model.

    Raises ConfigError or DataError, in the user's words, for whatever cannot be trained.
    """
    chosen = device.set_up(config)
    with given_back():
        source = call_option(catalog, "dataset", config.dataset.name, **config.dataset.arguments)
        data = prepare(config.dataset.name, source, config.dataset_settings, workers=config.trainer.workers).to(
            chosen.torch
        )
        del source
    device.seed_everything(config.seed)  # weights do not depend on what reading the data drew
    task = build_task(config, catalog, data.spec).to(chosen.torch)
    if isinstance(task, SupervisedTask) and any(isinstance(module, nn.Conv2d) for module in task.modules()):
        # convolutions run 1.2 to 1.5 times faster over pixels whose channels lie side by side
        task.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # the stubs know devices only
        data = data.channels_last()
    checks.check_task(task, data, config)
    return Parts(chosen, data, task, _metric(config, task), count_parameters(task))


def build_task(config: RunConfig, catalog: Catalog, spec: DataSpec) -> Task:
    """The model for data of this kind, together with its loss.

    Raises ConfigError for a model or loss that does not fit the data.
    """
    model = call_option(catalog, "model", config.model.name, spec, **config.model.arguments)
    if isinstance(model, Task):
        if config.loss.name != "auto":
            raise ConfigError(
                Problem(
                    f"loss={config.loss.name}",
                    f"The model {config.model.name} has losses of its own; use loss=auto.",
                )
            )
        task = model
    else:
        task = SupervisedTask(
            model, call_option(catalog, "loss", config.loss.name, spec, **config.loss.arguments), spec
        )
    if not count_parameters(task):
        raise ConfigError(Problem(f"model={config.model.name}", "The model has no parameters to train."))
    return task


def call_option(catalog: Catalog, group: str, name: str, *args: Any, **fields: Any) -> Any:
    """Build an option; a mistake inside a user's own file is told as theirs."""
    function = catalog.load(group, name)
    try:
        return function(*args, **fields)
    except (TypeError, ValueError, RuntimeError, NotImplementedError) as error:
        raise ConfigError(Problem(f"{group}={name}", f"Building it failed: {type(error).__name__}: {error}")) from error


def _metric(config: RunConfig, task: Task) -> str:
    if config.metric == "auto":
        return task.default_metric
    name = config.metric.removeprefix("val/")
    if name not in task.metrics:
        raise ConfigError(
            Problem(f"metric={config.metric}", f"This task has no such metric. {did_you_mean(name, task.metrics)}")
        )
    return name


def build_schedule(config: RunConfig, catalog: Catalog, num_train: int) -> Schedule:
    """The learning rate's schedule, after its warm-up."""
    warmup = config.scheduler_settings.warmup_steps
    inner: Schedule = call_option(
        catalog,
        "scheduler",
        config.scheduler.name,
        horizon(num_train, config.trainer, warmup_steps=warmup),
        **config.scheduler.arguments,
    )
    return WarmUp(inner, warmup) if warmup else inner


def build_optimizers(task: Task, config: RunConfig, catalog: Catalog) -> dict[str, torch.optim.Optimizer]:
    """One optimizer for each group of the task, with the group's own settings over the common ones."""
    if not config.device_settings.compile:
        _leave_compiler_unloaded()
    function = catalog.load("optimizer", config.optimizer.name)
    overrides = task.optimizer_overrides()
    optimizers: dict[str, torch.optim.Optimizer] = {}
    for name, module in task.param_groups().items():
        settings: dict[str, Any] = {**config.optimizer.arguments, **overrides.get(name, {})}
        matrices, others = matrices_and_others(module)
        parameters: Parameters
        if config.optimizer_settings.decay_matrices_only:
            parameters = [{"params": matrices}, {"params": others, "weight_decay": 0.0}]
        else:
            parameters = [{"params": [parameter for parameter in module.parameters() if parameter.requires_grad]}]
        optimizers[name] = function([group for group in parameters if group["params"]], **settings)
        for group in optimizers[name].param_groups:
            group["initial_lr"] = group["lr"]
    return optimizers


def _leave_compiler_unloaded() -> None:
    """Spare the start 1 s: adding a group of parameters loads all of torch's compiler, to say it need not compile it.

    torch marks such functions with `_disable_dynamo`, which looks for the compiled form on the function itself first.
    """
    function = getattr(torch.optim.Optimizer.add_param_group, "__wrapped__", None)
    if function is not None:
        setattr(function, "__dynamo_disable", function)  # a name that Python would mangle in a class
