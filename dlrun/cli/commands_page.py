"""The reference of all commands as Markdown, made from the verbs' records.

`python -m dlrun.cli.commands_page > docs/commands.md` writes the page, and `... table` prints the table of the README.
"""

from __future__ import annotations

import sys

from dlrun.cli import flags, verbs
from dlrun.cli.help_pages import EXIT_CODES, OVERRIDES, OVERRIDES_MEANING, described
from dlrun.cli.verb import Verb


def commands_table(*, link: bool = False) -> str:
    """One row per command: its usage and what it does."""
    lines = ["| command | does |", "|---|---|"]
    for verb in verbs.every_verb():
        usage = " or ".join(f"`{line}`" for line in verb.usages)
        lines.append(f"| {f'[{usage}](#dlrun-{verb.name})' if link else usage} | {verb.summary} |")
    return "\n".join(lines)


def page() -> str:
    """The whole of `docs/commands.md`."""
    codes = "\n".join(f"| {code} | {meaning} |" for code, meaning in EXIT_CODES.items())
    sections = [
        "# Commands",
        "<!-- Made by `python -m dlrun.cli.commands_page > docs/commands.md`; do not edit. -->",
        "`dlrun COMMAND --help` shows the section of one command. Flags may come before or after the command and its\n"
        "words; a flag's value follows it, or `=`. A command refuses flags and words that it does not have.\n"
        "A test runs every example.",
        commands_table(link=True),
        "Every command also has:",
        "\n".join(f"- `{flag.spelling}`: {described(flag)}" for flag in flags.EVERYWHERE),
        f"| exit code | meaning |\n|---|---|\n{codes}",
        *(_section(verb) for verb in verbs.every_verb()),
    ]
    return "\n\n".join(sections) + "\n"


def _section(verb: Verb) -> str:
    """One command: usage, words, flags and examples."""
    parts = [f"## dlrun {verb.name}", f"{verb.summary[0].upper()}{verb.summary[1:]}."]
    parts += [verb.details] if verb.details else []
    parts.append("```\n" + "\n".join(verb.usages) + "\n```")
    rows = [f"- `{word.metavar}`: {word.meaning}" for word in verb.words]
    rows += [f"- `{OVERRIDES}`: {OVERRIDES_MEANING}"] if verb.overrides else []
    rows += [f"- `{flag.spelling}`: {described(flag)}" for flag in verb.own_flags]
    parts += ["\n".join(rows)] if rows else []
    parts.append("```\n" + "\n".join(f"# {each.meaning}\n{each.line}" for each in verb.examples) + "\n```")
    parts.append(f"Exit codes: {', '.join(map(str, verb.exit_codes))}.")
    return "\n\n".join(parts)


def main(words: list[str]) -> None:
    """Print the page, or with the word `table` the table alone."""
    sys.stdout.write(f"{commands_table()}\n" if words == ["table"] else page())


if __name__ == "__main__":
    main(sys.argv[1:])
