"""A web application that redirects: POST saves a record, and the address that it leads to names the
position at which it is there.
"""

import os
from urllib.parse import parse_qs

from shop import Item, db

db.login_thread()


def application(environ, start_response):
    name = environ["PATH_INFO"].strip("/")
    if environ["REQUEST_METHOD"] == "POST":
        saved = Item(name=name).save()
        start_response("303 See Other", [("Location", f"/{name}?position={saved.version}")])
        return [str(os.getpid()).encode()]
    if position := parse_qs(environ["QUERY_STRING"]).get("position"):
        db.wait_for(int(position[0]))
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [f"{os.getpid()} {len(Item.find(name=name))}".encode()]
