"""A guest book in Flask, kept in a Discord server.

Try it in this folder, on the embedded server, which keeps what it has in a file::

    DISCOBASE_TOKEN=local:guestbook.db flask run --debug

With the token of a bot in its place, which is in a Discord server called "Guestbook", it is the
real one, and ``gunicorn --workers 2 --threads 8 "app:create_app()"`` serves it.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from flask import Flask, redirect, render_template, request, url_for
from pydantic import Field, StringConstraints, ValidationError

import discobase
from discobase import errors
from discobase.contrib.flask import Discobase, get_or_404, paginate

db = discobase.Database("Guestbook")
extension = Discobase(db)

Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=80)]


@db.table
class Entry(discobase.Table):
    author: Line
    text: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)]
    signed: datetime = Field(default_factory=lambda: datetime.now(UTC))


def create_app(**settings: object) -> Flask:
    """Make the application. Nothing connects before the first request that needs the database."""
    app = Flask(__name__)
    app.config.update(settings)
    extension.init_app(app)

    @app.get("/")
    def guestbook():
        page = paginate(Entry.find().order_by("-signed"))
        return render_template("guestbook.html", page=page)

    @app.post("/")
    def sign():
        Entry(author=request.form["author"], text=request.form["text"]).save()
        return redirect(url_for("guestbook"), 303)

    @app.get("/<int:pk>")
    def entry(pk):
        return render_template("entry.html", entry=get_or_404(Entry, pk))

    @app.errorhandler(ValidationError)
    def refused(error):
        page = paginate(Entry.find().order_by("-signed"))
        wrong = [f"{each['loc'][0]}: {each['msg']}" for each in error.errors()]
        return render_template("guestbook.html", page=page, wrong=wrong), 422

    @app.errorhandler(errors.Unavailable)
    @app.errorhandler(errors.WaitTimeout)
    @app.errorhandler(errors.OutcomeUnknown)
    @app.errorhandler(errors.ConnectError)
    def unavailable(error):
        app.logger.error("the guest book cannot be read or written: %s", error)
        return render_template("unavailable.html"), 503

    return app
