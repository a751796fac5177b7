"""What a sweep asks of a cluster: `launch.slurm.*` and `launch.ray.*`. Their effect: dlrun/runs/sweeps/engines."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from dlrun.configuration.schema.fields import Count, CountOrZero, Range

Gibibytes = Annotated[float, Range(above=0, high=1e6)]
Share = Annotated[float, Range(low=0, high=1024)]


@dataclass(frozen=True)
class SlurmSettings:
    """What `launch.engine=submitit` asks of SLURM for each job."""

    cluster: Literal["slurm", "local"] = "slurm"  # local: submitit's processes on this machine, to try a command
    partition: str | None = None
    account: str | None = None
    qos: str | None = None
    constraint: str | None = None  # features that a node must have
    timeout_min: Count = 60  # minutes; a job that needs longer is saved, and goes on in another
    cpus_per_task: Count = 1
    gpus_per_node: CountOrZero = 0
    mem_gb: Gibibytes | None = None  # null: what the partition gives
    setup: list[str] = field(default_factory=list)  # shell commands before Python starts, such as "module load cuda"
    extra: dict[str, Any] = field(default_factory=dict)  # other options of sbatch: {reservation: mine}


@dataclass(frozen=True)
class RaySettings:
    """Which cluster `launch.engine=ray` uses, and what it asks of it for each job."""

    address: str = "auto"  # of the cluster; auto: that of this machine, or RAY_ADDRESS; local: start one for the sweep
    cpus: Share = 1
    gpus: Share = 0  # 0.5: two jobs share a GPU
    memory_gb: Gibibytes | None = None  # null: no condition
