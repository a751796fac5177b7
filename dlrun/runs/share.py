"""A finished run, or a sweep over seeds, as a recipe that other people can train and verify."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dlrun.configuration import safe_yaml
from dlrun.configuration.compose import Composed, compose
from dlrun.configuration.override_text import Value, value_of
from dlrun.configuration.overrides import Point
from dlrun.configuration.plan import Plan
from dlrun.configuration.recipes.block import FORMAT
from dlrun.configuration.recipes.check import split_recipe
from dlrun.configuration.recipes.left_out import LeftOut, names_a_place, without_own
from dlrun.configuration.recipes.recipe import Recipe
from dlrun.configuration.recipes.smallest import default_values, is_same, requested_tree, smallest
from dlrun.configuration.run_config import RunConfig
from dlrun.configuration.schema.catalog import Catalog
from dlrun.configuration.schema.fields import NetworkAddress, has_mark
from dlrun.configuration.yaml_text import to_yaml
from dlrun.errors import ConfigError, Problem
from dlrun.runs.history import SavedRun
from dlrun.runs.intervals import meaning, promised
from dlrun.runs.lock import common_lock
from dlrun.wording import plural, printable

_ABOUT = ("title", "source", "notes")
_FOLDERS = ("image_folder", "audio_folder")


@dataclass(frozen=True)
class Shared:
    """A recipe made of a run.

    config: its configuration with what stayed out filled in again, as it is trained here. left_out: what stayed out.
    not_promised: held-out metrics without an interval.
    """

    block: Mapping[str, Any]
    tree: Mapping[str, Any]
    config: RunConfig
    left_out: Sequence[LeftOut]
    not_promised: Sequence[str]

    def with_losses(self, losses: Mapping[str, Sequence[float]]) -> Shared:
        """Return the same recipe with the losses of its first steps."""
        return dataclasses.replace(self, block={**self.block, "losses": dict(losses)})

    def text(self, catalog: Catalog) -> str:
        """Return the text of the recipe's file, after loading it as its receiver will.

        Raises RuntimeError, a defect of dlrun, if it is refused.
        """
        text = f"# {self.block['command']}\n{to_yaml({'recipe': dict(self.block), **self.tree})}"
        parsed = safe_yaml.parse_yaml(text.encode(), name="the recipe")
        _, _, problems = split_recipe(parsed, catalog)
        if problems:
            raise RuntimeError(f"the recipe made of this run is refused: {'; '.join(map(str, problems))}")
        return text


def share(
    composed: Composed, runs: Sequence[SavedRun], catalog: Catalog, *, name: str, with_files: bool = True
) -> Shared:
    """Return the smallest recipe of a completed run, or of several that differ only in their seeds.

    composed: the configuration of the first run. name: of the recipe's file, which its command shows. with_files: as
    for `without_own`.

    Raises ConfigError if the configuration is not the one that was measured, or a plugin has changed since.
    """
    first = runs[0]
    if composed.config.sha256 != first.result.get("config_sha256"):
        what = (
            "config.yaml is not the configuration that was measured: it was edited, or another version of dlrun wrote "
            "it. Train it again, and share that run."
        )
        raise ConfigError(Problem(printable(str(first.folder)), what))
    requested = requested_tree(composed.config.tree, first.result.get("auto") or {})
    if len(runs) > 1:
        requested["seed"] = default_values()["seed"]
    public, left = without_own(requested, catalog, with_files=with_files)
    tree = smallest(public, catalog)
    config = _compose_back(tree, left, public, catalog)
    block, texts, not_promised = _block(first.config.get("recipe") or {}, runs, public, left, catalog, name=name)
    return Shared(block, tree, config, [*left, *texts], not_promised)


def _compose_back(
    tree: Mapping[str, Any], left: Sequence[LeftOut], public: Mapping[str, Any], catalog: Catalog
) -> RunConfig:
    """Load and compose the recipe as its receiver would, and here with everything that stayed out.

    Raises RuntimeError, a defect of dlrun, if that is another configuration.
    """
    raw = to_yaml({"recipe": {"format": FORMAT}, **tree}).encode()
    parsed = safe_yaml.parse_yaml(raw, name="the recipe")
    required = {each.key: value_of(each.value) for each in left if each.is_required}
    choices, values, _ = split_recipe(parsed, catalog)
    recipe = Recipe("shared", Path("shared.yaml"), parsed["recipe"], choices, values)
    there = compose(Plan(Point(required), recipe), catalog).config
    expected = {**public, "recipe": there.tree["recipe"], "resume": there.tree["resume"]}
    for each in left:
        if each.is_required:
            group, _, field = each.key.partition(".")
            expected[group] = {**expected[group], field: each.value}
    if not is_same(expected, there.tree):
        raise RuntimeError("the recipe made of this run composes to another configuration")
    local: dict[str, Value] = {
        each.key: value_of(each.value) for each in left if each.key not in ("logger", "checkpoint")
    }
    return compose(Plan(Point(local), recipe), catalog).config


def _block(
    about: Mapping[str, Any],
    runs: Sequence[SavedRun],
    public: Mapping[str, Any],
    left: Sequence[LeftOut],
    catalog: Catalog,
    *,
    name: str,
) -> tuple[dict[str, Any], list[LeftOut], list[str]]:
    """Return the `recipe:` block without losses, texts of the run's own block that stay out, and other metrics.

    about: the run's own `recipe:` block.
    """
    first = runs[0]
    measured = {metric: [run.result["metrics"][metric] for run in runs] for metric in first.result["metrics"]}
    rows = first.result["dataset"]["sizes"]
    expect, not_promised = promised(measured, rows)
    if not expect:
        what = "This run has no held-out metric that can be promised."
        raise ConfigError(Problem(printable(str(first.folder)), what))
    texts, removed = _texts(about, public)
    plugins = about.get("plugins") or {}
    _check_plugins(first.folder, plugins, catalog)
    block: dict[str, Any] = {
        "format": FORMAT,
        **texts,
        "command": _command(name, left, plugins, public["dataset"]["name"]),
        "expect": expect,
        "meaning": meaning(len(runs)),
        "measured": {
            metric: values if len(runs) > 1 else values[0] for metric, values in measured.items() if metric in expect
        },
        **({"seeds": [run.result["seed"] for run in runs]} if len(runs) > 1 else {}),
        "lock": common_lock([run.result for run in runs]),
        "data": {
            "fingerprint": first.result["dataset"]["fingerprint"],
            "where": where_to_get(public, left, rows, catalog),
            "rows": dict(rows),
        },
    }
    return {**block, **({"plugins": dict(plugins)} if plugins else {})}, removed, not_promised


def _texts(about: Mapping[str, Any], public: Mapping[str, Any]) -> tuple[dict[str, str], list[LeftOut]]:
    """Return title, source and notes: those of the recipe that was trained, if nothing decisive was changed."""
    model, dataset = public["model"]["name"], public["dataset"]["name"]
    own = {
        "title": f"{model} on {dataset}",
        "source": "a run of dlrun; its author may say here where the architecture and its numbers come from",
    }
    if "expect" in about:
        own.update({key: about[key] for key in _ABOUT if key in about})
    elif "title" in about:
        source = f"; its source: {about['source']}" if "source" in about else ""
        own["source"] = f'after the recipe "{about["title"]}", with another seed or other changes{source}'
    private = [key for key, text in own.items() if any(map(names_a_place, text.split())) and not _is_cited(text)]
    removed = [LeftOut(f"recipe.{key}", "it contains an absolute path", own.pop(key)) for key in private]
    return own, removed


def _is_cited(text: str) -> bool:
    """Whether all that a text names are public addresses: a source may cite a paper's."""
    places = [word for word in text.split() if names_a_place(word)]
    return all(word.lstrip("(<\"'").startswith("https://") and "@" not in word for word in places)


