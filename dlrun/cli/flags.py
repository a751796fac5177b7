"""The flags of the command line: one record each, shared by the verbs that have it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from dlrun.configuration.schema.fields import nearest_duration, seconds_of

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class Flag(Generic[T]):
    """A flag, its value and its line of help."""

    name: str  # with its dashes, as typed: --output
    help: str
    read: Callable[[str], T]  # the value's text to the value; raises ValueError with what was expected
    short: str | None = None
    metavar: str = ""  # what the help calls the value; empty for a switch, which takes none
    choices: tuple[str, ...] = ()  # every possible value, where they can be listed
    repeatable: bool = False  # whether every value counts; otherwise the last one does
    optional: bool = False  # whether the value may be omitted: only one of `choices` is read, and the first is meant
    needs: tuple[Flag[Any], ...] = ()  # one of these must be given with it
    excludes: tuple[Flag[Any], ...] = ()  # none of these may be given with it

    @property
    def is_switch(self) -> bool:
        """Whether the flag takes no value."""
        return not self.metavar

    @property
    def spelling(self) -> str:
        """The flag as help pages show it: `-o, --output FILE`."""
        value = f" [{self.metavar}]" if self.optional else f" {self.metavar}" if self.metavar else ""
        return f"{self.short}, {self.name}{value}" if self.short else f"{self.name}{value}"

    def parse(self, text: str | None) -> T:
        """Return the value; raises ValueError with what was expected."""
        if self.is_switch:
            if text is not None:
                raise ValueError("It takes no value.")
            return self.read("")
        if text is None:
            if not self.optional:
                raise ValueError("Expected a value after it.")
            text = self.choices[0]
        if self.choices and text not in self.choices:
            before = f"{', '.join(self.choices[:-1])} or " if len(self.choices) > 1 else ""
            raise ValueError(f"Expected {before}{self.choices[-1]}.")
        return self.read(text)


def whole_number(low: int, high: int) -> Callable[[str], int]:
    """Read a whole number within bounds, both included."""

    def read(text: str) -> int:
        if not text.isascii() or not text.isdigit() or not low <= int(text[:18]) <= high:
            raise ValueError(f"Expected a whole number from {low} to {high}.")
        return int(text)

    return read


def number(low: float, high: float) -> Callable[[str], float]:
    """Read a number within bounds, both included."""

    def read(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not low <= value <= high:
            raise ValueError(f"Expected a number from {low:g} to {high:g}.")
        return value

    return read


def time_span(text: str) -> int:
    """Read a duration such as 90s, 10m or 3h50m, in seconds."""
    seconds = seconds_of(text)
    if seconds is None:
        near = nearest_duration(int(text) if text.isascii() and text.isdigit() else text)
        hint = f' Did you mean "{near}"?' if near is not None else ""
        raise ValueError(f"Expected a duration, such as 90s, 10m or 3h50m.{hint}")
    return seconds


def path(text: str) -> Path:
    """Read the path of a file or folder; `~` is the user's home."""
    if not text:
        raise ValueError("Expected a path, got an empty text.")
    return Path(text).expanduser()


def key_value(text: str) -> str:
    """Read a setting with its value."""
    key, equals, _ = text.partition("=")
    if not equals or not key:
        raise ValueError("Expected KEY=VALUE, such as model=mlp or optimizer.lr=0.01.")
    return text


HELP = Flag("--help", "show this page", str, short="-h")
VERSION = Flag("--version", "show the version of dlrun", str)
DEBUG = Flag("--debug", "show the traceback of an error", str)
EVERYWHERE = (HELP, VERSION, DEBUG)

MULTIRUN = Flag("--multirun", "sweep: one run for each combination of KEY=A,B", str, short="-m")
QUIET = Flag("--quiet", "print only the result", str, short="-q")
JSON = Flag("--json", "print JSON", str)
PROFILE = Flag("--profile", "write the time of each phase to profile.json and a trace of some steps to trace.json", str)
PLUGIN = Flag("--plugin", "add the option defined in this Python file", path, metavar="FILE.py", repeatable=True)
CONFIG_DIR = Flag("--config-dir", "add a folder of options in YAML", path, short="-cd", metavar="DIR", repeatable=True)

