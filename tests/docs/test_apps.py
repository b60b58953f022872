"""Pages with a whole app: its files, written out, do what the page says."""

from __future__ import annotations

import os
import subprocess
import sys

from tests.docs.files import files_of

DISCORDS_OWN = "ignore:'audioop' is deprecated:DeprecationWarning"

BROWSER = """
from mysite.wsgi import application
from django.test import Client
from guestbook.store import db
client = Client(enforce_csrf_checks=True, headers={"host": "localhost"})
added = client.post("/entries", {"author": "Ada", "text": "Hello"}, "application/json")
print(added.status_code, added.json())
print(client.delete("/entries/2").status_code)
db.close()
"""

STAFF = """
from mysite.wsgi import application
from django.contrib.auth.models import User
from django.test import Client
from guestbook.store import db
client = Client(headers={"host": "localhost"})
client.force_login(User.objects.create_superuser("ada"))
print("Tables" in client.get("/admin/").text)
db.close()
"""


def run(folder, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run Python, which has to end well."""
    ran = subprocess.run(
        [sys.executable, *command],
        cwd=folder,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran


def write(folder, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def test_the_files_of_the_page_on_testing_pass_under_pytest(tmp_path):
    files = files_of("howto/testing.md")
    assert {"conftest.py", "test_guestbook.py", "test_with_unittest.py"} < files.keys()
    write(tmp_path, files)
    strict = ("-W", "error", "-W", DISCORDS_OWN)
    assert "5 passed" in run(tmp_path, "-m", "pytest", "-p", "no:cacheprovider", *strict).stdout


def test_the_files_of_the_page_on_django_work_in_a_new_project(tmp_path):
    run(tmp_path, "-m", "django", "startproject", "mysite", ".")
    files = files_of("howto/django.md")
    settings = tmp_path / "mysite/settings.py"
    settings.write_text(settings.read_text() + files.pop("mysite/settings.py"))
    write(tmp_path, files)
    assert "Ran 1 test" in run(tmp_path, "manage.py", "test", "guestbook").stderr
    token = {"DISCOBASE_TOKEN": f"local:{tmp_path / 'discord.db'}"}
    assert run(tmp_path, "-c", BROWSER, **token).stdout == "201 {'pk': 1}\n404\n"
    assert run(tmp_path, "manage.py", "count_entries", **token).stdout == "1\n"
    run(tmp_path, "manage.py", "migrate", **token)
    assert run(tmp_path, "-c", STAFF, **token).stdout == "True\n"
