"""The settings of Sphinx for the documentation. `build.py` prepares the pages and calls it."""

from pygments.lexers.special import TextLexer

project = "Maitred"
author = "The Maitred developers"
copyright = "The Maitred developers"  # noqa: A001 (the name that Sphinx reads)

extensions = ["myst_parser"]
source_suffix = {".md": "markdown"}
# Links to headings, three levels deep, have the anchors that other renderers of Markdown give them.
myst_heading_anchors = 4
# Indented blocks are transcripts and output: nothing to colour.
highlight_language = "none"
nitpicky = True

html_theme = "furo"
html_title = "Maitred"
html_static_path = ["_static"]
templates_path = ["_templates"]
html_css_files = ["maitred.css"]
# The list of versions is beside the folders of the versions, one level up.
html_js_files = ["versions.js"]
html_sidebars = {
    "**": [
        "sidebar/brand.html",
        "sidebar/search.html",
        "sidebar/versions.html",
        "sidebar/scroll-start.html",
        "sidebar/navigation.html",
        "sidebar/scroll-end.html",
    ]
}
html_copy_source = False
html_show_sphinx = False


def setup(app):  # noqa: D103 (the interface of Sphinx)
    # A language of our pages that Pygments does not know.
    app.add_lexer("promql", TextLexer)
