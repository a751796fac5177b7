"""Packages that only some options need: imported when they are used, and not before."""

from __future__ import annotations

import importlib
import importlib.util
import os
from typing import Any

from dlrun.errors import ConfigError, Problem


def require_optional(module: str, *, extra: str, needed_by: str) -> None:
    """Raise what `import_optional` raises if a package is not installed, without importing it.

    For what another process imports.
    """
    if importlib.util.find_spec(module) is None:
        raise _not_installed(module, extra=extra, needed_by=needed_by)


def import_optional(module: str, *, extra: str, needed_by: str) -> Any:
    """Import a module of a package that comes with an extra of dlrun.

    needed_by: the key or file that needs it, as the user wrote it.
    Raises ConfigError that names what needs the package and what to install.
    """
    package = module.partition(".")[0]
    try:
        if package == "pyarrow":  # its own memory pool does not return freed memory to the system
            os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
        return importlib.import_module(module)
    except ImportError as error:
        raise _not_installed(package, extra=extra, needed_by=needed_by) from error


def _not_installed(package: str, *, extra: str, needed_by: str) -> ConfigError:
    what = f'This needs {package}, which is not installed: pip install "dlrun[{extra}]".'
    return ConfigError(Problem(needed_by, what, id="missing-package"))
