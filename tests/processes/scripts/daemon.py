"""A daemon that closes all descriptors, whatever its program did before; it tells at a pipe."""

from __future__ import annotations

import os
import sys
import traceback
from pathlib import Path

WHEN, FILE, PIPE = sys.argv[1:]
LARGEST_DESCRIPTOR = 1024


def become_a_daemon() -> None:
    if os.fork():
        os._exit(0)
    os.setsid()
    if os.fork():
        os._exit(0)
    os.closerange(0, LARGEST_DESCRIPTOR)


def declare():
    import discobase

    db = discobase.Database("daemons")

    @db.table
    class Item(discobase.Table):
        name: str

    return db, Item


def use(db, item) -> str:
    item(name="daemon").save()
    print("into no socket and no file", flush=True)
    print("nor does this go there", file=sys.stderr, flush=True)
    item(name="daemon again").save()
    return ",".join(sorted(each.name for each in item.find()))


def main() -> str:
    if WHEN == "before anything":
        become_a_daemon()
    db, item = declare()
    if WHEN == "imported":
        become_a_daemon()
    db.login_thread(f"local:{FILE}")
    db.wait_ready()
    item(name="parent").save()
    if WHEN == "closed":
        db.close()
        become_a_daemon()
        db.login_thread(f"local:{FILE}")
    if WHEN == "connected":
        become_a_daemon()
    found = use(db, item)
    db.close()
    return found


try:
    told = main()
except BaseException:  # noqa: BLE001 - there is nowhere else for it to go
    told = traceback.format_exc()
Path(PIPE).write_text(told, encoding="utf-8")
