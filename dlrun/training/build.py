"""Build what a configuration describes: device, data, task, schedule and optimizers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch.nn.parameter import UninitializedParameter

from dlrun.configuration.auto import Facts, steps_per_epoch
from dlrun.configuration.place import place_of_process
from dlrun.configuration.run_config import RunConfig, resolve_auto
from dlrun.configuration.schema.catalog import Catalog
from dlrun.configuration.schema.fields import AUTO
from dlrun.configuration.schema.settings import TrainerSettings
from dlrun.configuration.sharing import find_too_small_batches
from dlrun.data.goals import has_numbers, mixes_kinds
from dlrun.data.prepare import DataBundle
from dlrun.data.spec import DataSpec
from dlrun.errors import ConfigError, Problem
from dlrun.optim import device
from dlrun.optim.device import Device
from dlrun.optim.distributed.shards import Shards
from dlrun.optim.param_groups import Parameters, avoid_loading_the_compiler, matrices_and_others, trained
from dlrun.optim.schedule import Horizon, Schedule, WarmUp
from dlrun.tasks.goals import goal_of
from dlrun.tasks.task import SupervisedTask, Task, count_parameters
from dlrun.training.call_option import call_option
from dlrun.training.loading import ALONE, Given
from dlrun.training.memory import Memory
from dlrun.training.memory_check import MemoryCheck
from dlrun.training.memory_format import use_channels_last
from dlrun.training.metric_choice import choose_metric
from dlrun.training.preflight import check_task
from dlrun.training.sharded.build import build_sharded
from dlrun.training.sharded.strategy import choose_strategy
from dlrun.training.work import NO_WORK, work_of


@dataclass(frozen=True)
class Components:
    """What a configuration describes, built: the device, the data on it, and the task.

    requested: the configuration as it was composed. config: the same with every field that was `auto` worked out.
    auto: those values, by key.
    metric: the validation metric that selects the best checkpoint. memory: what training needs. notices: of how the
    model is shared by several processes.
    """

    requested: RunConfig
    config: RunConfig
    auto: Mapping[str, Any]
    device: Device
    data: DataBundle
    task: Task
    metric: str
    num_parameters: int
    memory: Memory
    notices: Sequence[str] = ()

    @property
    def asked_processes(self) -> int:
        """How many processes the configuration asks for, also where this one builds alone; 1 for `auto`."""
        asked = self.requested.device_settings.processes
        return asked if isinstance(asked, int) else 1


def build_components(config: RunConfig, catalog: Catalog, given: Given = ALONE) -> Components:
    """Set up the device, load the data and build the model.

    Raises ConfigError or DataError if they cannot be trained.
    """
    requested = config
    place = place_of_process()
    config = given.applied(config).with_processes(place.size)  # as many as there are, whoever started them
    chosen = device.set_up(config, place)
    config, data, decided = given.load(config, catalog, chosen)
    config, rest = resolve_auto(config, catalog, facts_of(data))
    if problems := find_too_small_batches(config.tree):
        raise ConfigError(problems)
    check = _memory_check(config, catalog, data, chosen)
    strategy = choose_strategy(config, check, chosen.group)
    if not chosen.group.is_alone:
        config = config.with_strategy("fsdp" if strategy.is_sharded else "ddp")
    check = replace(check, config=config, is_sharded=strategy.is_sharded)
    estimate = check.check_weights()
    device.seed_everything(config.seed)  # so that initial weights do not depend on what loading the data drew
    is_known = catalog.option("model", config.model.name).origin == "dlrun"
    work = NO_WORK
    if strategy.is_sharded:
        task, memory, work = build_sharded(check, estimate)
        data = use_channels_last(task, data, is_known=is_known, is_sharded=True)
        metric = choose_metric(task, config.metric)
    else:
        task = check.build(estimate).to(chosen.torch)
        data = use_channels_last(task, data, is_known=is_known)
        check_task(task, data, config, files=catalog.plugins)
        metric = choose_metric(task, config.metric)
        memory = check.check_batches(task, estimate)
        if config.device_settings.threads == AUTO:
            work = work_of(task, data, config, chosen, files=catalog.plugins)
    config, chosen = _with_threads(config, catalog, replace(facts_of(data), work=work), chosen, given)
    values = {**decided, **rest, **_chosen_for_device(requested, config)}
    return Components(
        requested=requested,
        config=config,
        auto=values,
        device=chosen,
        data=data,
        task=task,
        metric=metric,
        num_parameters=count_parameters(task),
        memory=memory,
        notices=strategy.notices,
    )


def _memory_check(config: RunConfig, catalog: Catalog, data: DataBundle, chosen: Device) -> MemoryCheck:
    return MemoryCheck(
        config,
        data,
        chosen,
        lambda config: build_task(config, catalog, data.spec),
        lambda task, config: build_optimizers(task, config, catalog),
        catalog.plugins,
    )


def _chosen_for_device(requested: RunConfig, config: RunConfig) -> dict[str, Any]:
    """Return what rules chose for the fields of the device that were `auto`, by key."""
    asked, used = requested.tree["device"], config.tree["device"]
    return {f"device.{name}": used[name] for name in ("threads", "strategy") if asked[name] == AUTO != used[name]}


def _with_threads(
    config: RunConfig, catalog: Catalog, facts: Facts, chosen: Device, given: Given
) -> tuple[RunConfig, Device]:
    """Return the configuration with a number of CPU threads, and the device with them.

    All processes of a run have the number of the first.
    """
    own = device.own_cores(processes=chosen.group.local_size)
    cores = own if given.cores is None else min(given.cores, own)
    if config.device_settings.threads == AUTO:
        facts = replace(facts, cores=chosen.group.from_first(cores))
        config, _ = resolve_auto(config, catalog, facts, groups=("device",))
    threads = chosen.group.from_first(config.device_settings.threads)
    if threads != config.device_settings.threads:  # another process may not see the folder of a run that goes on
        config = config.with_threads(threads)
    return config, device.use_threads(chosen, threads, of_cores=cores)


def facts_of(data: DataBundle) -> Facts:
    """Return what the rules of `auto` fields know of the data."""
    spec = data.spec
    num_val = data.sizes.get("val", 0)
    return Facts(
        spec.kind,
        has_numbers(spec.goal),
        len(data.train),
        num_val,
        num_features=spec.num_features,
        num_numbers=spec.num_numbers,
        shape=spec.shape,
    )


def build_task(config: RunConfig, catalog: Catalog, spec: DataSpec) -> Task:
    """Build the task for a dataset: the model with its loss, or a model that is a task itself.

    Raises ConfigError if the model or the loss does not fit the data.
    """
    model = call_option(catalog, "model", config.model.name, spec, **config.model.arguments)
    if isinstance(model, Task):
        if config.loss.name != "auto":
            raise ConfigError(
                Problem(
                    f"loss={config.loss.name}",
                    f"The model {config.model.name} has its own losses; use loss=auto.",
                    id="loss-mismatch",
                    fix="loss=auto",
                )
            )
        task = model
    else:
        if mixes_kinds(spec.goal) and config.loss.name != "auto":
            what = f"This dataset has {goal_of(spec).describe_targets(spec)}; use loss=auto, the sum of their losses."
            raise ConfigError(Problem(f"loss={config.loss.name}", what, id="loss-mismatch", fix="loss=auto"))
        task = SupervisedTask(
            model, call_option(catalog, "loss", config.loss.name, spec, **config.loss.arguments), spec
        )
    if any(isinstance(parameter, UninitializedParameter) for parameter in task.parameters()):
        what = "It has layers of unknown size (nn.Lazy...); give each its size: `spec` has that of the input."
        raise ConfigError(Problem(f"model={config.model.name}", what, id="lazy-parameters"))
    if not count_parameters(task):
        raise ConfigError(
            Problem(f"model={config.model.name}", "The model has no parameters to train.", id="no-parameters")
        )
    return task


def horizon(num_train: int, settings: TrainerSettings, *, warmup_steps: int = 0) -> Horizon:
    """Return how many steps an epoch and the run have; the run's steps exclude the warm-up."""
    per_epoch = steps_per_epoch(num_train, batch_size=settings.batch_size, accumulate=settings.accumulate)
    total = min(
        (settings.epochs or 10**12) * per_epoch,
        settings.max_steps if settings.max_steps is not None else 10**18,
    )
    return Horizon(max(1, total - warmup_steps), per_epoch)


