"""Processes that share steps too short for it."""

from __future__ import annotations

from collections.abc import Iterator

from dlrun.configuration.threads import PER_WEIGHT, Work
from dlrun.errors import Problem
from dlrun.lint.rule import Rule
from dlrun.lint.subject import Subject
from dlrun.training.work import work_of
from dlrun.wording import count

_PER_SUM = 100_000_000
_PER_SUMMED_WEIGHT = 350
"""Operations that take as long as a sum over processes by gloo: 2 ms, and 7 ns a weight. In two processes, steps of
0.6 ms with 118,282 weights took 3.1 ms, and steps of 110 ms with 1.9 million took 69 ms (docs/distributed.md)."""

_LEAST_LOSS = 1.2  # estimates are rough


def _check(subject: Subject) -> Iterator[Problem]:
    processes = subject.components.asked_processes
    if processes == 1 or not subject.components.device.is_cpu:
        return
    keys = ("dataset", "model", "loss", "device", "trainer.batch_size")
    work = subject.once(
        "work", keys, lambda: work_of(subject.task, subject.data, subject.config, subject.components.device)
    )
    if _shared(work, processes) > _LEAST_LOSS * work.total:
        what = (
            f"After each step, {count(processes)} processes sum the gradients of {count(work.weights)} weights, "
            "which is estimated to take longer than they save: one process is quicker."
        )
        yield Problem(f"device.processes={processes}", what, fix="device.processes=1")


def _shared(work: Work, processes: int) -> float:
    """A step in operations, if processes with a part of the rows each take it and all update all weights."""
    per_rows = work.total - PER_WEIGHT * work.weights
    return per_rows / processes + _PER_SUM + (PER_WEIGHT + _PER_SUMMED_WEIGHT) * work.weights


RULE = Rule(
    "slow-processes",
    "Steps of a small network are shorter than a sum over processes, which are for large steps and many machines.",
    _check,
)