STRICT = Flag("--strict", "exit with 2 also for warnings", str)
DEEP = Flag("--deep", "also train for some seconds on one batch, which a sound model learns by heart", str)
TIME = Flag("--time", "also measure a few steps, and tell how long the run or the sweep will take", str)
BUDGET = Flag(
    "--budget",
    "as --time, and report an error if it will take longer than this: 90s, 10m, 3h50m",
    time_span,
    metavar="DURATION",
)

EXTENDED = Flag("--extended", "with everything that the recipe extends merged into it", str)
WHY = Flag("--why", "show which file or override set this key", str, metavar="KEY", excludes=(JSON,))
SPLIT = Flag("--split", "the split to evaluate (default: test)", str, metavar="NAME", choices=("train", "val", "test"))
NO_ROWS = Flag("--no-rows", "of a run: no row, text, picture or sound of the data in the page", str)
KEEP = Flag(
    "--keep",
    "how many of the newest checkpoints to keep (default: checkpoint.keep)",
    whole_number(1, 1_000_000_000),
    metavar="N",
)
SORT = Flag("--sort", "sort by this metric, best first", str, metavar="METRIC")
CSV = Flag("--csv", "print CSV", str, excludes=(JSON,))
FILTER = Flag("--filter", "only runs with this setting, or status", key_value, metavar="KEY=VALUE", repeatable=True)
GROUP = Flag(
    "--group",
    "one row for runs that differ only in KEY (default: seed); none: a row each",
    str,
    metavar="KEY",
    repeatable=True,
)
OUTPUT = Flag("--output", "write to this file", path, short="-o", metavar="FILE", excludes=(JSON,))
PROBABILITIES = Flag("--probabilities", "add one column per class with its probability", str)
TOP = Flag("--top", "recommender: the N best items for each row", whole_number(1, 1_000_000), metavar="N")
FUTURE = Flag(
    "--future",
    "series: forecast the rows after the last one, of INPUT or of the run's own file",
    str,
    excludes=(PROBABILITIES, TOP),
)
INTERVAL = Flag(
    "--interval",
    "share that the forecast's interval should cover (default: 0.9)",
    number(0.01, 0.999),
    metavar="P",
    needs=(FUTURE,),
)
PROMPT = Flag(
    "--prompt",
    "language model: continue this text",
    str,
    metavar="TEXT",
    excludes=(OUTPUT, PROBABILITIES, TOP, FUTURE, JSON),
)
LENGTH = Flag("--length", "tokens to generate (default: 200)", whole_number(1, 1_000_000), metavar="N", needs=(PROMPT,))
TEMPERATURE = Flag(
    "--temperature",
    "0 always takes the likeliest token; higher draws more evenly (default: 0.8)",
    number(0, 100),
    metavar="T",
    needs=(PROMPT,),
)
QUANTIZE = Flag(
    "--quantize",
    "with weights of 8 bits; tells what that costs in the test metric, size and speed",
    str,
    metavar="int8",
    choices=("int8",),
)
EXAMPLE = Flag("--example", "print a short program that uses the file without dlrun", str)
ROWS = Flag("--rows", "rows to check the file on, instead of the run's own data", path, metavar="FILE")
ROW = Flag(
    "--row",
    "explain this row of INPUT, from 1 (default: the first ten)",
    whole_number(1, 1_000_000_000),
    metavar="N",
    excludes=(SPLIT,),
)
CLASS = Flag(
    "--class",
    "explain the log-odds of this class (default: the predicted one)",
    str,
    metavar="NAME",
    excludes=(SPLIT,),
)
TARGET = Flag(
    "--target",
    "which of several targets or numbers to explain (default: the first)",
    str,
    metavar="NAME",
    excludes=(SPLIT,),
)
HOST = Flag(
    "--host", "the address to listen on (default: 127.0.0.1, this machine alone); 0.0.0.0: all", str, metavar="HOST"
)
PORT = Flag("--port", "the port to listen on (default: 8000); 0: any free one", whole_number(0, 65535), metavar="PORT")
TOKEN = Flag("--token", "requests must bring it: Authorization: Bearer TOKEN", str, metavar="TOKEN")
MAX_ROWS = Flag("--max-rows", "rows of a request (default: 1000)", whole_number(1, 100_000), metavar="N")
MAX_MIB = Flag("--max-mib", "MiB of a request's body (default: 16)", whole_number(1, 1024), metavar="N")
MAX_WAITING = Flag("--max-waiting", "requests in the queue (default: 256)", whole_number(1, 100_000), metavar="N")
TIMEOUT = Flag("--timeout", "seconds for a body, and for its predictions (default: 30)", number(0.1, 3600), metavar="S")
TO = Flag("--to", "a new folder, or hf://OWNER/NAME of the Hugging Face hub", str, metavar="TARGET")
EXPORT = Flag(
    "--export", "also the model for other programs, as by `dlrun export`", str, metavar="onnx", choices=("onnx",)
)
PUBLIC = Flag("--public", "hf://: everybody may see the repository (default: private)", str)
QUICK = Flag("--quick", "train the first steps only and compare their losses with the recipe's", str)
EVERY_RECIPE = Flag("--all", "verify every recipe that comes with dlrun and write a table", str, excludes=(QUICK, JSON))

