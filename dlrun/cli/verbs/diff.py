"""`dlrun diff`: what differs between two recipes or runs, by meaning. Imports no torch."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from dlrun.cli import flags
from dlrun.cli.command import Command
from dlrun.cli.verb import Example, Verb, Word
from dlrun.report.json_output import print_json
from dlrun.wording import printable, show

if TYPE_CHECKING:
    from dlrun.runs.difference import Difference

VERB = Verb(
    name="diff",
    usage="A B",
    summary="what differs between two recipes, two runs, or a recipe and a run, by meaning",
    words=(
        Word("A", "recipe", "a recipe's name or file, or a run's folder"),
        Word("B", "recipe", "another one"),
    ),
    own_flags=(flags.JSON, flags.PLUGIN, flags.CONFIG_DIR),
    details=(
        "Configurations are compared with their defaults filled in; a field that was auto is what its rule made of\n"
        "it. Promises, locks and data are compared where both have them. `dlrun compare` shows the metrics of runs."
    ),
    examples=(
        Example("dlrun diff mlp_digits rnn_digits", "two recipes"),
        Example("dlrun diff outputs/run outputs/other --json", "two runs, as JSON"),
        Example("dlrun diff outputs/shared.yaml outputs/run", "a recipe and the run that it was made of"),
    ),
)


def run(command: Command) -> int:
    """Print what differs; raises ConfigError if a word names neither a recipe nor a run."""
    from dlrun.cli.context import make_catalog
    from dlrun.report.tables import print_table
    from dlrun.runs.difference import difference, read_side

    catalog = make_catalog(command)
    first, second = (read_side(word, catalog) for word in command.words)
    found = difference(first, second, catalog)
    if command.has(flags.JSON):
        print_json({"a": command.words[0], "b": command.words[1], **found.state()})
        return 0
    for letter, word in zip("AB", command.words, strict=True):
        print(f"{letter}: {printable(word, limit=500)}")
    if found.is_none:
        print("Nothing differs.")
    else:
        print()
        print_table(["", "A", "B"], list(_rows(found)))
    for name, side in found.only.items():
        print(f"Only {'AB'[side]} has a {name}.")
    return 0


def _rows(found: Difference) -> Iterator[list[str]]:
    """A row for each difference: options that were replaced first."""
    for group, options in found.replaced.items():
        yield [group, *map(_option, options)]
    for key, values in found.configuration.items():
        yield [key, *map(_value, values)]
    for metric, bounds in found.promise.items():
        yield [f"promise {metric.removeprefix('expect.')}", *map(_value, bounds)]
    for name, part in (("lock", found.lock), ("data", found.data)):
        for key, values in part.items():
            yield [f"{name} {key}", *map(_value, values)]


def _option(node: dict[str, Any]) -> str:
    """An option with the fields that are not its defaults: mlp (hidden: [64])."""
    fields = ", ".join(f"{key}: {_value(value)}" for key, value in node.items() if key != "name")
    name = _value(node["name"]) if isinstance(node["name"], str) else f"[{', '.join(node['name'])}]"
    return f"{name} ({fields})" if fields else name


def _value(value: Any) -> str:
    if isinstance(value, dict) and list(value) == ["auto"]:
        return f"auto ({show(value['auto'])})"
    return value if isinstance(value, str) else show(value)
