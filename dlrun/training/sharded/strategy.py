"""Whether each of several processes has all of the model or a part of it (`device.strategy`)."""

from __future__ import annotations

from dataclasses import dataclass, replace

from dlrun.configuration.run_config import RunConfig
from dlrun.configuration.sharing import needs_whole_weights, unshardable
from dlrun.errors import ConfigError
from dlrun.optim.distributed.group import Group
from dlrun.training.memory import Memory, in_words
from dlrun.training.memory_check import MemoryCheck


@dataclass(frozen=True)
class Strategy:
    """How the processes share the model. notices: what the user is to know about it."""

    is_sharded: bool = False
    notices: tuple[str, ...] = ()


def choose_strategy(config: RunConfig, check: MemoryCheck, group: Group) -> Strategy:
    """Return the strategy of a run, the same in all of its processes, before its model is built.

    `auto` shards a model that does not fit a process, if its parts do. A process alone has all of the model.
    Raises ConfigError if the model is to be sharded and its optimizer needs whole weights.
    """
    wanted = config.device_settings.strategy
    if group.is_alone or wanted == "ddp":
        return Strategy()
    if wanted == "fsdp" and needs_whole_weights(config.optimizer.name):
        raise ConfigError(unshardable(config.optimizer.name))
    part = replace(check, is_sharded=True).estimate(config)
    if wanted == "fsdp":
        return Strategy(is_sharded=True, notices=(_describe(group, part),))
    return _found(config, group, check.estimate(config), part)


def _found(config: RunConfig, group: Group, whole: Memory | None, part: Memory | None) -> Strategy:
    must_be = (
        whole is not None
        and part is not None
        and not whole.fits
        and part.fits
        and not needs_whole_weights(config.optimizer.name)
    )
    if not any(group.gathered(must_be)):
        return Strategy()
    why = ""
    if whole is not None and not whole.fits:
        why = f"All of it would need at least {in_words(whole.needed)}, and {in_words(whole.free)} are free: "
    return Strategy(is_sharded=True, notices=(f"{why}device.strategy=auto chose fsdp. {_describe(group, part)}",))


def _describe(group: Group, part: Memory | None) -> str:
    held = "" if part is None else f" ({in_words(part.weights + part.states)} of weights and states of the optimizer)"
    return f"Each of {group.size} processes holds a part of the model{held}."
