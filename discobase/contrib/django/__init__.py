"""discobase in Django: one database of the settings, a cache, sessions, the tables in the admin.

It needs the extra ``django``. Add ``"discobase.contrib.django"`` to ``INSTALLED_APPS``.
"""

from discobase.errors import PackageMissing

try:
    from discobase.contrib.django.connection import database
except ModuleNotFoundError as error:
    package = (error.name or "django").partition(".")[0]
    raise PackageMissing(package, "django") from error

__all__ = ["database"]
