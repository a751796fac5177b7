"""Whether a run that ended is what a configuration would be trained to now: configuration, data, versions."""

from __future__ import annotations

import functools
import importlib.util
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dlrun.configuration.run_config import RunConfig
from dlrun.configuration.schema.catalog import Catalog
from dlrun.configuration.schema.fields import AUTO
from dlrun.errors import DlrunError
from dlrun.runs.lock import describe
from dlrun.storage.reading import read_regular
from dlrun.version import __version__


def requested_sha256(result: Mapping[str, Any]) -> str | None:
    """Return the hash of the configuration that a result was asked for with."""
    found = result.get("requested_sha256") or result.get("config_sha256")
    return found if isinstance(found, str) else None


def fingerprint_in(result: Mapping[str, Any]) -> str | None:
    """Return the fingerprint of the data that a result was measured on."""
    dataset = result.get("dataset")
    return dataset.get("fingerprint") if isinstance(dataset, Mapping) else None


def fingerprint_of_checkpoint(folder: Path) -> str | None:
    """Return the fingerprint of the data that a run's newest checkpoint was trained on; None if there is none."""
    checkpoints = folder / "checkpoints"
    try:
        name = (checkpoints / "last").read_text(encoding="utf-8").strip()
        about = json.loads(read_regular(checkpoints / Path(name).name / "state.json"))["about"]
        return str(about["fingerprint"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None  # resuming the run tells what is wrong with it


def changed_versions(result: Mapping[str, Any]) -> str:
    """Return how the versions that decide bytes differ from those of a result: "torch 2.12.1 → 2.13.0"; else ""."""
    return _changes(result, {"torch": torch_version(), "dlrun": __version__})


@functools.cache
def torch_version() -> str:
    """Return `torch.__version__` without importing torch, which takes a second.

    The metadata of its package may lack the end that names the build: 2.13.0, and not 2.13.0+cu130.
    """
    spec = importlib.util.find_spec("torch")
    if spec is not None and spec.origin is not None:
        text = Path(spec.origin).with_name("version.py").read_text(encoding="utf-8")
        found = re.search(r"^__version__ = '([^']+)'$", text, re.MULTILINE)
        if found is not None:
            return found.group(1)
    import torch  # a build of another kind

    return str(torch.__version__)


def changed_environment(result: Mapping[str, Any], config: RunConfig, *, threads: int | None) -> str:
    """Return how everything that bytes depend on differs here from a result; "" if nothing does. Imports torch.

    config: what would be trained here. threads: that the run may use, if it leaves them open; None: all.
    """
    import torch

    from dlrun.optim import device
    from dlrun.runs.environment import collect_numeric

    name = device.available()[0] if config.device_name == "auto" else config.device_name
    here = collect_numeric(_threads_here(result, config, threads or device.own_cores()), name)
    if name.startswith("cuda") and torch.cuda.is_available():
        here["accelerator"] = torch.cuda.get_device_name(name)
    return _changes(result, {**here, "packed": None})  # a pack may round in another way than a run by itself


def _threads_here(result: Mapping[str, Any], config: RunConfig, cores: int) -> int:
    """The threads that a run would have here. By a rule they are the result's, unless the cores decide them.

    The rule doubles them while that helps, and stops at the cores; it need not be asked again, which takes the model.
    """
    threads = config.device_settings.threads
    if threads != AUTO:
        return threads or cores
    environment = result.get("environment") or {}
    before, of_cores = environment.get("threads"), environment.get("cores")
    if not isinstance(before, int) or not isinstance(of_cores, int):
        return cores
    is_free = 2 * before <= of_cores  # the rule could have chosen more
    return before if before <= cores and (is_free or cores in (before, of_cores)) else cores


def _changes(result: Mapping[str, Any], here: Mapping[str, Any]) -> str:
    before = result.get("environment")
    found = before if isinstance(before, Mapping) else {}
    return describe({key: [found.get(key), value] for key, value in here.items() if found.get(key) != value})


class Fingerprints:
    """The fingerprints of data as it is now; each dataset of a sweep is read once, when first asked for."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._known: dict[str, str] = {}

    def of(self, config: RunConfig) -> str:
        """Return the fingerprint of a configuration's data; "" if the data cannot be read any more. Imports torch."""
        key = json.dumps(config.tree["dataset"], sort_keys=True)
        if key not in self._known:
            self._known[key] = self._read(config)
        return self._known[key]

    def _read(self, config: RunConfig) -> str:
        import torch

        from dlrun.optim.device import Device
        from dlrun.training.loading import load_data

        here = Device(torch.device("cpu"), "fp32", torch.get_num_threads())
        try:
            _, data, _ = load_data(config, self._catalog, here)
        except DlrunError:
            return ""  # the point is trained again, which tells what is wrong with the data
        return data.fingerprint
