"""Hydra's own flags: the configuration is checked and handed to Hydra's command line as plain overrides."""

from __future__ import annotations

import sys
from typing import Any

from dlrun.cli.command import Command
from dlrun.cli.context import catalog_of
from dlrun.configuration.overrides import parse_overrides
from dlrun.configuration.plan import plan_runs
from dlrun.configuration.schema import groups as schema


def hand_to_hydra(command: Command) -> int:
    """Let Hydra answer `--cfg`, `--info`, `--hydra-help` and shell completion."""
    import hydra

    catalog = catalog_of(command)
    request = parse_overrides(command.words, catalog, multirun=command.has("multirun"))
    (plan, *_) = plan_runs(request, catalog)
    flags = [word for path in catalog.config_dirs for word in ("--config-dir", str(path))]
    if command.has("multirun"):
        flags.append("--multirun")
    before = sys.argv
    sys.argv = ["dlrun", *command.hydra_flags, *flags, *plan.hydra_overrides(), *request.hydra]
    try:
        hydra.main(version_base="1.3", config_path=str(schema.resource_dir("conf").resolve()), config_name="config")(
            _never_called
        )()
    finally:
        sys.argv = before
    return 0


def _never_called(config: Any) -> None:
    raise AssertionError(f"Hydra ran a job where it was asked for information: {config}")
