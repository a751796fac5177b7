"""Settings of the docs site: `sphinx-build -W docs docs/_build` (with the extra `docs`)."""

import sys
from pathlib import Path

_HERE = Path(__file__).parent
sys.path[:0] = [str(_HERE), str(_HERE.parent)]

from make_reference import write_reference  # noqa: E402 - found beside this file

from dlrun.version import __version__  # noqa: E402

project = "dlrun"
version = release = __version__
copyright = "the authors of dlrun"
extensions = ["myst_parser"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build"]
myst_heading_anchors = 3
html_theme = "furo"
html_title = f"dlrun {__version__}"
html_copy_source = False
html_show_sphinx = False

write_reference(_HERE / "reference")
