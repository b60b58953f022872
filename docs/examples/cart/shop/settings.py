"""The settings. Those of a site that is served say their own SECRET_KEY, in the environment."""

import os
from pathlib import Path

FOLDER = Path(__file__).parent

DEBUG = "SECRET_KEY" not in os.environ
SECRET_KEY = os.environ.get("SECRET_KEY", "nobody else may know the one of a real site")
ALLOWED_HOSTS = os.environ.get("HOSTS", "127.0.0.1 localhost").split()

INSTALLED_APPS = ["discobase.contrib.django"]
ROOT_URLCONF = "shop.urls"
WSGI_APPLICATION = "shop.wsgi.application"
USE_TZ = True

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "discobase.contrib.django.middleware.OwnSavesMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [FOLDER / "templates"],
        "OPTIONS": {"context_processors": ["django.template.context_processors.request"]},
    }
]

DISCOBASE = {"NAME": "Cart"}  # the token comes from DISCOBASE_TOKEN
SESSION_ENGINE = "discobase.contrib.django.sessions"
CACHES = {"default": {"BACKEND": "discobase.contrib.django.cache.DiscobaseCache"}}
