"""What a rule looks at: a composed run, its data and its untrained model, with what several rules measure."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeVar

from dlrun.configuration.compose import Composed
from dlrun.configuration.run_config import RunConfig
from dlrun.configuration.schema.catalog import Catalog
from dlrun.data.loading.randomness import permutation
from dlrun.data.prepare import DataBundle
from dlrun.data.spec import Batch, DataSpec
from dlrun.tasks.copies import copy_of
from dlrun.tasks.draws import own_draws
from dlrun.tasks.task import SupervisedTask, Task
from dlrun.training.build import Components

T = TypeVar("T")

Measured = dict[tuple[str, str], Any]
"""What was measured already, by its name and the configuration that it depends on."""


@dataclass(frozen=True)
class Subject:
    """One run, built and not trained. A rule must leave the data, the task and all random states unchanged.

    measured: shared between the points of a sweep, so that each thing is measured once (`once`).
    """

    composed: Composed
    components: Components
    catalog: Catalog
    measured: Measured = field(default_factory=dict)

    @property
    def config(self) -> RunConfig:
        """The configuration, every `auto` field worked out."""
        return self.components.config

    @property
    def data(self) -> DataBundle:
        """The data, on the device."""
        return self.components.data

    @property
    def spec(self) -> DataSpec:
        """The properties of the data."""
        return self.components.data.spec

    @property
    def task(self) -> Task:
        """The task with its initial weights; do not train it, train `fresh_task()`."""
        return self.components.task

    @property
    def supervised(self) -> SupervisedTask | None:
        """The task, if a model learns from targets; None for a GAN and other tasks of their own."""
        return self.task if isinstance(self.task, SupervisedTask) else None

    def is_set(self, key: str) -> bool:
        """Return whether an override or a recipe set a key, rather than a default or a rule of `auto`."""
        return key in self.composed.origins

    def value(self, key: str) -> Any:
        """Return the value of a dotted key; None where the chosen option has no such field."""
        node: Any = self.config.tree
        for name in key.split("."):
            node = node.get(name) if isinstance(node, dict) else None
        return node

    def once(self, name: str, keys: Sequence[str], measure: Callable[[], T]) -> T:
        """Return what `measure` returns, measured once for all points that have the same values of `keys`.

        keys: groups or dotted keys. A group without the fields that do not matter is the list of those that do.
        """
        depends = json.dumps([self.value(key) for key in keys], sort_keys=True)
        if (name, depends) not in self.measured:
            self.measured[name, depends] = measure()
        found: T = self.measured[name, depends]
        return found

    @cached_property
    def batch(self) -> Batch:
        """The first batch of the first epoch, not augmented."""
        rows = permutation(len(self.data.train), seed=self.config.seed, epoch=0)[: self.config.trainer.batch_size]
        return self.data.train.fetch(rows.to(self.data.train.index_device))

    def fresh_task(self) -> Task:
        """Return a copy of the task with its initial weights, prepared for training; it may be trained.

        The preparation (`Task.prepare`) is done once for each dataset, model, loss and seed.
        """

        def prepared() -> Task:
            task = copy_of(self.task)
            with own_draws():
                task.prepare(self.data)
            return task

        return copy_of(self.once("prepared task", ("dataset", "model", "loss", "seed", "device"), prepared))


_NOT_OF_ROWS = ("augment", "baselines")


def data_keys(subject: Subject) -> list[str]:
    """Return the keys that decide a run's rows, for `Subject.once`; how they are augmented depends on the model."""
    return [f"dataset.{name}" for name in subject.config.tree["dataset"] if name not in _NOT_OF_ROWS]
