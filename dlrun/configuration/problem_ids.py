"""The ids of problems: stable names of kinds of mistakes, for editors and CI. A test finds every id in the code here.

The rules of the linter (`dlrun.lint.rules`) have ids of their own.
"""

from __future__ import annotations

from collections.abc import Mapping

MEANINGS: Mapping[str, str] = {
    "configuration": "Any other mistake in the command or the configuration.",
    "data": "The data is wrong or missing; the message names the file and, if known, the row.",
    # The command line and the schema
    "parse-error": "A word is no override in Hydra's grammar, or a file is no YAML within the reader's limits.",
    "unknown-key": "There is no such key, or the chosen option has no such field.",
    "unknown-option": "The group has no option of this name.",
    "wrong-value": "The value has another type than the field, is out of its range or is none of its choices.",
    "required": "A field without a default is not set.",
    "contradiction": "Values that are each valid are impossible together, or with this data.",
    "sweep-only": "A setting of a sweep is given without -m.",
    "other-engine": "A setting of a cluster is given, and `launch.engine` is another.",
    "cluster": "A machine of the cluster lacks what a sweep needs, or the cluster cannot be reached.",
    "several-values": "A key has several values, which is a sweep and needs -m.",
    "wrong-range": "A range of a search has wrong ends, or its field takes no numbers.",
    "search": "The settings of a search do not fit what it is to search: ranges with search=grid, no search.trials.",
    "too-many-points": "The sweep has more points than allowed.",
    # Recipes
    "unknown-recipe": "There is no recipe of this name.",
    "no-file": "A file does not exist or cannot be read.",
    "link": "A recipe's file is a link to another file.",
    "recipe-not-data": "A recipe contains what only code or Hydra could mean: tags, aliases, interpolations, _target_.",
    "not-for-recipes": "Only the command line may set this: an address, or a file outside of the current folder.",
    # What the model, the loss and the data make together
    "build-failed": "The function of an option raised an error.",
    "plugin-failed": "The code of a plugin raised an error in training, evaluation or prediction.",
    "model-mismatch": "The model cannot read this kind of rows or predict this kind of targets.",
    "too-small-images": "The images are too small for so many blocks, or for their filters and windows.",
    "loss-mismatch": "The loss does not fit the targets or the model.",
    "unweighted-loss": "The rows have weights (dataset.weight), which the loss or the model ignores.",
    "images-only": "A setting of images, and the rows are none.",
    "numbers-only": "A setting of numbers to predict, and the targets are none.",
    "shapes": "The forward pass of the model fails on rows of this data.",
    "output-shape": "The model's output has another shape than the targets ask for.",
    "softmax-before-cross-entropy": "The model ends in a softmax, and the cross entropy expects logits.",
    "single-row-batch": "A batch has a single row, which batch normalisation cannot normalise.",
    "learning-rate-diverges": "The learning rate is above the largest at which descent on this data can converge.",
    "lazy-parameters": "The model has layers of unknown size (nn.Lazy...).",
    "no-parameters": "The model has no parameters to train.",
    "unknown-metric": "The task has no metric of this name.",
    "undeclared-metric": "A task's metrics and the ones that it declares differ.",
    "unknown-column": "The table has no column of this name.",
    # The machine
    "no-such-device": "The device, or its number format, does not exist on this machine.",
    "processes": "The processes of a run do not fit each other, the command or the devices.",
    "sharding": "A model or an optimizer cannot be shared out over processes (device.strategy=fsdp).",
    "memory": "Training needs more memory than is free; the fix is an override that fits.",
    "out-of-memory": "The memory ran out while it was built or trained.",
    "over-budget": "The run or the sweep takes longer than `--budget`.",
    "missing-package": "A package that an optional part needs is not installed.",
}
"""Each id with a sentence, in the order of the documentation."""


def ids_table() -> str:
    """Return the table of the documentation as Markdown."""
    return "\n".join(["| id | means |", "|---|---|", *(f"| `{name}` | {text} |" for name, text in MEANINGS.items())])
