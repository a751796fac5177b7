"""Examine a run, or every point of a sweep: build it as training would, then apply the rules."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch

from dlrun.configuration.compose import Composed
from dlrun.configuration.run_config import RunConfig
from dlrun.configuration.schema.catalog import Catalog
from dlrun.data.prepare import DataBundle
from dlrun.errors import ConfigError, DataError, Problem
from dlrun.lint.finding import DATA, Finding, found
from dlrun.lint.rules import every_rule
from dlrun.lint.subject import Measured, Subject
from dlrun.optim.device import Device
from dlrun.training.build import Components, build_components, load_data


@dataclass
class Examiner:
    """Examines runs one after another; data is loaded once for all that have the same."""

    catalog: Catalog
    deep: bool = False
    _loaded: dict[str, tuple[RunConfig, DataBundle, Mapping[str, Any]]] = field(default_factory=dict)
    _measured: Measured = field(default_factory=dict)

    def examine(self, composed: Composed) -> tuple[Components | None, list[Finding]]:
        """Return what a configuration describes, None where it cannot be built, and everything found."""
        try:
            components = build_components(composed.config, self.catalog, load=self._load)
        except ConfigError as error:
            problems = error.problems or [Problem("configuration", str(error))]
            return None, [found(problem, "error") for problem in problems]
        except DataError as error:
            return None, [Finding(DATA, "error", "dataset", str(error))]
        return components, self._apply_rules(Subject(composed, components, self.catalog, self._measured))

    def _apply_rules(self, subject: Subject) -> list[Finding]:
        findings = []
        with torch.random.fork_rng():
            for rule in every_rule():
                if rule.deep and not self.deep:
                    continue
                for problem in rule.check(subject):
                    message = f"{problem.message} {rule.why}"
                    findings.append(found(dataclasses.replace(problem, id=rule.id, message=message), "warning"))
        return findings

    def _load(
        self, config: RunConfig, catalog: Catalog, device: Device
    ) -> tuple[RunConfig, DataBundle, Mapping[str, Any]]:
        """Load data as `load_data` does, once for each dataset and device; only the last one stays in memory."""
        # `auto` fields of a dataset may depend on the model
        key = json.dumps([config.tree["dataset"], config.model.name, str(device.torch), config.trainer.workers])
        if key not in self._loaded:
            self._loaded.clear()
            self._loaded[key] = load_data(config, catalog, device)
        loaded, data, decided = self._loaded[key]
        tree = {**config.tree, "dataset": loaded.tree["dataset"]}
        return (
            dataclasses.replace(config, tree=tree, dataset=loaded.dataset, dataset_settings=loaded.dataset_settings),
            data,
            decided,
        )
