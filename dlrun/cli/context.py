"""The options that a command can use."""

from __future__ import annotations

from dlrun.cli import flags
from dlrun.cli.command import Command
from dlrun.configuration.schema.catalog import Catalog


def make_catalog(command: Command) -> Catalog:
    """Return the options available to a command: dlrun's own, and those of `--plugin` and `--config-dir`."""
    return Catalog(plugins=command.values(flags.PLUGIN), config_dirs=command.values(flags.CONFIG_DIR))
