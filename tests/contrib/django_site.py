"""Django set up for the tests of this folder: once for each process, as Django takes it."""

from __future__ import annotations

import django
from django.conf import settings

_OURS = "discobase.contrib.django"

if not settings.configured:
    settings.configure(
        INSTALLED_APPS=[
            "django.contrib.admin",
            "django.contrib.auth",
            "django.contrib.contenttypes",
            "django.contrib.messages",
            "django.contrib.staticfiles",
            _OURS,
        ],
        SECRET_KEY="of the tests",
        USE_TZ=True,
        ALLOWED_HOSTS=["testserver"],
        STATIC_URL="static/",
        ROOT_URLCONF="tests.contrib.django_addresses",
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
        MIDDLEWARE=[
            "discobase.contrib.django.middleware.OwnSavesMiddleware",
            "django.contrib.sessions.middleware.SessionMiddleware",
            "django.middleware.csrf.CsrfViewMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
            "django.contrib.messages.middleware.MessageMiddleware",
        ],
        TEMPLATES=[
            {
                "BACKEND": "django.template.backends.django.DjangoTemplates",
                "APP_DIRS": True,
                "OPTIONS": {
                    "context_processors": [
                        "django.template.context_processors.request",
                        "django.contrib.auth.context_processors.auth",
                        "django.contrib.messages.context_processors.messages",
                    ]
                },
            }
        ],
        SESSION_ENGINE="discobase.contrib.django.sessions",
        CACHES={
            "default": {"BACKEND": "discobase.contrib.django.cache.DiscobaseCache"},
            "small": {
                "BACKEND": "discobase.contrib.django.cache.DiscobaseCache",
                "LOCATION": "small",
                "OPTIONS": {"MAX_ENTRIES": 4, "CULL_FREQUENCY": 2},
            },
        },
    )
    django.setup()

IS_SET_UP = _OURS in settings.INSTALLED_APPS
"""Whether these are the settings: another module of the same process may have been first."""
