"""The verb that answers for new rows: predict."""

from __future__ import annotations

import sys
from pathlib import Path

from dlrun.cli.command import Command
from dlrun.cli.training import catalog_of, of_run
from dlrun.errors import ConfigError, Problem
from dlrun.fields import printable


def predict(command: Command) -> int:
    """`dlrun predict RUN_DIR INPUT [-o FILE] [--probabilities] [--top N] [KEY=VALUE ...]`, or with `--prompt TEXT`."""
    from dlrun import predict as predicting
    from dlrun.report import predictions

    prompt = command.last("prompt")
    run_word, *words = command.words or [""]
    inputs = [] if prompt is not None else words[:1]
    if not run_word or (prompt is None and (not inputs or "=" in inputs[0])):
        what = "Expected a run's folder and a file of new rows: dlrun predict outputs/... new.csv -o predictions.csv."
        raise ConfigError(Problem("predict", what))
    folder = Path(run_word).expanduser()
    catalog = catalog_of(command)
    composed = of_run(folder, words[len(inputs) :], catalog)
    if prompt is not None:
        print(predicting.generate(composed.config, catalog, folder, prompt))  # noqa: T201
        return 0
    source = Path(inputs[0]).expanduser()
    target = command.last("output")
    path = None if target is None else predictions.check_target(Path(target).expanduser(), source)
    found = predicting.predict(
        composed.config,
        catalog,
        folder,
        source,
        probabilities=command.has("probabilities"),
        top=_number(command.last("top")),
        warn=lambda text: print(f"notice: {text}", file=sys.stderr),  # noqa: T201
    )
    if path is None:
        sys.stdout.write(predictions.as_csv(found))
        return 0
    predictions.write(path, found)
    if not command.has("quiet"):
        rows = len(next(iter(found.values())))
        print(f"{rows:,} predictions in {printable(str(path))}", file=sys.stderr)  # noqa: T201
    return 0


def _number(text: str | None) -> int | None:
    if text is None:
        return None
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:9]) <= 1_000_000:
        raise ConfigError(Problem(f"--top {printable(text)}", "Expected a whole number from 1 to 1000000."))
    return int(text)