# Hydra's own flags, with Hydra's names and values. It answers one at a time.
CFG = Flag(
    "--cfg",
    "Hydra: show the configuration",
    str,
    short="-c",
    metavar="job",
    choices=("job", "hydra", "all"),
    excludes=(MULTIRUN,),
)
INFO = Flag(
    "--info",
    "Hydra: show information",
    str,
    short="-i",
    metavar="all",
    choices=("all", "config", "defaults", "defaults-tree", "plugins", "searchpath"),
    optional=True,
    excludes=(MULTIRUN, CFG),
)
HYDRA_HELP = Flag("--hydra-help", "Hydra: show Hydra's help", str, excludes=(MULTIRUN, CFG, INFO))
SHELL_COMPLETION = Flag(
    "--shell-completion",
    "Hydra: print the script that installs shell completion",
    str,
    short="-sc",
    metavar="install=bash",
    choices=tuple(
        f"{action}={shell}" for action in ("install", "uninstall", "query") for shell in ("bash", "fish", "zsh")
    ),
    excludes=(MULTIRUN, CFG, INFO, HYDRA_HELP),
)
RUN = Flag(
    "--run",
    "Hydra: train one run, as without this flag",
    str,
    short="-r",
    excludes=(MULTIRUN, CFG, INFO, HYDRA_HELP, SHELL_COMPLETION),
)
RESOLVE = Flag("--resolve", "Hydra: resolve interpolations", str, needs=(CFG,))
PACKAGE = Flag("--package", "Hydra: show only this package", str, short="-p", metavar="PACKAGE", needs=(CFG,))
CONFIG_NAME = Flag(
    "--config-name", "Hydra: another primary configuration", str, short="-cn", metavar="NAME", needs=(CFG, INFO)
)
CONFIG_PATH = Flag(
    "--config-path", "Hydra: another configuration folder", str, short="-cp", metavar="DIR", needs=(CFG, INFO)
)
HYDRA = (CFG, RESOLVE, PACKAGE, INFO, CONFIG_NAME, CONFIG_PATH, HYDRA_HELP, SHELL_COMPLETION, RUN)

ALL: tuple[Flag[Any], ...] = tuple(each for each in list(globals().values()) if isinstance(each, Flag))
BY_SPELLING: Mapping[str, Flag[Any]] = {
    spelling: flag for flag in ALL for spelling in (flag.name, flag.short) if spelling is not None
}
