"""`dlrun export`: a run's model as a file for other programs, checked against the run."""

from __future__ import annotations

from dlrun.cli import flags
from dlrun.cli.command import Command, usage_error
from dlrun.cli.notices import unless_quiet
from dlrun.cli.verb import Example, Verb, Word
from dlrun.errors import Problem
from dlrun.wording import printable

VERB = Verb(
    name="export",
    usage="RUN_DIR -o FILE [--quantize int8] [--example]",
    summary="the model as an ONNX, torch.export or ExecuTorch file, with its preprocessing",
    words=(Word("RUN_DIR", "run", "a run's folder"),),
    overrides=True,
    own_flags=(
        flags.OUTPUT,
        flags.QUANTIZE,
        flags.EXAMPLE,
        flags.ROWS,
        flags.QUIET,
        flags.PLUGIN,
        flags.CONFIG_DIR,
    ),
    details=(
        "The ending decides the format: .onnx, .pt2 (torch.export) or .pte (ExecuTorch, for phones). Scaling, filling\n"
        "of missing numbers, log-mel and probabilities are in the file; FILE.json beside it has vocabularies,\n"
        "categories, columns, shapes and classes. The file is kept only if it predicts what the run does, on rows\n"
        "of the run's own data or of --rows. Of a GAN, the generator is exported."
    ),
    examples=(
        Example("dlrun export outputs/run -o model.pt2", "a torch program, and model.pt2.json beside it"),
        Example("dlrun export outputs/run -o model.pt2 --example -q", "the same, and a program that uses it"),
        Example(
            "dlrun export outputs/run -o model.pt2 --rows new.csv", "checked on other rows, without the run's data"
        ),
    ),
    exit_codes=(0, 2, 3, 5, 6),
)


def run(command: Command) -> int:
    """Write the file and its JSON, and say how far it is from the run; with --example, print a program."""
    from dlrun.runs.export.target import CHECKED_ON, check_target, json_path

    target = command.value(flags.OUTPUT)
    if target is None:
        raise usage_error(Problem("--output", "Expected the file to write: -o FILE.onnx, FILE.pt2 or FILE.pte."))
    check_target(target, quantize=command.has(flags.QUANTIZE))

    from dlrun.cli.saved_run import open_run

    config, catalog, folder = open_run(command, more=CHECKED_ON)

    from dlrun.runs.export.example import example_program
    from dlrun.runs.export.export import export_run

    tell = unless_quiet(command)
    exported = export_run(
        config,
        catalog,
        folder,
        target,
        rows_from=command.value(flags.ROWS),
        quantize=command.has(flags.QUANTIZE),
        tell=tell,
    )
    written = f"{printable(str(target), limit=500)} and {printable(json_path(target).name)}"
    if command.has(flags.EXAMPLE):
        tell(written)
        print(example_program(exported.about), end="")
    else:
        print(written)
    return 0
