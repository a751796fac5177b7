"""Hydra's own flags: dlrun checks the command line and passes it to Hydra as plain overrides."""

from __future__ import annotations

import sys
from typing import Any

from dlrun.cli import flags
from dlrun.cli.command import Command
from dlrun.cli.context import make_catalog
from dlrun.cli.flags import Flag
from dlrun.configuration.compose import register_defaults
from dlrun.configuration.overrides import parse_overrides
from dlrun.configuration.plan import plan_runs
from dlrun.configuration.schema.groups import resource_dir


def is_for_hydra(command: Command) -> bool:
    """Whether Hydra answers the command line instead of dlrun."""
    return any(command.has(flag) for flag in flags.HYDRA if flag is not flags.RUN)


def answer_with_hydra(command: Command) -> int:
    """Let Hydra answer `--cfg`, `--info`, `--hydra-help` and `--shell-completion`."""
    import hydra

    catalog = make_catalog(command)
    request = parse_overrides(command.overrides, catalog)
    (plan,) = plan_runs(request, catalog)
    own = (flags.CFG, flags.INFO)  # what dlrun's own configuration answers; another need not have its groups
    is_own = any(map(command.has, own)) and not any(map(command.has, (flags.CONFIG_PATH, flags.CONFIG_NAME)))
    choices = plan.choices_with_defaults(catalog) if is_own else plan.choices()
    register_defaults(choices, catalog)
    words = [word for flag in flags.HYDRA if command.has(flag) for word in _words(command, flag)]
    words += [word for path in catalog.config_dirs for word in (flags.CONFIG_DIR.name, str(path))]
    before = sys.argv
    sys.argv = ["dlrun", *words, *plan.hydra_overrides(choices), *request.hydra]
    try:
        hydra.main(version_base="1.3", config_path=str(resource_dir("conf").resolve()), config_name="config")(
            _never_called
        )()
    except SystemExit as done:  # Hydra leaves by itself after some answers
        return done.code if isinstance(done.code, int) else 0
    finally:
        sys.argv = before
    return 0


def _words(command: Command, flag: Flag[str]) -> list[str]:
    return [flag.name] if flag.is_switch else [flag.name, command.value(flag) or ""]


def _never_called(config: Any) -> None:
    raise AssertionError(f"Hydra ran a job where it was asked for information: {config}")