def _check_plugins(folder: Path, used: Mapping[str, str], catalog: Catalog) -> None:
    """Raise ConfigError if a plugin is no longer what the run used."""
    now = catalog.plugin_hashes()
    changed = sorted(name for name, digest in used.items() if now.get(name) != digest)
    if changed:
        what = (
            f"The plugin {printable(', '.join(changed))} has changed since this run. Train again, and share that run."
        )
        raise ConfigError(Problem(printable(str(folder)), what))


def _command(name: str, left: Sequence[LeftOut], plugins: Mapping[str, str], dataset: str) -> str:
    """Return the command line that trains the recipe, with placeholders for what its user sets."""
    place = "FOLDER" if dataset in _FOLDERS else "FILE"
    words = [f"{each.key}={place if each.key.startswith('dataset.') else 'VALUE'}" for each in left if each.is_required]
    return " ".join(["dlrun", *(f"--plugin {plugin}" for plugin in plugins), f"recipe=./{name}", *words])


def can_promise(run: SavedRun) -> bool:
    """Return whether a run has a held-out metric that a recipe of it can promise."""
    measured = {metric: [value] for metric, value in run.result["metrics"].items()}
    return bool(promised(measured, run.result["dataset"]["sizes"])[0])


def where_to_get(
    public: Mapping[str, Any],
    left: Sequence[LeftOut],
    rows: Mapping[str, int],
    catalog: Catalog,
    *,
    owner: str = "the person who shared this recipe",
) -> str:
    """Return where to get the data, in words for its receiver. rows: by split."""
    option = catalog.option("dataset", public["dataset"]["name"])
    count = plural(sum(rows.values()), "row")
    if option.origin != "dlrun":
        return f"the {option.origin} that defines dataset={option.name} reads or makes it; {count}"
    addresses = [field.default for field in option.fields.values() if has_mark(field.kind, NetworkAddress)]
    if addresses:
        return f"dlrun downloads it from {' or '.join(addresses[0])}; {count}"
    path = next((each.value for each in left if each.key == "dataset.path"), public["dataset"].get("path"))
    if not isinstance(path, str):
        return f"comes with dlrun; {count}"
    if path.startswith("example:"):
        return f"comes with dlrun ({path}); {count}"
    return f"{Path(path).name}, {count}, of {owner}"
