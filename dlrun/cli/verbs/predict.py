"""`dlrun predict`: predictions for new rows, or with `--prompt` the continuation of a text."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dlrun.cli import flags
from dlrun.cli.command import Command
from dlrun.cli.notices import tell
from dlrun.cli.verb import Example, Verb, Word
from dlrun.wording import plural, printable

if TYPE_CHECKING:
    from dlrun.configuration.run_config import RunConfig
    from dlrun.configuration.schema.catalog import Catalog

VERB = Verb(
    name="predict",
    usage="RUN_DIR INPUT [-o FILE]\nRUN_DIR [INPUT] --future\nRUN_DIR --prompt TEXT",
    summary="predictions for new rows, images, audio or texts; the future of a series",
    words=(
        Word("RUN_DIR", "run", "a run's folder"),
        Word(
            "INPUT", "file", "a file of new rows or a folder of files", unless=flags.PROMPT, optional_with=flags.FUTURE
        ),
    ),
    overrides=True,
    own_flags=(
        flags.OUTPUT,
        flags.PROBABILITIES,
        flags.TOP,
        flags.FUTURE,
        flags.INTERVAL,
        flags.PROMPT,
        flags.LENGTH,
        flags.TEMPERATURE,
        flags.JSON,
        flags.QUIET,
        flags.PLUGIN,
        flags.CONFIG_DIR,
    ),
    details=(
        "The run's folder is all that is needed: preprocessing is part of its checkpoint. -o writes .csv, .tsv,\n"
        ".jsonl or .parquet; without it, predictions are printed as CSV, or with --json as a JSON list of rows.\n"
        "--future reads the file that the run was trained on, unless INPUT is given; its interval comes from the\n"
        "errors on the run's held-out windows."
    ),
    examples=(
        Example("dlrun predict outputs/run new.csv", "predictions on standard output"),
        Example("dlrun predict outputs/run new.csv -o predictions.csv --probabilities", "a file, with probabilities"),
        Example("dlrun predict outputs/ratings users.csv --top 3", "the three best items for each user"),
        Example(
            "dlrun predict outputs/series --future --interval 0.8", "the rows after the last one, with an interval"
        ),
        Example('dlrun predict outputs/language --prompt "Everyone is" --length 20', "a language model's text"),
    ),
    exit_codes=(0, 2, 3, 5),
)


def run(command: Command) -> int:
    """Print or write the predictions."""
    from dlrun.cli.saved_run import open_run

    config, catalog, folder = open_run(command)

    from dlrun.report import predictions
    from dlrun.runs.generate import LENGTH, TEMPERATURE
    from dlrun.runs.predict import continue_prompt

    prompt = command.value(flags.PROMPT)
    if prompt is not None:
        length, temperature = command.value(flags.LENGTH), command.value(flags.TEMPERATURE)
        text = continue_prompt(
            config,
            catalog,
            folder,
            prompt,
            length=LENGTH if length is None else length,
            temperature=TEMPERATURE if temperature is None else temperature,
        )
        print(text)
        return 0
    source = Path(command.words[1]).expanduser() if len(command.words) > 1 else None
    output = command.value(flags.OUTPUT)
    target = None if output is None else predictions.check_target(output, source)
    chunks = _chunks(command, config, catalog, folder, source)
    if target is None:
        _print(chunks, as_json=command.has(flags.JSON))
        return 0
    num_rows = predictions.write(target, chunks)
    if not command.has(flags.QUIET):
        print(f"{plural(num_rows, 'prediction')} in {printable(str(target))}", file=sys.stderr)
    return 0


def _chunks(
    command: Command, config: RunConfig, catalog: Catalog, folder: Path, source: Path | None
) -> Iterable[Mapping[str, list[Any]]]:
    """The predictions, or with --future the forecast. source: None only with --future."""
    from dlrun.runs.forecast import forecast
    from dlrun.runs.predict import predict

    def warn(text: str) -> None:
        tell([text])

    if source is None or command.has(flags.FUTURE):
        level = command.value(flags.INTERVAL)
        return [forecast(config, catalog, folder, source, level=0.9 if level is None else level, warn=warn)]
    return predict(
        config,
        catalog,
        folder,
        source,
        probabilities=command.has(flags.PROBABILITIES),
        top=command.value(flags.TOP),
        warn=warn,
    )


def _print(chunks: Iterable[Mapping[str, list[Any]]], *, as_json: bool) -> None:
    """Print CSV or JSON: all rows, or none when reading them raises."""
    from dlrun.report import predictions

    with tempfile.TemporaryFile("w+", encoding="utf-8", newline="") as whole:
        whole.writelines(predictions.as_json(chunks) if as_json else predictions.as_csv(chunks))
        whole.seek(0)
        shutil.copyfileobj(whole, sys.stdout)
