"""How Sphinx builds the documentation."""

from __future__ import annotations

import django
from django.conf import settings
from sphinx.application import Sphinx

from discobase import __version__

# The modules of discobase.contrib.django have to be imported, and some cannot without settings.
OF_DJANGO = ("contenttypes", "auth", "messages", "sessions", "admin.apps.SimpleAdminConfig")
settings.configure(
    INSTALLED_APPS=[*(f"django.contrib.{app}" for app in OF_DJANGO), "discobase.contrib.django"]
)
django.setup()

project = "discobase"
author = "The discobase authors"
copyright = f"2026, {author}"  # noqa: A001 - Sphinx names it so
release = __version__

extensions = [
    "myst_parser",
    "sphinx.ext.apidoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
    "sphinx_copybutton",
]
exclude_patterns = ["_build"]

html_theme = "furo"
html_title = f"discobase {release}"

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

# One page a module, made anew at each build, so that the reference cannot fall behind the code.
apidoc_modules = [
    {
        "path": "../discobase",
        "destination": "reference/modules",
        "separate_modules": True,
        "module_first": True,
        "automodule_options": {"members", "show-inheritance"},
    }
]
autodoc_member_order = "bysource"
# Each name stands once, in the module that makes it, and not again where it is only handed on.
autodoc_default_options = {"ignore-module-all": True}
autodoc_typehints = "signature"
napoleon_use_ivar = True

copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True


def _leave_out_of_navigation(app: Sphinx, page: str, source: list[str]) -> None:
    """Have the index of all modules stand in no table of contents: with some two hundred modules in
    the navigation of each page, nobody finds the other ones, and a build takes three times as long.
    """
    if page == "reference/modules/modules":
        source[0] = ":orphan:\n\n" + source[0]


def setup(app: Sphinx) -> None:
    app.connect("source-read", _leave_out_of_navigation)
