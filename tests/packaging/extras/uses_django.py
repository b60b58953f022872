"""The extra django: cache, sessions, and the tables in the admin, whose pages are in the wheel."""

from importlib.metadata import version

import django
from django.conf import settings

OURS = "discobase.contrib.django"
OF_DJANGO = ["admin", "auth", "contenttypes", "messages", "staticfiles"]
CONTEXT = [
    "django.template.context_processors.request",
    "django.contrib.auth.context_processors.auth",
    "django.contrib.messages.context_processors.messages",
]

settings.configure(
    INSTALLED_APPS=[*(f"django.contrib.{name}" for name in OF_DJANGO), OURS],
    SECRET_KEY="of the program",
    ALLOWED_HOSTS=["testserver"],
    ROOT_URLCONF=__name__,
    STATIC_URL="static/",
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    MIDDLEWARE=[
        f"{OURS}.middleware.OwnSavesMiddleware",
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        "django.contrib.messages.middleware.MessageMiddleware",
    ],
    TEMPLATES=[
        {
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "APP_DIRS": True,
            "OPTIONS": {"context_processors": CONTEXT},
        }
    ],
    DISCOBASE={"NAME": "clean", "TOKEN": "local"},
    SESSION_ENGINE=f"{OURS}.sessions",
    CACHES={"default": {"BACKEND": f"{OURS}.cache.DiscobaseCache"}},
)
django.setup()


def addresses() -> list[object]:
    from django.contrib import admin
    from django.urls import path

    return [path("admin/", admin.site.urls)]


def main() -> None:
    from django.contrib.auth import get_user_model
    from django.core.cache import cache
    from django.core.management import call_command
    from django.test import Client

    import discobase
    from discobase.contrib.django import database

    db = database()

    @db.table
    class Item(discobase.Table):
        name: str

    Item(name="hat").save()
    cache.set("key", ["value"])
    assert cache.get("key") == ["value"]
    call_command("check")
    call_command("migrate", verbosity=0)
    visitor = Client()
    visitor.force_login(get_user_model().objects.create_superuser("root"))
    for page in ("", "Item/", "Item/1/"):
        shown = visitor.get(f"/admin/discobase/table/{page}")
        assert shown.status_code == 200, shown.content
    assert b"hat" in shown.content
    db.close()
    print(f"Django {version('django')}: cached, logged in, and shown in the admin")


urlpatterns = addresses()
main()
