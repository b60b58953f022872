"""The addresses of the site that the tests of this folder visit."""

from django.contrib import admin
from django.urls import path

urlpatterns = [path("admin/", admin.site.urls)]
