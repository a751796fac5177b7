"""The verbs that tell what there is: ls, show, cat, cp, env. None of them but env imports torch."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from dlrun.cli.command import Command
from dlrun.cli.context import catalog_of, points_of
from dlrun.configuration import recipe, safe_yaml
from dlrun.configuration.schema import groups as schema
from dlrun.configuration.schema.fields import describe
from dlrun.configuration.schema.groups import GROUPS
from dlrun.errors import ConfigError, Problem, did_you_mean
from dlrun.wording import printable
from dlrun.wording import show as shown


def ls(command: Command) -> int:
    """`dlrun ls [GROUP]`."""
    from dlrun.report.tables import print_table

    catalog = catalog_of(command)
    wanted = command.words[0] if command.words else None
    if len(command.words) > 1:
        raise ConfigError(Problem(" ".join(command.words), "Expected one group."))
    if wanted is None:
        rows = [
            {"group": name, "summary": group.summary, "options": catalog.names(name)} for name, group in GROUPS.items()
        ]
        rows.append({"group": "recipe", "summary": "whole runs, ready to train", "options": recipe.names()})
        if command.has("json"):
            return _json(rows)
        print_table(
            ["group", "what it is", "options"],
            [[str(row["group"]), str(row["summary"]), ", ".join(row["options"])] for row in rows],
        )
        return 0
    if wanted == "recipe":
        described = [_recipe_row(name) for name in recipe.names()]
        if command.has("json"):
            return _json(described)
        print_table(
            ["recipe", "what it is", "promises"], [[row["recipe"], row["title"], row["promise"]] for row in described]
        )
        return 0
    if wanted not in GROUPS:
        raise ConfigError(
            Problem(f"ls {printable(wanted)}", f"There is no such group. {did_you_mean(wanted, [*GROUPS, 'recipe'])}")
        )
    options = [catalog.option(wanted, name) for name in catalog.names(wanted)]
    if command.has("json"):
        return _json([_option(option) for option in options])
    print_table(
        [wanted, "what it is", "fields"],
        [[option.name, option.summary, ", ".join(option.fields)] for option in options],
    )
    return 0


def _recipe_row(name: str) -> dict[str, Any]:
    about = safe_yaml.read(schema.resource_dir("recipes") / f"{name}.yaml").get("recipe", {})
    expect = about.get("expect", {})
    promise = ", ".join(f"{metric} {low:g} to {high:g}" for metric, (low, high) in expect.items())
    return {
        "recipe": name,
        "title": about.get("title", ""),
        "source": about.get("source", ""),
        "command": about.get("command", ""),
        "promise": promise,
        "expect": expect,
    }


def _option(option: schema.Option) -> dict[str, Any]:
    return {
        "name": option.name,
        "summary": option.summary,
        "origin": option.origin,
        "fields": [
            {"name": field.name, "type": describe(field.kind), "default": field.default, "comment": field.comment}
            for field in option.fields.values()
        ],
    }


def _json(value: Any) -> int:
    print(json.dumps(value, indent=2))  # noqa: T201
    return 0


def show(command: Command) -> int:
    """`dlrun show [KEY=VALUE ...] [--why KEY]`."""
    from dlrun.configuration.compose import compose, plan
    from dlrun.configuration.overrides import parse
    from dlrun.configuration.yaml_text import to_yaml

    catalog = catalog_of(command)
    request = parse(command.words, catalog)
    (point,) = points_of(request, catalog)
    composed = compose(plan(point, catalog), catalog, hydra_words=request.hydra)
    why = command.last("why")
    if why is not None:
        from dlrun.configuration.provenance import why as explain

        print(explain(why, composed, catalog))  # noqa: T201
        return 0
    if command.has("json"):
        return _json(composed.config.tree)
    print(to_yaml(composed.config.tree), end="")  # noqa: T201
    return 0


def cat(command: Command) -> int:
    """`dlrun cat RECIPE`."""
    if len(command.words) != 1:
        raise ConfigError(Problem("cat", "Expected a recipe's name. `dlrun ls recipe` lists them."))
    path = recipe.locate(command.words[0])
    safe_yaml.read(path)  # refuses what is not a file of data
    print(path.read_text(encoding="utf-8"), end="")  # noqa: T201
    return 0


def copy(command: Command) -> int:
    """`dlrun cp RECIPE FILE`."""
    if len(command.words) != 2:
        raise ConfigError(Problem("cp", "Expected a recipe's name and a file: dlrun cp lenet_mnist mine.yaml."))
    source, target = recipe.locate(command.words[0]), Path(command.words[1]).expanduser()
    safe_yaml.read(source)
    if target.is_dir():
        target /= source.name
    try:
        with target.open("xb") as stream:
            stream.write(source.read_bytes())
    except FileExistsError as error:
        raise ConfigError(Problem(str(target), "The file is there already; name another.")) from error
    except OSError as error:
        raise ConfigError(Problem(str(target), f"Cannot be written ({error.strerror}).")) from error
    print(f"{target}\ntrain it: dlrun recipe={target if os.sep in str(target) else f'./{target}'}")  # noqa: T201
    return 0


def env(command: Command) -> int:
    """`dlrun env`."""
    from dlrun.report.tables import print_table
    from dlrun.runs import environment

    described = environment.collect()
    if command.has("json"):
        return _json(described)
    rows = [[name, version] for name, version in described["versions"].items()]
    rows += [
        [name, value if isinstance(value, str) else shown(value)]
        for name, value in described.items()
        if name != "versions"
    ]
    print_table(["what", "value"], rows)
    return 0
