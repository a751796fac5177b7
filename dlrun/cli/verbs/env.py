"""`dlrun env`: versions, devices and threads, for a bug report."""

from __future__ import annotations

from dlrun.cli import flags
from dlrun.cli.command import Command
from dlrun.cli.verb import Example, Verb
from dlrun.report.json_output import print_json

VERB = Verb(
    name="env",
    usage="",
    summary="versions, devices and threads: what a bug report needs",
    own_flags=(flags.JSON,),
    examples=(Example("dlrun env", "as a table"), Example("dlrun env --json", "as JSON")),
)


def run(command: Command) -> int:
    """Print the environment."""
    from dlrun.report.tables import print_table
    from dlrun.runs import environment
    from dlrun.wording import show

    described = environment.collect()
    if command.has(flags.JSON):
        print_json(described)
        return 0
    rows = [[name, version] for name, version in described["versions"].items()]
    rows += [
        [name, value if isinstance(value, str) else show(value)]
        for name, value in described.items()
        if name != "versions"
    ]
    print_table(["what", "value"], rows)
    return 0
