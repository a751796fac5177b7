"""`dlrun serve`: a run's model, or an exported file, behind HTTP, with a page to try it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from dlrun.cli import flags
from dlrun.cli.command import Command, usage_error
from dlrun.cli.verb import Example, Verb, Word
from dlrun.errors import Problem
from dlrun.wording import printable

if TYPE_CHECKING:
    from dlrun.runs.serving.limits import Limits
    from dlrun.runs.serving.served import Served

VERB = Verb(
    name="serve",
    usage="RUN_OR_FILE [--host HOST] [--port PORT]",
    summary="predictions over HTTP, and a page to try the model in a browser",
    words=(Word("RUN_OR_FILE", "run", "a run's folder or an exported file"),),
    overrides=True,
    own_flags=(
        flags.HOST,
        flags.PORT,
        flags.TOKEN,
        flags.MAX_ROWS,
        flags.MAX_MIB,
        flags.MAX_WAITING,
        flags.TIMEOUT,
        flags.QUIET,
        flags.PLUGIN,
        flags.CONFIG_DIR,
    ),
    details=(
        'POST /predict takes {"rows": [{COLUMN: VALUE, ...}, ...]}, {"inputs": nested numbers} or files (multipart),\n'
        'and answers {"predictions": [...]}, with what `dlrun predict` says of the same rows. /docs describes it for\n'
        "this model, /health and /metrics are for machines, and / is a page for people. Requests that come together\n"
        "are predicted together. Ctrl-C or SIGTERM finishes what is in flight. On an address that others can reach,\n"
        "requests must bring a token (Authorization: Bearer TOKEN), given by the variable DLRUN_TOKEN or by --token,\n"
        'which other users of this machine can read. It needs an extra: pip install "dlrun[serve]".'
    ),
    examples=(
        Example("dlrun serve outputs/run", "on this machine alone: http://127.0.0.1:8000/"),
        Example("dlrun serve outputs/run --port 0 --max-rows 100 --timeout 5", "any free port, smaller requests"),
    ),
    exit_codes=(0, 2, 3, 5, 130, 143),
)


def run(command: Command) -> int:
    """Serve until a signal comes."""
    from dlrun.runs.serving import server

    server.require_packages()
    host = command.value(flags.HOST) or "127.0.0.1"
    token = server.token_of(command.value(flags.TOKEN), host)
    port = command.value(flags.PORT)
    listening = server.bound_socket(host, 8000 if port is None else port)
    with listening:
        limits, model = _limits(command), _model(command)

        from dlrun.report.pages.serving.page import pages
        from dlrun.runs.serving.app import make_app

        def tell(text: str) -> None:
            print(f"dlrun: {printable(text, limit=500)}", file=sys.stderr)

        app = make_app(model, limits, pages=pages(), hosts=server.local_hosts(host), token=token, tell=tell)
        if not command.has(flags.QUIET):
            tell(f"serving {model.about['file']['name']} on {server.address_of(listening)} (Ctrl-C ends)")
        server.listen(app, listening, limits, tell=tell)
    return 0


def _limits(command: Command) -> Limits:
    from dlrun.runs.serving.limits import Limits

    usual = Limits()
    rows, mib = command.value(flags.MAX_ROWS), command.value(flags.MAX_MIB)
    timeout_s, waiting = command.value(flags.TIMEOUT), command.value(flags.MAX_WAITING)
    return Limits(
        rows=rows or usual.rows,
        mib=mib or usual.mib,
        timeout_s=timeout_s or usual.timeout_s,
        waiting=waiting or usual.waiting,
    )


def _model(command: Command) -> Served:
    """The run's best checkpoint, or the exported file."""
    path = Path(command.words[0]).expanduser()
    shown = printable(str(path), limit=500)
    if path.is_file():
        from dlrun.runs.export.opened import open_exported
        from dlrun.runs.serving.served import ServedFile

        if command.overrides:
            raise usage_error(Problem(shown, "An exported file takes no KEY=VALUE; a run does."))
        return ServedFile(open_exported(path))
    from dlrun.cli.saved_run import open_run

    config, catalog, folder = open_run(command)

    from dlrun.runs.loaded_run import load_run
    from dlrun.runs.serving.served import ServedRun

    return ServedRun(load_run(config, catalog, folder), name=printable(folder.resolve().name))
