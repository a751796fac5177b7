"""Libraries that only some kinds of data need: imported when such data is read, and not before."""

from __future__ import annotations

import importlib
import os
from typing import Any

from dlrun.errors import ConfigError, Problem


def need(module: str, *, extra: str) -> Any:
    """Import a library that comes with an extra.

    Raises ConfigError that says what to install.
    """
    try:
        if module.partition(".")[0] == "pyarrow":  # its own pool keeps what it freed
            os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
        return importlib.import_module(module)
    except ImportError as error:
        package = module.partition(".")[0]
        what = f'This needs {package}, which is not installed: pip install "dlrun[{extra}]".'
        raise ConfigError(Problem(package, what)) from error
