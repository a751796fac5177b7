"""Whether each of several processes has all of the model or a part of it (`device.strategy`)."""

from __future__ import annotations

from dataclasses import dataclass, replace

from dlrun.configuration.run_config import RunConfig
from dlrun.errors import ConfigError, Problem
from dlrun.optim.distributed.group import Group
from dlrun.training.fitting import Fitting
from dlrun.training.memory import Memory, in_words


@dataclass(frozen=True)
class Strategy:
    """How the processes share the model. notices: what the user is to know about it."""

    is_sharded: bool = False
    notices: tuple[str, ...] = ()


def choose_strategy(config: RunConfig, fitting: Fitting, group: Group) -> Strategy:
    """Return the strategy of a run, the same in all of its processes, before its model is built.

    `auto` shards a model that does not fit a process, if its parts do. A process alone has all of the model.
    Raises ConfigError if the model is to be sharded and its optimizer needs whole weights.
    """
    wanted = config.device_settings.strategy
    if group.is_alone:
        return Strategy()
    whole, part = fitting.weigh(config), replace(fitting, is_sharded=True).weigh(config)
    if wanted == "auto":
        return _found(config, group, whole, part)
    if wanted == "ddp":
        return Strategy()
    if needs_whole_weights(config):
        what = (
            "Muon makes each gradient matrix orthogonal and needs all of it, but a process has a part of its rows. Use "
            "optimizer=adamw, or device.strategy=ddp."
        )
        raise ConfigError(Problem(f"optimizer={config.optimizer.name}", what, id="sharding", fix="device.strategy=ddp"))
    return Strategy(True, (_describe(group, part),))


def needs_whole_weights(config: RunConfig) -> bool:
    """Return whether an optimizer's step of one number depends on others of the same weight."""
    return config.optimizer.name == "muon"


def _found(config: RunConfig, group: Group, whole: Memory | None, part: Memory | None) -> Strategy:
    must_be = (
        whole is not None and part is not None and not whole.fits and part.fits and not needs_whole_weights(config)
    )
    if not any(group.gathered(must_be)):
        return Strategy()
    why = ""
    if whole is not None and not whole.fits:
        why = f"All of it would need at least {in_words(whole.needed)}, and {in_words(whole.free)} are free: "
    return Strategy(True, (f"{why}device.strategy=auto chose fsdp. {_describe(group, part)}",))


def _describe(group: Group, part: Memory | None) -> str:
    held = "" if part is None else f" ({in_words(part.weights + part.states)} of weights and states of the optimizer)"
    return f"Each of {group.size} processes holds a part of the model{held}."


def take_turns(group: Group) -> list[bool]:
    """Return for each round whether it is this process's turn; as many rounds in all processes."""
    rounds = max(int(each) for each in group.gathered(group.local_size))
    return [number == group.local_rank for number in range(rounds)]
