"""Write the reference of every option's fields: one Markdown page for each group, from the comments in `conf/`.

One more page lists the rules of fields that are `auto`.

    python docs/make_reference.py FOLDER

The site's build calls it, so that a new option needs no further file (docs/decisions/022).
"""

from __future__ import annotations

import json
import re
import sys
import typing
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, is_dataclass
from pathlib import Path
from typing import Any

from dlrun.configuration.auto import RULES
from dlrun.configuration.schema.groups import GROUPS, Option, builtin_names, builtin_option, conf_files, default_choices
from dlrun.configuration.schema.signature import MISSING
from dlrun.configuration.schema.type_check import describe_type

_MANY = 3  # options that have the same field before it gets a table of its own


@dataclass(frozen=True)
class Row:
    """One line of a table of fields."""

    field: str
    values: str
    default: str
    comment: str


def write_reference(folder: Path) -> list[Path]:
    """Write a page for each group into `folder`; returns the pages."""
    folder.mkdir(parents=True, exist_ok=True)
    pages = []
    for group in GROUPS:
        page = folder / f"{group}.md"
        page.write_text(group_page(group), encoding="utf-8")
        pages.append(page)
    page = folder / "auto.md"
    page.write_text(auto_page(), encoding="utf-8")
    return [*pages, page]


def auto_page() -> str:
    """The page of fields that are `auto`: the rule of each."""
    lines = [
        "# auto",
        "",
        "A field that is `auto` is worked out once the data is known, by a rule that never measures: the same command",
        "gives the same values. A run shows them (`batch auto (32)`), writes them to `config.yaml` as numbers and to",
        "`result.json` (`auto`); `dlrun show --why KEY` tells the rule. Rules apply in this order.",
        "",
        "| field | is |",
        "|---|---|",
        *(f"| `{rule.key}` | {_cell(rule.text)} |" for rule in RULES.values()),
    ]
    return "\n".join(lines) + "\n"


def group_page(group: str) -> str:
    """The page of a group: its options, the fields that many of them share, and each option's own."""
    options = {name: builtin_option(group, name) for name in builtin_names(group)}
    rows = {name: option_rows(option) for name, option in options.items()}
    owners: dict[Row, tuple[str, ...]] = {}
    for row in dict.fromkeys(row for name in rows for row in rows[name]):
        owners[row] = tuple(name for name in rows if row in rows[name])
    lines = [f"# {group}", "", f"{GROUPS[group].summary[:1].upper()}{GROUPS[group].summary[1:]}.", ""]
    lines += [f"Choose with `{group}=OPTION`; the default is `{default_choices()[group]}`.", ""]
    lines += ["| option | what it is |", "|---|---|"]
    lines += [f"| `{name}` | {_cell(option.summary)} |" for name, option in options.items()]
    shared: dict[Row, tuple[str, ...]] = {}
    for field in dict.fromkeys(row.field for row in owners):
        common = max((row for row in owners if row.field == field), key=lambda row: len(owners[row]))
        if len(owners[common]) >= _MANY:
            shared[common] = owners[common]
    if shared:
        lines += ["", "## Shared fields", "", "An option with another default or meaning lists the field again.", ""]
        lines += _table(shared, having={row: _having(row, names, rows) for row, names in shared.items()})
    for name in options:
        own = [row for row in rows[name] if row not in shared]
        if own:
            lines += ["", f"## `{group}={name}`", "", *_table(own)]
    return "\n".join(lines) + "\n"


def _having(row: Row, names: Sequence[str], rows: Mapping[str, Sequence[Row]]) -> str:
    """The options that have a field, in words."""
    everywhere = all(any(other.field == row.field for other in each) for each in rows.values())
    return "every" if everywhere else ", ".join(f"`{name}`" for name in names)


def option_rows(option: Option) -> list[Row]:
    """The fields of an option, those inside a field too: `augment.shift`."""
    found = []
    for name, field in option.fields.items():
        key = f"{option.group}.{name}"
        if is_dataclass(field.kind):
            comments = _nested_comments(option, name)
            hints = typing.get_type_hints(field.kind, include_extras=True)
            for inner, kind in hints.items():
                value = _default(dict(field.default)[inner])
                found.append(Row(f"{key}.{inner}", describe_type(kind), value, comments.get(inner, "")))
        else:
            found.append(Row(key, describe_type(field.kind), _default(field.default), field.comment))
    return found


def _nested_comments(option: Option, name: str) -> Mapping[str, str]:
    """The comments below a key of an option's YAML file, or of the base files that it names."""
    found: dict[str, str] = {}
    for path in conf_files(option.conf) if option.conf is not None else ():
        block = re.search(rf"^{name}:.*\n((?: +.*\n?)+)", path.read_text(encoding="utf-8"), re.MULTILINE)
        for line in block[1].splitlines() if block else ():
            if match := re.match(r" +(\w+):.*?\s#\s*(.*)", line):
                found[match[1]] = match[2]
    return found


def _table(rows: Iterable[Row], *, having: Mapping[Row, str] | None = None) -> list[str]:
    """A table of fields; `having` adds a column with the options that have each."""
    lines = ["| field | values | default | meaning |", "|---|---|---|---|"]
    lines += [f"| `{r.field}` | {_cell(r.values)} | {_cell(r.default)} | {_cell(r.comment)} |" for r in rows]
    if having is None:
        return lines
    return [f"{line} {cell} |" for line, cell in zip(lines, ["options", "---", *having.values()], strict=True)]


def _default(value: Any) -> str:
    if value == MISSING:
        return "required"
    return f"`{value}`" if isinstance(value, str) and value else f"`{json.dumps(value)}`"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def main(argv: Sequence[str]) -> int:
    """Write the pages into the folder that the command line names."""
    if len(argv) != 1:
        sys.stderr.write("usage: python docs/make_reference.py FOLDER\n")
        return 2
    write_reference(Path(argv[0]))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
