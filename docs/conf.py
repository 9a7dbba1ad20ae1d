"""The site: `make docs`. The pages are plain Markdown, read in the repository as well."""

project = "sqlrail"
author = "the sqlrail team"
copyright = ""  # noqa: A001
extensions = ["myst_parser"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = "sqlrail"
html_show_copyright = False
html_copy_source = False
#: headings are linked to by their text, as repositories do
myst_heading_anchors = 4
highlight_language = "none"
smartquotes = False
#: a `$$` is no SQL to the highlighter
suppress_warnings = ["misc.highlighting_failure"]
