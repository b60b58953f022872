"""The settings. Those of a site that is served say their own SECRET_KEY, in the environment."""

import os
from pathlib import Path

FOLDER = Path(__file__).parent

DEBUG = "SECRET_KEY" not in os.environ
SECRET_KEY = os.environ.get("SECRET_KEY", "nobody else may know the one of a real site")
ALLOWED_HOSTS = os.environ.get("HOSTS", "127.0.0.1 localhost").split()

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "discobase.contrib.django",
]
ROOT_URLCONF = "shop.urls"
WSGI_APPLICATION = "shop.wsgi.application"
USE_TZ = True
STATIC_URL = "static/"

# Django's own database knows who may use the admin. All else is in discobase.
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": os.environ.get("STAFF", FOLDER.parent / "staff.sqlite3"),
    }
}

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "discobase.contrib.django.middleware.OwnSavesMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [FOLDER / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

# The token comes from DISCOBASE_TOKEN. Staff see the tables in the admin, but for passwords.
DISCOBASE = {"NAME": "Cart", "ADMIN_HIDDEN": ["Customer.password"]}
SESSION_ENGINE = "discobase.contrib.django.sessions"
CACHES = {"default": {"BACKEND": "discobase.contrib.django.cache.DiscobaseCache"}}
