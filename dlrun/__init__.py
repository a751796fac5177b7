"""dlrun trains neural networks from configuration alone.

The names below are what a plugin needs; they are the only ones promised. Each is imported when it is first used, so
that `import dlrun` imports neither torch nor Hydra.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from dlrun.version import __version__ as __version__

if TYPE_CHECKING:
    from dlrun.configuration.schema.fields import Activation as Activation
    from dlrun.configuration.schema.fields import Augment as Augment
    from dlrun.configuration.schema.fields import Count as Count
    from dlrun.configuration.schema.fields import CountOrZero as CountOrZero
    from dlrun.configuration.schema.fields import DataPath as DataPath
    from dlrun.configuration.schema.fields import Depth as Depth
    from dlrun.configuration.schema.fields import Duration as Duration
    from dlrun.configuration.schema.fields import Fraction as Fraction
    from dlrun.configuration.schema.fields import Init as Init
    from dlrun.configuration.schema.fields import Kernel as Kernel
    from dlrun.configuration.schema.fields import LearningRate as LearningRate
    from dlrun.configuration.schema.fields import NonNegative as NonNegative
    from dlrun.configuration.schema.fields import Norm as Norm
    from dlrun.configuration.schema.fields import OptimizerFields as OptimizerFields
    from dlrun.configuration.schema.fields import Pixels as Pixels
    from dlrun.configuration.schema.fields import Positive as Positive
    from dlrun.configuration.schema.fields import Probability as Probability
    from dlrun.configuration.schema.fields import Range as Range
    from dlrun.configuration.schema.fields import Seed as Seed
    from dlrun.configuration.schema.fields import Url as Url
    from dlrun.configuration.schema.fields import Width as Width
    from dlrun.data.loading.reader import Reader as Reader
    from dlrun.data.source import Encoded as Encoded
    from dlrun.data.source import Encoder as Encoder
    from dlrun.data.source import Fitted as Fitted
    from dlrun.data.source import Rows as Rows
    from dlrun.data.source import Source as Source
    from dlrun.data.spec import Batch as Batch
    from dlrun.data.spec import DataSpec as DataSpec
    from dlrun.data.spec import Scaling as Scaling
    from dlrun.data.spec import TargetScaling as TargetScaling
    from dlrun.errors import ConfigError as ConfigError
    from dlrun.errors import DataError as DataError
    from dlrun.errors import DlrunError as DlrunError
    from dlrun.errors import Problem as Problem
    from dlrun.optim.param_groups import Parameters as Parameters
    from dlrun.optim.schedule import Formula as Formula
    from dlrun.optim.schedule import Horizon as Horizon
    from dlrun.optim.schedule import Schedule as Schedule
    from dlrun.tasks.goals import num_logits as num_logits
    from dlrun.tasks.progress import Listener as Listener
    from dlrun.tasks.progress import Progress as Progress
    from dlrun.tasks.progress import Row as Row
    from dlrun.tasks.task import Evaluation as Evaluation
    from dlrun.tasks.task import Task as Task
    from dlrun.tasks.task import Update as Update

_ROOMS = {
    "configuration.schema.fields": (
        "Activation", "Augment", "Count", "CountOrZero", "DataPath", "Depth", "Duration", "Fraction", "Init", "Kernel",
        "LearningRate", "NonNegative", "Norm", "OptimizerFields", "Pixels", "Positive", "Probability", "Range", "Seed",
        "Url", "Width",
    ),
    "data.loading.reader": ("Reader",),
    "data.source": ("Encoded", "Encoder", "Fitted", "Rows", "Source"),
    "data.spec": ("Batch", "DataSpec", "Scaling", "TargetScaling"),
    "errors": ("ConfigError", "DataError", "DlrunError", "Problem"),
    "optim.param_groups": ("Parameters",),
    "optim.schedule": ("Formula", "Horizon", "Schedule"),
    "tasks.goals": ("num_logits",),
    "tasks.progress": ("Listener", "Progress", "Row"),
    "tasks.task": ("Evaluation", "Task", "Update"),
}  # fmt: skip
_ROOM_OF = {name: room for room, names in _ROOMS.items() for name in names}

__all__ = [*sorted(_ROOM_OF), "__version__"]


def __getattr__(name: str) -> Any:
    """Import a promised name from the room that holds it."""
    if name not in _ROOM_OF:
        raise AttributeError(f"module 'dlrun' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"dlrun.{_ROOM_OF[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
