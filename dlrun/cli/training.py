"""The verbs that build a run: train (one or a sweep), check, resume, eval."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from dlrun.cli.command import Command
from dlrun.compose import Composed, check_hydra, check_request, compose, plan, points
from dlrun.compose import check as check_plan
from dlrun.errors import ConfigError, Problem
from dlrun.fields import printable
from dlrun.overrides import Point, Request, Value, parse
from dlrun.registry import Catalog
from dlrun.report import words


def catalog_of(command: Command) -> Catalog:
    """The options that this command line offers."""
    return Catalog(plugins=command.paths("plugin"), config_dirs=command.paths("config_dir"))


def train(command: Command) -> int:
    """`dlrun [train] [KEY=VALUE ...]`, and `-m`."""
    if command.hydra_flags:
        from dlrun.cli.hydra_flags import hand_to_hydra

        return hand_to_hydra(command)
    catalog = catalog_of(command)
    request = parse(command.words, catalog, multirun=command.has("multirun"))
    asked = points_of(request, catalog)
    if command.has("multirun"):
        from dlrun.cli.sweeping import sweep

        return sweep(command, request, asked, catalog)
    (point,) = asked
    composed = compose(plan(point, catalog), catalog, hydra_words=request.hydra)
    result, folder = run_one(
        composed, catalog, Path(composed.run_dir), asked=composed.run_dir_asked, quiet=command.has("quiet")
    )
    _show_result(result, folder, as_json=command.has("json"), quiet=command.has("quiet"))
    return 0


def points_of(request: Request, catalog: Catalog) -> list[Point]:
    """Every point that is asked for.

    Raises ConfigError with everything that is wrong with any of them.
    """
    problems = check_request(request, catalog)
    if problems:
        raise ConfigError(problems)
    return points(request, catalog)


def run_one(
    composed: Composed, catalog: Catalog, path: Path, *, asked: bool, quiet: bool
) -> tuple[dict[str, Any], Path]:
    """Train a composed run in a folder; returns its result and the folder it got."""
    from dlrun import run, run_dir
    from dlrun.report import watch
    from dlrun.signals import StopRequest

    with StopRequest() as stop:
        for notice in composed.notices:
            print(f"notice: {notice}", file=sys.stderr)  # noqa: T201
        claimed = run_dir.claim(path, asked=asked, resume=composed.config.resume)
        try:
            result = run.train(
                composed.config,
                catalog,
                claimed,
                stop=stop,
                watch=lambda session: watch.listeners(session, catalog, quiet=quiet),
            )
        finally:
            claimed.release()
    return result, claimed.path


def _show_result(result: Mapping[str, Any], folder: Path, *, as_json: bool, quiet: bool) -> None:
    from dlrun.report.tables import print_table

    if as_json:
        print(json.dumps({**result, "run_dir": str(folder)}, indent=2))  # noqa: T201
        return
    heads, rows = words.result_table(result)
    print_table(heads, rows, right=(1, 2))
    if not quiet:
        print(f"\nin {folder}: config.yaml, metrics.jsonl, result.json, checkpoints/", file=sys.stderr)  # noqa: T201
        print(f"next: dlrun eval {folder} · dlrun resume {folder} trainer.epochs=... · dlrun runs", file=sys.stderr)  # noqa: T201


def check(command: Command) -> int:
    """`dlrun check`: everything wrong with a run, or with every point of a sweep, without training."""
    from dlrun.run import build_parts

    catalog = catalog_of(command)
    request = parse(command.words, catalog, multirun=command.has("multirun"))
    asked = points_of(request, catalog)
    problems = []
    for point in asked:
        composed = compose(plan(point, catalog), catalog, hydra_words=request.hydra)
        try:
            parts = build_parts(composed.config, catalog)
        except ConfigError as error:
            problems += error.problems or [Problem("configuration", str(error))]
            continue
        if len(asked) == 1:
            print(f"data    {parts.data.name}: {parts.data.spec.describe()}")  # noqa: T201
            for notice in parts.data.notices:
                print(f"        {notice}")  # noqa: T201
            print(f"model   {composed.config.model.name}, {words.count(parts.num_parameters)} parameters")  # noqa: T201
    if problems:
        raise ConfigError(problems)
    print("Nothing is wrong." if len(asked) == 1 else f"Nothing is wrong with any of {len(asked)} points.")  # noqa: T201
    return 0


def of_run(folder: Path, overrides: Sequence[str], catalog: Catalog) -> Composed:
    """The configuration of an existing run, with overrides.

    Raises ConfigError when the folder holds no run, or was trained with a plugin that was not given.
    """
    if not (folder / "config.yaml").is_file():
        raise ConfigError(
            Problem(
                printable(str(folder)),
                "There is no run in this folder: it holds no config.yaml. `dlrun runs` lists runs.",
            )
        )
    request = parse(overrides, catalog)
    if any(key == "recipe" for key in request.settings):
        raise ConfigError(
            Problem("recipe=...", "A run that exists keeps its configuration; start a new one to use a recipe.")
        )
    path = str(folder / "config.yaml")
    request = dataclasses.replace(request, settings={"recipe": (Value(path, path),), **request.settings})
    (point,) = request.points()
    planned = plan(point, catalog, own=True)
    problems = [*request.problems, *check_hydra(request.hydra), *check_plan(planned, catalog)]
    if problems:
        raise ConfigError(problems)
    missing = (
        set(planned.recipe.about.get("plugins", {})) - {plugin.name for plugin in catalog.plugins}
        if planned.recipe
        else set()
    )
    if missing:
        raise ConfigError(
            Problem(str(folder), f"This run used the plugin {', '.join(sorted(missing))}: add --plugin FILE.")
        )
    return compose(planned, catalog)


def _folder(command: Command) -> Path:
    if not command.words:
        raise ConfigError(Problem(command.verb, "Expected a run's folder after it. `dlrun runs` lists runs."))
    return Path(command.words[0]).expanduser()


def resume(command: Command) -> int:
    """`dlrun resume RUN_DIR [KEY=VALUE ...]`."""
    folder = _folder(command)
    catalog = catalog_of(command)
    composed = of_run(folder, ["resume=must", *command.words[1:]], catalog)
    result, folder = run_one(composed, catalog, folder, asked=True, quiet=command.has("quiet"))
    _show_result(result, folder, as_json=command.has("json"), quiet=command.has("quiet"))
    return 0


def evaluate(command: Command) -> int:
    """`dlrun eval RUN_DIR [--split test]`."""
    from dlrun.report.tables import print_table
    from dlrun.run import evaluate_run

    folder = _folder(command)
    catalog = catalog_of(command)
    split = command.last("split") or "test"
    if split not in ("train", "val", "test"):
        raise ConfigError(Problem(f"--split {printable(split)}", "Expected train, val or test."))
    composed = of_run(folder, command.words[1:], catalog)
    metrics = evaluate_run(composed.config, catalog, folder, split=split)
    if command.has("json"):
        print(json.dumps(metrics, indent=2))  # noqa: T201
    else:
        print_table(
            ["metric", split],
            [[name.split("/", 1)[1], words.number(value)] for name, value in metrics.items()],
            right=(1,),
        )
    return 0
