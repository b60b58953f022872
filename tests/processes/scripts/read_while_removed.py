"""End with a replica open, and read it at the moment when its emptied folder is being removed."""

import contextlib
import sqlite3
import sys

from shop import say

from discobase.engine.replica.file import ReplicaFile
from discobase.errors import Disconnected

file = ReplicaFile.in_folder()
writer = file.connect()
writer.executescript("PRAGMA journal_mode=WAL; CREATE TABLE records (pk)")
held = file.connect()  # it has read nothing, so SQLite has still to open files beside the first


def read(event, arguments):
    if event == "os.rmdir" and "discobase-" in str(arguments[0]):
        with contextlib.suppress(sqlite3.OperationalError):
            held.execute("SELECT * FROM records")
        try:
            file.connect()
        except Disconnected:
            say("refused")


sys.addaudithook(read)
