"""Overrides that may mend a mistake: each is tried on the run, so that a fix is only proposed if it works."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from dlrun.configuration.dotted import set_value
from dlrun.configuration.run_config import RunConfig, build_run_config
from dlrun.configuration.schema.catalog import Catalog
from dlrun.errors import ConfigError, DataError
from dlrun.lint.probe import PROBED, Probe, probe
from dlrun.lint.subject import Subject
from dlrun.optim.device import Device
from dlrun.training.build import build_components
from dlrun.training.loading import Given, Loaded

Change = tuple[str, Any]
"""A dotted key and its new value."""


def with_value(config: RunConfig, catalog: Catalog, change: Change) -> RunConfig:
    """Return the configuration with one value changed; the key must be a field of the chosen option."""
    key, value = change
    tree = copy.deepcopy(dict(config.tree))
    set_value(tree, key, value)
    return build_run_config(tree, catalog)


def changed(subject: Subject, change: Change) -> Subject:
    """Return the run with one value changed, built anew; the data is loaded again only if the change concerns it.

    Raises ConfigError or DataError if it cannot be built.
    """
    config = with_value(subject.components.requested, subject.catalog, change)

    def same_data(config: RunConfig, catalog: Catalog, device: Device) -> Loaded:
        return config.with_dataset_of(subject.config), subject.data, {}

    if change[0].startswith("dataset."):
        components = build_components(config, subject.catalog)
    else:
        components = build_components(config, subject.catalog, Given(same_data))
    return Subject(subject.composed, components, subject.catalog)


def has_field(subject: Subject, key: str) -> bool:
    """Return whether the chosen option of a group has a field: `model.norm`."""
    group, name = key.split(".", 1)
    return name in subject.catalog.option(group, subject.config.tree[group]["name"]).fields


def first_cure(subject: Subject, changes: Iterable[Change], is_mended: Callable[[Subject], bool]) -> str | None:
    """Return the first change that mends a mistake, as an override; None if none does.

    Changes of fields that the option does not have, or that it has already, are left out.
    """
    for key, value in changes:
        if not has_field(subject, key) or subject.value(key) == value:
            continue
        try:
            if is_mended(changed(subject, (key, value))):
                return override(key, value)
        except (ConfigError, DataError):
            continue  # what cannot be built mends nothing
    return None


def cure_of_probe(
    subject: Subject, name: str, changes: Sequence[Change], is_wrong: Callable[[Subject, Probe], bool]
) -> str | None:
    """Return the first change after which the first batch no longer shows a mistake; measured once by `name`.

    is_wrong: whether the probe of a run shows it.
    """

    def is_mended(changed: Subject) -> bool:
        found = probe(changed)
        return found is not None and not is_wrong(changed, found)

    return subject.once(name, PROBED, lambda: first_cure(subject, changes, is_mended))


def override(key: str, value: Any) -> str:
    """Return KEY=VALUE as the user types it."""
    if isinstance(value, bool):
        return f"{key}={str(value).lower()}"
    return f"{key}={value:g}" if isinstance(value, float) else f"{key}={value}"
