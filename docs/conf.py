"""How Sphinx builds the documentation."""

from __future__ import annotations

import builtins
import importlib
import re
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Any

import django
from django.conf import settings
from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util.nodes import find_pending_xref_condition

from discobase import Query, Table, __version__

# The modules of discobase.contrib.django have to be imported, and some cannot without settings.
OF_DJANGO = ("contenttypes", "auth", "messages", "sessions", "admin.apps.SimpleAdminConfig")
settings.configure(
    INSTALLED_APPS=[*(f"django.contrib.{app}" for app in OF_DJANGO), "discobase.contrib.django"]
)
django.setup()

# They import these for type checkers alone, and `Table` by itself is a name of several classes.
for module in ("field_types", "rows", "values"):
    vars(importlib.import_module(f"discobase.typed.{module}")).update(Query=Query, Table=Table)

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

# `sphinx-build -t quick` leaves out the modules inside, which take most of the time.
if tags.has("quick"):  # noqa: F821 - Sphinx gives it
    extensions = [
        name for name in extensions if name not in {"sphinx.ext.apidoc", "sphinx.ext.viewcode"}
    ]
    exclude_patterns.append("reference/modules")
    suppress_warnings = ["ref.doc"]

# What `sphinx-build -b linkcheck` cannot open: stand-ins, and pages for those who are logged in.
linkcheck_ignore = [
    r"https://HOST/PATH/",
    r"http://127\.0\.0\.1",
    r"https://discord\.com/(oauth2|channels|developers/applications)",
]

html_theme = "furo"
html_title = f"discobase {release}"
html_static_path = ["_static"]
html_css_files = ["pages.css"]
html_search_scorer = str(Path(__file__).parent / "_static/scorer.js")

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

# One page a module, made anew at each build, so that the reference cannot fall behind the code.
# They are for those who work on discobase: what users import stands by theme, under its public
# name.
apidoc_modules = [
    {
        "path": "../discobase",
        "destination": "reference/modules",
        # What stands whole on a page for users: the errors.
        "exclude_patterns": ["../discobase/errors.py"],
        "separate_modules": True,
        "module_first": True,
        "automodule_options": {"members", "show-inheritance"},
    }
]
autodoc_member_order = "bysource"
# On the pages of modules each name stands once, in the module that makes it, and not again where
# it is only handed on.
autodoc_default_options = {"ignore-module-all": True}
autodoc_typehints = "signature"
# There are none, and to look for them takes a while.
autodoc_use_type_comments = False
# What people can read: defaults as they stand in the code, short names of types, and a line for
# each parameter where they do not fit one.
autodoc_preserve_defaults = True
autodoc_typehints_format = "short"
python_use_unqualified_type_names = True
maximum_signature_line_length = 80
napoleon_use_ivar = True

copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True


_DIRECTIVE = re.compile(r"^\.\. auto(?:class|function):: ([\w.]+)\.(\w+)$", re.MULTILINE)
_FOR_USERS = [
    getattr(importlib.import_module(module), name)
    for page in sorted(Path(__file__).parent.glob("reference/*.md"))
    for module, name in _DIRECTIVE.findall(page.read_text())
]


def _stands_among_what_users_import(
    app: Sphinx, _kind: str, _name: str, found: object, _skip: bool, _options: object
) -> bool | None:
    """Have each name stand once: what users import is left out of the page of its module."""
    of_a_module = app.env.docname.startswith("reference/modules/")
    return True if of_a_module and any(found is each for each in _FOR_USERS) else None


def _leave_out_of_navigation(app: Sphinx, page: str, source: list[str]) -> None:
    """Have the index of all modules stand in no table of contents: with some two hundred modules in
    the navigation of each page, nobody finds the other ones, and a build takes three times as long.
    """
    if page == "reference/modules/modules":
        source[0] = ":orphan:\n\n" + source[0]


_navigations: dict[PurePosixPath, Callable[..., str]] = {}


def _share_navigation(
    _app: Sphinx, page: str, _template: str, context: dict[str, Any], _doctree: object
) -> None:
    """Have the navigation be made once for all pages in a folder that stand in none themselves, the
    modules inside and their sources. It is the same on each, and takes a quarter of a build.
    """
    if page.startswith(("reference/modules/", "_modules/")):
        folder = PurePosixPath(page).parent
        context["toctree"] = _navigations.setdefault(folder, cache(context["toctree"]))


class TypesOfPython(SphinxPostTransform):
    """Leaves the types of Python itself in signatures as they stand. Sphinx would look for each
    among the ends of all names in discobase, which takes a while, and find an attribute ``type``
    for the class of that name.
    """

    default_priority = 5  # before references are resolved

    def run(self, **_: object) -> None:
        for reference in [*self.document.findall(addnodes.pending_xref)]:
            target = reference["reftarget"]
            is_of_python = (
                target in vars(builtins) or target.partition(".")[0] in sys.stdlib_module_names
            )
            # What stands where nothing is found; only names in signatures have several forms.
            if is_of_python and (form := find_pending_xref_condition(reference, "*")):
                reference.replace_self(form.children)


class IndexOfKeywords(SphinxTransform):
    """Makes the keywords of a page its entries in the index. The search shows a page whose entry
    was typed before all that merely hold the words, which are more with each page that is written.
    """

    default_priority = 840  # before Sphinx collects the entries of a page

    def apply(self, **_: object) -> None:
        for meta in [*self.document.findall(nodes.meta)]:
            if meta["name"] == "keywords":
                (at, *_others) = self.document.next_node(nodes.section)["ids"]
                words = [word.strip() for word in meta["content"].split(",")]
                entries = [("single", word, at, "main", None) for word in words]
                self.document.insert(0, addnodes.index(entries=entries))


def setup(app: Sphinx) -> None:
    app.add_transform(IndexOfKeywords)
    app.add_post_transform(TypesOfPython)
    app.connect("html-page-context", _share_navigation, priority=400)  # before the theme
    app.connect("source-read", _leave_out_of_navigation)
    app.connect("autodoc-skip-member", _stands_among_what_users_import)
