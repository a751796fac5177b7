"""The verb that answers for new rows: predict."""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

from dlrun.cli.command import Command
from dlrun.cli.context import catalog_of, of_run
from dlrun.errors import ConfigError, Problem
from dlrun.wording import printable


def predict(command: Command) -> int:
    """`dlrun predict RUN_DIR INPUT [-o FILE] [--probabilities] [--top N] [KEY=VALUE ...]`, or `--prompt TEXT`."""
    from dlrun.report import predictions
    from dlrun.runs import predict as predicting

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
        length = _number("--length", command.last("length")) or 200
        temperature = _temperature(command.last("temperature"))
        config = composed.config
        text = predicting.continue_prompt(config, catalog, folder, prompt, length=length, temperature=temperature)
        print(text)  # noqa: T201
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
        top=_number("--top", command.last("top")),
        warn=lambda text: print(f"notice: {text}", file=sys.stderr),  # noqa: T201
    )
    if path is None:
        with tempfile.TemporaryFile("w+", encoding="utf-8", newline="") as whole:  # all rows, or an error and none
            whole.writelines(predictions.as_csv(found))
            whole.seek(0)
            shutil.copyfileobj(whole, sys.stdout)
        return 0
    rows = predictions.write(path, found)
    if not command.has("quiet"):
        print(f"{rows:,} predictions in {printable(str(path))}", file=sys.stderr)  # noqa: T201
    return 0


def _temperature(text: str | None) -> float:
    try:
        value = 0.8 if text is None else float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 100:
        raise ConfigError(Problem(f"--temperature {printable(str(text))}", "Expected a number from 0 to 100."))
    return value


def _number(flag: str, text: str | None) -> int | None:
    if text is None:
        return None
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:9]) <= 1_000_000:
        raise ConfigError(Problem(f"{flag} {printable(text)}", "Expected a whole number from 1 to 1000000."))
    return int(text)
