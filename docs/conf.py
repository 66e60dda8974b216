"""How the documentation is built: `make docs`."""

import os
import subprocess
import sys
from pathlib import Path

from research import __version__

project = "research"
copyright = "domain-research contributors"
version = release = __version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build"]
nitpicky = False

html_theme = "furo"
html_title = f"research {release}"

myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_typehints = "none"  # the docstrings say what may be passed, and in words
napoleon_google_docstring = False
napoleon_use_ivar = True
napoleon_use_rtype = False

default_role = "code"  # `names` in docstrings are code
smartquotes_action = "D"  # dashes; quotes stay as they are typed


def setup(app):
    """Draw the plots that are shown, and keep napoleon from taking words before a colon for a type."""

    def draw_plots(app):
        script = Path(app.srcdir) / "draw_plots.py"
        subprocess.run([sys.executable, script], env={**os.environ, "MPLBACKEND": "agg"}, check=True)

    def begin_with_no_type(app, what, name, obj, options, lines):
        if what == "property" and lines:
            lines[0] = f": {lines[0]}"

    app.connect("builder-inited", draw_plots)
    app.connect("autodoc-process-docstring", begin_with_no_type, priority=400)
