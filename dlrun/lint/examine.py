"""Examine a run, or every point of a sweep: build it as training would, then apply the rules."""

from __future__ import annotations

import dataclasses
import json
import time
from dataclasses import dataclass, field

from dlrun.configuration.compose import Composed
from dlrun.configuration.run_config import RunConfig
from dlrun.configuration.schema.catalog import Catalog
from dlrun.configuration.sharing import find_too_small_batches
from dlrun.errors import ConfigError, DataError
from dlrun.lint.finding import Finding, errors_in, found
from dlrun.lint.rules import every_rule
from dlrun.lint.subject import Measured, Subject
from dlrun.optim.device import Device
from dlrun.tasks.draws import own_draws
from dlrun.training.build import Components, build_components
from dlrun.training.loading import Given, Loaded, load_data


@dataclass(frozen=True)
class Examined:
    """One run that was examined: what it describes, None where it cannot be built, and everything found.

    build_s: seconds that loading the data and building the model took.
    """

    components: Components | None
    findings: list[Finding]
    build_s: float = 0.0


@dataclass
class Examiner:
    """Examines runs one after another; data is loaded once for all that have the same."""

    catalog: Catalog
    deep: bool = False
    _loaded: dict[str, tuple[Loaded, float]] = field(default_factory=dict)  # with the seconds that it took
    _measured: Measured = field(default_factory=dict)

    def examine(self, composed: Composed) -> Examined:
        """Build a run as training would, and apply the rules."""
        started, loaded = time.perf_counter(), list(self._loaded)
        try:
            components = build_components(composed.config, self.catalog, Given(self._load))
            _check_processes(components)
        except (ConfigError, DataError) as error:
            return Examined(None, errors_in(error))
        seconds = time.perf_counter() - started
        if list(self._loaded) == loaded:  # the data was there already; a run of its own loads it
            seconds += next(iter(self._loaded.values()))[1]
        findings = self._apply_rules(Subject(composed, components, self.catalog, self._measured))
        return Examined(components, findings, seconds)

    def _apply_rules(self, subject: Subject) -> list[Finding]:
        findings = []
        with own_draws():
            for rule in every_rule():
                if rule.deep and not self.deep:
                    continue
                for problem in rule.check(subject):
                    message = f"{problem.message} {rule.why}"
                    findings.append(found(dataclasses.replace(problem, id=rule.id, message=message), rule.severity))
        return findings

    def _load(self, config: RunConfig, catalog: Catalog, device: Device) -> Loaded:
        """Load data as `load_data` does, once for each dataset and device; only the last one stays in memory."""
        # `auto` fields of a dataset may depend on the model
        key = json.dumps([config.tree["dataset"], config.model.name, str(device.torch), config.trainer.workers])
        if key not in self._loaded:
            started = time.perf_counter()
            self._loaded.clear()
            self._loaded[key] = load_data(config, catalog, device), time.perf_counter() - started
        (loaded, data, decided), _ = self._loaded[key]
        return config.with_dataset_of(loaded), data, decided


def _check_processes(components: Components) -> None:
    """Raise ConfigError if the processes that are to train, of which only this one builds, cannot share a batch."""
    if problems := find_too_small_batches(components.config.with_processes(components.asked_processes).tree):
        raise ConfigError(problems)