def build_schedule(config: RunConfig, catalog: Catalog, num_train: int) -> Schedule:
    """Build the learning rate's schedule, with its warm-up."""
    warmup = config.scheduler_settings.warmup_steps
    inner: Schedule = call_option(
        catalog,
        "scheduler",
        config.scheduler.name,
        horizon(num_train, config.trainer, warmup_steps=warmup),
        **config.scheduler.arguments,
    )
    return WarmUp(inner, warmup) if warmup else inner


def build_optimizers(
    task: Task, config: RunConfig, catalog: Catalog, shards: Shards | None = None
) -> dict[str, torch.optim.Optimizer]:
    """Build an optimizer for each parameter group of the task; the group's overrides replace configured fields.

    shards: of the task, if it is sharded; the optimizers then step the parts of this process.
    """
    if not config.device_settings.compile:
        avoid_loading_the_compiler()
    function = catalog.load("optimizer", config.optimizer.name)
    overrides = task.optimizer_overrides()
    optimizers: dict[str, torch.optim.Optimizer] = {}
    for name, module in task.param_groups().items():
        settings: dict[str, Any] = {**config.optimizer.arguments, **overrides.get(name, {})}
        matrices, others = matrices_and_others(module, shards)
        parameters: Parameters
        if config.optimizer_settings.decay_matrices_only:
            parameters = [{"params": matrices}, {"params": others, "weight_decay": 0.0}]
        else:
            parameters = [{"params": trained(module, shards)}]
        optimizers[name] = function([group for group in parameters if group["params"]], **settings)
        for group in optimizers[name].param_groups:
            group["initial_lr"] = group["lr"]
    return optimizers
