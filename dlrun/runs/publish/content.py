"""The files of a published run, made from its best checkpoint, its result and its recipe."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors.torch

from dlrun.configuration.recipes.left_out import LeftOut
from dlrun.configuration.recipes.published import public_configuration
from dlrun.configuration.run_config import RunConfig
from dlrun.configuration.schema.catalog import Catalog, packages_of
from dlrun.configuration.yaml_text import to_yaml
from dlrun.errors import ConfigError, Problem, StorageError
from dlrun.runs.history import SavedRun
from dlrun.runs.loaded_run import LoadedRun, load_run
from dlrun.runs.lock import lock_of
from dlrun.runs.publish.card import card, num_places
from dlrun.runs.publish.facts import Facts, count_words, of_model
from dlrun.runs.share import where_to_get
from dlrun.storage.checkpoints import load_best
from dlrun.storage.published import (
    CARD,
    CONFIG,
    FORECAST,
    MODEL,
    ONNX,
    ONNX_JSON,
    RECIPE,
    RESULT,
    SAMPLES,
    WEIGHTS,
)
from dlrun.storage.reading import read_regular
from dlrun.wording import plural, printable

Tell = Callable[[str], None]
_PUBLIC = (
    "status", "metrics", "per_class", "baselines", "notices", "best", "metric_directions", "epochs", "steps", "samples",
    "seconds", "parameters", "seed",
)  # fmt: skip
"""What a published result keeps; not what quotes rows of the data or names places of the machine."""


@dataclass(frozen=True)
class Made:
    """The files of a published run by name, and what its author should know."""

    files: Mapping[str, bytes]
    notices: Sequence[str]


def check_publishable(run: SavedRun, config: RunConfig, catalog: Catalog) -> None:
    """Raise ConfigError unless a run is completed, and its configuration and plugins are those that were measured."""
    where = printable(str(run.folder))
    status = str(run.result.get("status"))
    if status != "completed":
        what = f"Only a completed run is published; this one is {printable(status)}."
        resume = f" dlrun resume {run.folder} continues it." if status in ("unfinished", "interrupted") else ""
        raise ConfigError(Problem(where, printable(what + resume, limit=500)))
    if config.sha256 != run.result.get("config_sha256"):
        what = (
            "config.yaml is not the configuration that was measured: it was edited, or another version of dlrun wrote "
            "it. Train it again, and publish that run."
        )
        raise ConfigError(Problem(where, what))
    used, now = (run.config.get("recipe") or {}).get("plugins") or {}, catalog.plugin_hashes()
    changed = sorted(name for name, digest in used.items() if now.get(name) != digest)
    if changed:
        names = printable(", ".join(changed))
        what = f"The plugin {names} has changed since this run. Train again, and publish that run."
        raise ConfigError(Problem(where, what))


def make_files(
    run: SavedRun,
    config: RunConfig,
    catalog: Catalog,
    *,
    name: str,
    repository: str | None = None,
    recipe: str | None,
    onnx: bool = False,
    rows_from: Path | None = None,
    tell: Tell = lambda text: None,
) -> Made:
    """Return the files of a published run.

    config: of the run, on the CPU in single precision if `onnx`. name: of the model. repository: OWNER/NAME, if it
    goes to a hub. recipe: the text that `dlrun share` makes; None without a promise. rows_from: as for `export_run`.
    Raises the errors of reading the run, and those of `export_run`.
    """
    loaded = load_run(config, catalog, run.folder)
    about = load_best(run.folder).values["about"]
    public, left = public_configuration(_measured(run, config), catalog)
    files: dict[str, bytes] = {
        WEIGHTS: safetensors.torch.save(dict(_weights(loaded)), metadata={"format": "pt"}),
        MODEL: _json({"step": loaded.step, "about": {key: about[key] for key in _OF_MODEL}}),
        CONFIG: to_yaml(public).encode(),
        RESULT: _json(_public_result(run)),
        **({RECIPE: recipe.encode()} if recipe is not None else {}),
        **_optional(run),
        **(_exported(run, config, catalog, rows_from, tell) if onnx else {}),
    }
    facts = Facts(
        name=name,
        repository=repository,
        model=str(config.tree["model"]["name"]),
        dataset=config.dataset.name,
        data=_data_name(config),
        where=where_to_get(public, left, run.result["dataset"]["sizes"], catalog, owner="the author"),
        result=json.loads(files[RESULT]),
        files=list(files),
        plugins=public["recipe"].get("plugins", {}),
        packages=packages_of(config.tree, catalog),
        to_set="".join(f" {each.key}=FILE" for each in left if each.is_required and _is_needed(each)),
        num_words=count_words(about["encoder"]),
        **of_model(loaded),
    )
    text = card(facts)
    files = {CARD: text.encode(), **files}
    return Made(files, _notices(facts, text, left))


_OF_MODEL = ("spec", "encoder", "dataset", "fingerprint")
"""What a published model says of the data, of what its checkpoint says."""


def _measured(run: SavedRun, config: RunConfig) -> dict[str, Any]:
    """The configuration as it was measured, whatever device reads it here."""
    return {**config.tree, "device": run.config["device"], "recipe": run.config.get("recipe") or {}}


def _weights(run: LoadedRun) -> Mapping[str, Any]:
    state = run.task.weights().state_dict()
    return {name: tensor.detach().cpu().contiguous() for name, tensor in state.items()}


def _public_result(run: SavedRun) -> dict[str, Any]:
    found = {key: run.result[key] for key in _PUBLIC if key in run.result}
    dataset = {key: run.result["dataset"][key] for key in ("name", "fingerprint", "sizes")}
    environment = {key: value for key, value in lock_of(run.result).items() if key != "auto"}
    return {**found, "dataset": dataset, "environment": environment}


def _optional(run: SavedRun) -> dict[str, bytes]:
    """What only some runs have: errors of forecasts, and a picture of the samples of the best epoch, or the last."""
    pictures = sorted((run.folder / "samples").glob("epoch-*.png"))
    best = (run.result.get("best") or {}).get("epoch")
    of_best = [path for path in pictures if best is not None and path.stem == f"epoch-{int(best):04d}"]
    found = {}
    for name, path in [(FORECAST, run.folder / FORECAST), *((SAMPLES, path) for path in (of_best or pictures)[-1:])]:
        try:
            found[name] = read_regular(path)
        except FileNotFoundError:
            continue
        except OSError as error:
            raise StorageError(f"{path}: cannot be read ({error.strerror}).") from error
    return found


def _exported(
    run: SavedRun, config: RunConfig, catalog: Catalog, rows_from: Path | None, tell: Tell
) -> dict[str, bytes]:
    from dlrun.runs.export.export import export_run

    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / ONNX
        export_run(config, catalog, run.folder, target, rows_from=rows_from, tell=tell)
        return {ONNX: target.read_bytes(), ONNX_JSON: (Path(folder) / ONNX_JSON).read_bytes()}


def _data_name(config: RunConfig) -> str:
    path = config.dataset.arguments.get("path")
    return config.dataset.name if not isinstance(path, str) else Path(path.removeprefix("example:")).name


def _is_needed(left: LeftOut) -> bool:
    return left.key.startswith("dataset.")


def _notices(facts: Facts, text: str, left: Sequence[LeftOut]) -> list[str]:
    notices = [f"left out {printable(str(each), limit=500)}" for each in left]
    if RECIPE not in facts.files:
        notices.append(f"there is no {RECIPE}, for no held-out metric was measured; {CONFIG} repeats the training")
    if facts.num_words:
        what = f"{plural(facts.num_words, 'word')}, categories, identifiers and names of columns"
        notices.append(f"{MODEL} has {what}, which predicting needs: look at them before others do")
    notices += [
        f"it needs the plugin {printable(plugin)}, which is not in the folder: give it to who uses the model"
        for plugin in facts.plugins
    ]
    notices += [f"who uses the model needs the package {printable(package)}" for package in facts.packages]
    return [*notices, f"{CARD} has {plural(num_places(text), 'place')} that only you can fill, each after AUTHOR"]


def _json(values: Any) -> bytes:
    return (json.dumps(values, indent=1, ensure_ascii=False) + "\n").encode()
