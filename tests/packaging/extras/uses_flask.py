"""The extra flask: a view saves a record, another finds it, and the cache keeps a value."""

from importlib.metadata import version

from flask import Flask

import discobase
from discobase.contrib.flask import Discobase, DiscobaseCache, get_or_404

db = discobase.Database("clean")
extension = Discobase(db)


@db.table
class Item(discobase.Table):
    name: str


app = Flask(__name__)
app.config.update(DISCOBASE_TOKEN="local")
extension.init_app(app)


@app.post("/<name>")
def add(name: str) -> str:
    return str(Item(name=name).save().pk)


@app.get("/<int:pk>")
def show(pk: int) -> str:
    return get_or_404(Item, pk).name


visitor = app.test_client()
assert visitor.post("/hat").text == "1"
assert visitor.get("/1").text == "hat"
assert visitor.get("/2").status_code == 404
with app.app_context():
    cache = DiscobaseCache(db, "cache")
    cache.set("key", ["value"])
    assert cache.get("key") == ["value"]
print(f"Flask {version('flask')}, cachelib {version('cachelib')}: saved, found, cached")
