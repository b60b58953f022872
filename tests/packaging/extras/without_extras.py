"""What works without an extra: a database, the demo's command line, and the version."""

import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import discobase

db = discobase.Database("clean")


@db.table
class Item(discobase.Table):
    name: str


with db.conn("local"):
    Item(name="hat").save()
    assert Item.find(name="hat").one().pk == 1

command = Path(sys.executable).with_name("discobase")
told = subprocess.run([command, "--version"], capture_output=True, text=True, check=True)
assert told.stdout == f"discobase {version('discobase')}\n", told.stdout
refused = subprocess.run([command, "tables"], capture_output=True, text=True, check=False)
assert refused.returncode == 2
assert "discobase[cli]" in refused.stderr, refused.stderr
print(f"saved, found; {told.stdout.strip()}")
