"""Settings of the site: `make docs` builds it into build/site, without the network.

Sphinx because it is maintained since 2008, reads docstrings and checks every reference; MyST because the pages are
Markdown that is read on code hosts too; Furo because it is readable on a phone, light and dark, and loads nothing.
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import hpa  # noqa: E402
from docs import site  # noqa: E402

project = "hpa"
author = "The hpa developers"
version = release = hpa.__version__
copyright = author  # the name that Sphinx reads

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx_copybutton"]
myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3
exclude_patterns = ["pictures"]
smartquotes = False  # `--` in a sentence is an option
nitpicky = False  # types in signatures are those of numpy and torch, whose sites are not reachable here
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
napoleon_google_docstring = True
suppress_warnings = ["config.cache"]  # the function below is no value that could be cached

html_theme = "furo"
html_title = f"hpa {version}"
html_show_sphinx = False
html_copy_source = False
copybutton_prompt_text = "$ "


def setup(app: object) -> None:
    """Write the pages made from code before the sources are listed, and mend links that leave the folder."""
    site.write_generated(ROOT / "docs" / "generated")
    app.connect("source-read", site.mend_links)  # type: ignore[attr-defined]
    app.connect("autodoc-process-signature", site.drop_signatures_of_protocols)  # type: ignore[attr-defined]
