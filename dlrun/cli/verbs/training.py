"""The verbs that build a run: train (one or a sweep), check, resume, eval."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dlrun import wording as figures
from dlrun.cli.command import Command
from dlrun.cli.context import catalog_of, of_run, points_of, run_folder
from dlrun.cli.running import run_one
from dlrun.configuration.compose import compose, plan
from dlrun.configuration.overrides import parse
from dlrun.errors import ConfigError, Problem
from dlrun.report import lines as words
from dlrun.wording import printable


def train(command: Command) -> int:
    """`dlrun [train] [KEY=VALUE ...]`, and `-m`."""
    if command.hydra_flags:
        from dlrun.cli.hydra_flags import hand_to_hydra

        return hand_to_hydra(command)
    catalog = catalog_of(command)
    request = parse(command.words, catalog, multirun=command.has("multirun"))
    asked = points_of(request, catalog)
    if command.has("multirun"):
        from dlrun.cli.verbs.sweeping import sweep

        return sweep(command, request, asked, catalog)
    (point,) = asked
    composed = compose(plan(point, catalog), catalog, hydra_words=request.hydra)
    result, folder = run_one(
        composed,
        catalog,
        Path(composed.run_dir),
        asked=composed.run_dir_asked,
        quiet=command.has("quiet"),
        profile=command.has("profile"),
    )
    _show_result(result, folder, command)
    return 0


def _show_result(result: Mapping[str, Any], folder: Path, command: Command) -> None:
    from dlrun.report.tables import print_table

    if command.has("json"):
        print(json.dumps({**result, "run_dir": str(folder)}, indent=2))  # noqa: T201
        return
    if result["status"] == "interrupted":
        print(f"dlrun: {result['error']}", file=sys.stderr)  # noqa: T201
    else:
        print_table(*words.result_table(result), right=(1, 2))
    if command.has("profile"):
        from dlrun.report.profile import table

        print()  # noqa: T201
        print_table(*table(json.loads((folder / "profile.json").read_text())), right=(1, 2))
    if not command.has("quiet"):
        written = "config.yaml, metrics.jsonl, result.json, checkpoints/"
        written += ", profile.json, trace.json" if command.has("profile") else ""
        print(f"\nin {folder}: {written}", file=sys.stderr)  # noqa: T201
        print(f"next: dlrun eval {folder} · dlrun resume {folder} trainer.epochs=... · dlrun runs", file=sys.stderr)  # noqa: T201


def check(command: Command) -> int:
    """`dlrun check`: everything wrong with a run, or with every point of a sweep, without training."""
    from dlrun.training.build import build_components

    catalog = catalog_of(command)
    request = parse(command.words, catalog, multirun=command.has("multirun"))
    asked = points_of(request, catalog)
    problems = []
    for point in asked:
        composed = compose(plan(point, catalog), catalog, hydra_words=request.hydra)
        try:
            parts = build_components(composed.config, catalog)
        except ConfigError as error:
            problems += error.problems or [Problem("configuration", str(error))]
            continue
        if len(asked) == 1:
            print(f"data    {parts.data.name}: {parts.data.spec.describe()}")  # noqa: T201
            for notice in parts.data.notices:
                print(f"        {notice}")  # noqa: T201
            print(f"model   {composed.config.model.name}, {figures.count(parts.num_parameters)} parameters")  # noqa: T201
    if problems:
        raise ConfigError(problems)
    print("Nothing is wrong." if len(asked) == 1 else f"Nothing is wrong with any of {len(asked)} points.")  # noqa: T201
    return 0


def resume(command: Command) -> int:
    """`dlrun resume RUN_DIR [KEY=VALUE ...]`."""
    folder = run_folder(command)
    catalog = catalog_of(command)
    composed = of_run(folder, ["resume=must", *command.words[1:]], catalog)
    result, folder = run_one(
        composed, catalog, folder, asked=True, quiet=command.has("quiet"), profile=command.has("profile")
    )
    _show_result(result, folder, command)
    return 0


def evaluate(command: Command) -> int:
    """`dlrun eval RUN_DIR [--split test]`."""
    from dlrun.report.tables import print_table
    from dlrun.runs.run import evaluate_run

    folder = run_folder(command)
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
            [[name.split("/", 1)[1], figures.number(value)] for name, value in metrics.items()],
            right=(1,),
        )
    return 0
