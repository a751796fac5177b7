"""Whether a machine of a cluster has what the points of a sweep need: found out there, before the first point.

What it must share with the machine of the sweep: the sweep's folder, with file locks; the folder in which the sweep was
started; Python, dlrun and the packages that decide bytes; plugins; and the files that the configurations name.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import platform
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path

from dlrun.configuration.plan import Plan
from dlrun.configuration.schema.catalog import Catalog
from dlrun.data.files.named import check_plans
from dlrun.errors import ConfigError, DlrunError, Problem
from dlrun.runs.environment import NUMERIC_PACKAGES
from dlrun.storage.atomic import storage_error
from dlrun.version import __version__
from dlrun.wording import printable

_SOURCE = "the code of dlrun"
_PACKAGE = Path(__file__).parents[4]


@dataclass(frozen=True)
class Needs:
    """What the points of a sweep need, as seen from where it was started; plain data, so that it can be pickled."""

    cwd: Path
    folder: Path
    plans: Sequence[Plan]
    plugins: Mapping[Path, str] = field(default_factory=dict)  # each with its digest
    config_dirs: Sequence[Path] = ()

    @classmethod
    def of_sweep(cls, folder: Path, plans: Sequence[Plan], catalog: Catalog) -> Needs:
        """Return what a sweep that is started here needs."""
        plugins = {path: _digest([path]) for path in catalog.plugins}
        return cls(Path.cwd(), folder, plans, plugins, catalog.config_dirs)


@dataclass(frozen=True)
class Probe:
    """Looks at the machine that it is called on; plain data, so that it can be pickled. It imports no torch."""

    needs: Needs
    token_file: Path
    token: str

    def __call__(self) -> Findings:
        """Return what was found; no error leaves it but a defect."""
        return Findings(platform.node(), tuple(self._problems()), versions())

    def _problems(self) -> list[str]:
        """Return what is missing, in words; without the folders nothing else is looked for."""
        try:
            found = self.token_file.read_text()
            with self.token_file.open("a") as stream:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except FileNotFoundError:
            return [f"{self.needs.folder}: the sweep's folder is not on a file system that it shares."]
        except OSError as error:
            return [f"{self.token_file}: cannot be read, written and locked: {error}"]
        if found != self.token:
            return [f"{self.token_file}: it has another file of this name: the folder is not shared."]
        try:
            os.chdir(self.needs.cwd)
        except OSError as error:
            return [f"{self.needs.cwd}: the folder in which the sweep was started is not there: {error}"]
        return [*self._code_problems(), *self._data_problems()]

    def _code_problems(self) -> list[str]:
        wrong = [
            f"{path}: this folder of --config-dir is not there." for path in self.needs.config_dirs if not path.is_dir()
        ]
        for path, digest in self.needs.plugins.items():
            if not path.is_file():
                wrong.append(f"{path}: this plugin is not there.")
            elif _digest([path]) != digest:
                wrong.append(f"{path}: this plugin has other content there.")
        return wrong

    def _data_problems(self) -> list[str]:
        plugins = [path for path in self.needs.plugins if path.is_file()]
        try:
            check_plans(self.needs.plans, Catalog(plugins=plugins, config_dirs=self.needs.config_dirs))
        except DlrunError as error:
            return str(error).splitlines()
        return []


@dataclass(frozen=True)
class Findings:
    """What a probe found on a machine."""

    node: str
    problems: Sequence[str]
    versions: Mapping[str, str]


def versions() -> dict[str, str]:
    """Return what this machine has of that by which points may come out differently. Imports no torch."""
    sources = sorted(_PACKAGE.rglob("*.py"))
    found = {"python": platform.python_version(), "dlrun": __version__, _SOURCE: _digest(sources)[:12]}
    for name in ("torch", *NUMERIC_PACKAGES):
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found


def _digest(paths: Sequence[Path]) -> str:
    digest = hashlib.sha256()
    for path in paths:
        content = path.read_bytes()
        digest.update(f"{path.name} {len(content)}\n".encode() + content)
    return digest.hexdigest()


def make_probe(needs: Needs, folder: Path) -> Probe:
    """Return a probe, after writing the file that it looks for into `folder`.

    Raises StorageError if the file cannot be written.
    """
    token, path = secrets.token_hex(8), folder / "probe"
    try:
        path.write_text(token)
    except OSError as error:
        raise storage_error(path, error) from error
    return Probe(needs, path, token)


def check_findings(found: Sequence[Findings], *, where: str) -> None:
    """Raise ConfigError if a machine lacks something, or has other versions than this one.

    where: the setting that chose the machines, such as launch.engine=ray.
    """
    here, problems = versions(), []
    for each in found:
        different = [
            f"{name}: {each.versions.get(name, 'not installed')} there, {version} here."
            for name, version in here.items()
            if each.versions.get(name, "not installed") != version
        ]
        hint = "Points would come out differently: use the same environment on both." if different else ""
        lines = [*each.problems, *different, *([hint] if hint else [])]
        if lines:
            problems.append(
                Problem(where, f"On {printable(each.node)}:\n        " + "\n        ".join(lines), "cluster")
            )
    if problems:
        which = "A machine" if len(problems) == 1 else f"{len(problems)} machines"
        title = f"{which} of the cluster cannot run the points"
        raise ConfigError(problems, title=title)
