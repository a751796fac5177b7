"""The help pages: all commands, and one command. Made from the verbs' records; imports neither torch nor Hydra."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from dlrun.cli import flags, verbs
from dlrun.cli.flags import Flag
from dlrun.cli.verb import Verb

EXIT_CODES: Mapping[int, str] = {
    0: "done",
    2: "the command or the configuration is wrong",
    3: "the data is wrong or missing",
    4: "the training diverged",
    5: "a checkpoint or the disk failed",
    6: "a promise was broken",
    7: "a process of the run was lost",
    130: "stopped by Ctrl-C, after saving",
    143: "stopped by SIGTERM, after saving",
}
OVERRIDES = "[KEY=VALUE ...]"
OVERRIDES_MEANING = "overrides of the configuration, in Hydra's grammar"
_OPENING = """\
dlrun trains neural networks from configuration.

  dlrun dataset=mnist model=cnn optimizer=adam device=auto
  dlrun -m optimizer.lr=1e-2,1e-3        sweep, in Hydra's override grammar
  dlrun recipe=lenet_mnist               train a recipe"""


def general_page() -> str:
    """What `dlrun --help` prints: every command, the groups of the configuration, and the exit codes."""
    from dlrun.configuration.schema.groups import GROUPS, default_choices

    defaults = default_choices()
    commands = [(_short_usage(verb), verb.summary) for verb in verbs.every_verb()]
    groups = [(name, f"{group.summary:<42} {defaults[name]}") for name, group in GROUPS.items()]
    sections = [
        _OPENING,
        _section("Commands (`dlrun COMMAND --help` shows the flags and examples of one):", commands),
        _section("Groups (GROUP=OPTION; `dlrun ls GROUP` lists the options), with their defaults:", groups),
        _section("Flags of every command:", _flag_rows(flags.EVERYWHERE)),
        _section("Exit codes:", _exit_rows(EXIT_CODES)),
    ]
    return "\n\n".join(sections)


def verb_page(verb: Verb) -> str:
    """What `dlrun VERB --help` prints: usage, words, flags, examples and exit codes."""
    words = [(word.metavar, word.meaning) for word in verb.words]
    if verb.overrides:
        words.append((OVERRIDES, OVERRIDES_MEANING))
    usage = "\n".join(f"  {line}" for line in verb.usages)
    sections = [f"dlrun {verb.name}: {verb.summary}"]
    sections += [verb.details] if verb.details else []
    sections.append(f"Usage:\n{usage}" + ("\n\n" + _rows(words) if words else ""))
    sections.append(_section("Flags:", _flag_rows(verb.flags)))
    if verb.is_default:
        sections.append(_section("Settings of a sweep, with -m:", _sweep_rows()))
    sections.append("Examples:\n" + "\n".join(f"  # {each.meaning}\n  {each.line}" for each in verb.examples))
    sections.append(_section("Exit codes:", _exit_rows(verb.exit_codes)))
    return "\n\n".join(sections)


def _short_usage(verb: Verb) -> str:
    return verb.usages[0].removeprefix("dlrun ")


def _flag_rows(shown: Iterable[Flag[Any]]) -> list[tuple[str, str]]:
    return [(flag.spelling if flag.short else f"    {flag.spelling}", described(flag)) for flag in shown]


def described(flag: Flag[Any]) -> str:
    """A flag's line of help, with its choices, what it needs and whether it may be repeated."""
    choices = f": {', '.join(flag.choices)}" if flag.choices and flag is not flags.SHELL_COMPLETION else ""
    needs = f"; with {' or '.join(other.name for other in flag.needs)}" if flag.needs else ""
    return f"{flag.help}{choices}{needs}{'; may be repeated' if flag.repeatable else ''}"


def _sweep_rows() -> list[tuple[str, str]]:
    """How points are run and chosen, one line each."""
    from dlrun.configuration.sweeps.settings import SWEEP_GROUPS, setting_lines

    return [(f"{line.key}={line.shown}", line.meaning) for group in SWEEP_GROUPS for line in setting_lines(group)]


def _exit_rows(codes: Iterable[int]) -> list[tuple[str, str]]:
    return [(str(code), EXIT_CODES[code]) for code in codes]


def _section(title: str, rows: Sequence[tuple[str, str]]) -> str:
    return f"{title}\n{_rows(rows)}"


def _rows(rows: Sequence[tuple[str, str]]) -> str:
    """Two columns; a first cell that is too wide gets a line of its own."""
    width = max((len(first) for first, _ in rows if len(first) <= 34), default=0) + 2
    lines = []
    for first, second in rows:
        wide = len(first) > width - 2
        lines.append(f"  {first}\n  {'':<{width}}{second}" if wide else f"  {first:<{width}}{second}")
    return "\n".join(lines)
