"""How Sphinx builds these pages: `make docs`."""

project = "S4"
extensions = ["myst_parser"]
source_suffix = {".md": "markdown"}
root_doc = "index"
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = "S4"
html_copy_source = False
html_show_sphinx = False
html_show_copyright = False
# Links within a page go by the words of its headings, as they do where the sources are read.
myst_heading_anchors = 4
nitpicky = True
