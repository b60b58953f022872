"""The extra cli: records are written and listed by the command."""

import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import discobase

db = discobase.Database("clean")


@db.table
class Item(discobase.Table):
    name: str


with db.conn("local:items.db"):
    Item(name="hat").save()

command = [Path(sys.executable).with_name("discobase"), "--token", "local:items.db"]
command += ["--server", "clean"]


def run(*arguments: str) -> str:
    ran = subprocess.run([*command, *arguments], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


run("insert", "Item", "name=cap")
assert run("find", "Item", "name~c") == '{"pk": 2, "name": "cap"}\n'
assert "hat" in run("get", "Item", "1")
print(f"typer {version('typer')}, rich {version('rich')}: inserted and found")
