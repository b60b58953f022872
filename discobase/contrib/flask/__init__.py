"""discobase in Flask: an extension, lookups for views, pages of a query, and a cachelib back end.

It needs the extra ``flask``.
"""

from discobase.errors import PackageMissing

try:
    from discobase.contrib.flask.cache import DiscobaseCache, caching_backend
    from discobase.contrib.flask.extension import Discobase
    from discobase.contrib.flask.lookups import first_or_404, get_or_404, one_or_404
    from discobase.contrib.flask.pages import Page, paginate
except ModuleNotFoundError as error:
    package = (error.name or "flask").partition(".")[0]
    raise PackageMissing(package, "flask") from error

__all__ = [
    "Discobase",
    "DiscobaseCache",
    "Page",
    "caching_backend",
    "first_or_404",
    "get_or_404",
    "one_or_404",
    "paginate",
]
