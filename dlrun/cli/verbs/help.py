"""`dlrun help`: the page of all commands, or of one; `--help` leads here too."""

from __future__ import annotations

from dlrun.cli import verbs
from dlrun.cli.command import Command, usage_error
from dlrun.cli.verb import Example, Verb, Word
from dlrun.errors import Problem, did_you_mean
from dlrun.wording import printable

VERB = Verb(
    name="help",
    usage="[COMMAND]",
    summary="show all commands, or one with its flags and examples; --help does the same",
    words=(Word("COMMAND", "verb", "at most one command", least=0),),
    examples=(
        Example("dlrun help", "all commands, groups and exit codes"),
        Example("dlrun help predict", "the same page as `dlrun predict --help`"),
    ),
)


def run(command: Command) -> int:
    """Print a help page; raises ConfigError for an unknown command."""
    from dlrun.cli import help_pages

    if not command.words:
        print(help_pages.general_page())
        return 0
    name = command.words[0]
    if name not in verbs.NAMES:
        hint = did_you_mean(name, verbs.NAMES)
        raise usage_error(Problem(f"help {printable(name)}", f"There is no such command. {hint}"))
    print(help_pages.verb_page(verbs.verb(name)))
    return 0
