"""The words of a command line, sorted: the verb, dlrun's flags, Hydra's flags, and the rest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from dlrun.errors import ConfigError, Problem, did_you_mean
from dlrun.wording import printable

VERBS: Mapping[str, str] = {
    "train": "[KEY=VALUE ...]  train; the word may be left out; -m sweeps",
    "check": "[KEY=VALUE ...] [-m]  find everything wrong with a run without training",
    "ls": "[GROUP]  options of a group with one line each; groups and recipe; --json",
    "show": "[KEY=VALUE ...] [--why KEY]  the composed configuration, and what set a value",
    "cp": "RECIPE FILE  copy a recipe to a file of your own",
    "cat": "RECIPE  print a recipe",
    "resume": "RUN_DIR [KEY=VALUE ...]  go on exactly where a run stopped",
    "eval": "RUN_DIR [--split test]  metrics of a run's best checkpoint",
    "replay": "RUN_DIR  run the step again at which a training diverged, and show where it goes bad",
    "clean": "RUN_DIR [--keep N]  remove all checkpoints but the best and the N newest, and what kills left behind",
    "predict": "RUN_DIR INPUT [-o FILE] [--probabilities]  predictions for new rows, images or texts",
    "runs": "[DIR]  table of runs, best first; --sort METRIC, --json",
    "compare": "RUN RUN ...  what differs between runs, and what that did to the metrics",
    "env": "versions, devices, threads: what a bug report needs; --json",
}

_SWITCHES = {
    "-m": "multirun",
    "--multirun": "multirun",
    "-q": "quiet",
    "--quiet": "quiet",
    "--json": "json",
    "--debug": "debug",
    "--profile": "profile",
    "--probabilities": "probabilities",
    "-h": "help",
    "--help": "help",
    "--version": "version",
}
_TAKES = {
    "--plugin": "plugin",
    "--config-dir": "config_dir",
    "-cd": "config_dir",
    "--why": "why",
    "--split": "split",
    "--sort": "sort",
    "--keep": "keep",
    "-o": "output",
    "--output": "output",
    "--prompt": "prompt",
    "--length": "length",
    "--temperature": "temperature",
    "--top": "top",
}
_HYDRA_TAKES = (
    "--cfg",
    "-c",
    "--package",
    "-p",
    "--config-name",
    "-cn",
    "--config-path",
    "-cp",
    "--shell-completion",
    "-sc",
)
_HYDRA_OPTIONAL = ("--info", "-i")  # take a word or none
_HYDRA_SWITCHES = ("--resolve", "--hydra-help", "--run", "-r")
_INFO_KINDS = ("all", "config", "defaults", "defaults-tree", "plugins", "searchpath")


@dataclass
class Command:
    """A command line, sorted."""

    verb: str = "train"
    words: list[str] = field(default_factory=list)
    switches: set[str] = field(default_factory=set)
    values: dict[str, list[str]] = field(default_factory=dict)
    hydra_flags: list[str] = field(default_factory=list)

    def has(self, switch: str) -> bool:
        """Whether a switch was given."""
        return switch in self.switches

    def last(self, name: str) -> str | None:
        """The last value given for a flag."""
        return self.values[name][-1] if name in self.values else None

    def paths(self, name: str) -> list[Path]:
        """Every value given for a flag that names a file or folder."""
        return [Path(value).expanduser() for value in self.values.get(name, [])]


def parse(argv: Sequence[str]) -> Command:
    """Sort the words of a command line.

    Raises ConfigError for an unknown flag or verb, with the nearest known one.
    """
    command = Command()
    words = list(argv)
    plain: list[str] = []
    while words:
        word = words.pop(0)
        if not word.startswith("-") or word == "-":
            plain.append(word)
            continue
        flag, equals, value = word.partition("=")
        if flag in _SWITCHES and not equals:
            command.switches.add(_SWITCHES[flag])
        elif flag in _TAKES or flag in _HYDRA_TAKES:
            if not equals:
                if not words:
                    raise ConfigError(Problem(flag, "Expected a value after it."))
                value = words.pop(0)
            if flag in _TAKES:
                command.values.setdefault(_TAKES[flag], []).append(value)
            else:
                command.hydra_flags += [flag, value]
        elif flag in _HYDRA_OPTIONAL:
            command.hydra_flags.append(flag)
            if words and words[0] in _INFO_KINDS:
                command.hydra_flags.append(words.pop(0))
        elif flag in _HYDRA_SWITCHES:
            command.hydra_flags.append(flag)
        else:
            known = [*_SWITCHES, *_TAKES, *_HYDRA_TAKES, *_HYDRA_OPTIONAL, *_HYDRA_SWITCHES]
            hint = did_you_mean(flag, [name for name in known if name.startswith("--")])
            raise ConfigError(Problem(printable(word), f"There is no such flag. {hint}".rstrip()))
    if plain and "=" not in plain[0]:
        if plain[0] not in VERBS and not plain[0].startswith("~"):
            raise ConfigError(
                Problem(printable(plain[0]), f"There is no such command. {did_you_mean(plain[0], VERBS)}")
            )
        command.verb = plain.pop(0)
    command.words = plain
    return command


def help_text() -> str:
    """What `dlrun --help` prints; nothing heavy is imported for it."""
    from dlrun.configuration.schema import groups as schema

    chosen = schema.default_choices()
    lines = [
        "dlrun trains neural networks from configuration.",
        "",
        "  dlrun dataset=mnist model=cnn optimizer=adam device=auto",
        "  dlrun -m optimizer.lr=1e-2,1e-3        sweep, in Hydra's override grammar",
        "  dlrun recipe=lenet_mnist               train a recipe",
        "",
        "Commands:",
    ]
    for verb, text in VERBS.items():
        words, _, meaning = text.rpartition("  ")
        lines.append(f"  {verb + ' ' + words if words else verb:<34} {meaning}")
    lines += ["", "Groups (GROUP=OPTION; `dlrun ls GROUP` tells more):"]
    for name, group in schema.GROUPS.items():
        lines.append(f"  {name:<12} {group.summary:<42} {chosen[name]}")
    lines += [
        "",
        "Flags:",
        "  -m, --multirun       train every combination of KEY=A,B",
        "  --plugin FILE.py     offer the option in a Python file of your own",
        "  --config-dir DIR     a folder of further YAML options",
        "  -q, --quiet          say nothing but the result",
        "  --profile            write where the time went to profile.json, and a trace of some steps to trace.json",
        "  --debug              show the traceback of an error",
        "  -o, --output FILE    where predictions go: .csv, .tsv, .jsonl or .parquet",
        "  --cfg job, --info, --hydra-help, --shell-completion install=bash   Hydra's own",
        "  hydra.run.dir=DIR    name the run's folder; with resume=auto the same command goes on there",
        "",
        "Exit codes: 0 done, 2 configuration, 3 data, 4 diverged, 5 checkpoint or disk, 6 promise, 130/143 stopped",
    ]
    return "\n".join(lines)
