"""A web application as small as they come: POST saves a record, GET lists all."""

import os

from shop import Item, db

db.login_thread()


def application(environ, start_response):
    if environ["REQUEST_METHOD"] == "POST":
        Item(name=environ["PATH_INFO"].strip("/")).save()
    else:
        db.refresh()
    names = ",".join(sorted(item.name for item in Item.find()))
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [f"{os.getpid()} {names}".encode()]
