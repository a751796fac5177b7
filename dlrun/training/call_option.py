"""Call an option's function, which may be the user's own."""

from __future__ import annotations

from typing import Any

from dlrun.configuration.schema.catalog import Catalog
from dlrun.configuration.schema.user_code import lines_of, tell
from dlrun.errors import ConfigError, DlrunError, Problem
from dlrun.training.out_of_memory import telling_of_memory


def call_option(catalog: Catalog, group: str, name: str, /, *args: Any, **fields: Any) -> Any:
    """Call an option's function; an error inside it becomes a ConfigError that names the option.

    Any error of the user's own file does, and says in which line it is.
    """
    function = catalog.load(group, name)
    try:
        with telling_of_memory(group, name, fields):
            return function(*args, **fields)
    except Exception as error:
        expected = isinstance(error, TypeError | ValueError | RuntimeError) or lines_of(error, catalog.plugins)
        if isinstance(error, DlrunError) or not expected:
            raise
        what = f"Building it failed: {tell(error, catalog.plugins)}"
        raise ConfigError(Problem(f"{group}={name}", what, id="build-failed")) from error
