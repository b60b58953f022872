"""The web app: the same list, for those who are not in Discord."""

from __future__ import annotations

import store
from flask import Flask, redirect, render_template, request, url_for
from pydantic import ValidationError

from discobase import errors
from discobase.contrib.flask import Discobase

extension = Discobase(store.db)


def create_app(**settings: object) -> Flask:
    """Make the application. Nothing connects before the first request that needs the database."""
    app = Flask(__name__)
    app.config.update(settings)
    extension.init_app(app)

    @app.get("/")
    def shopping():
        return render_template("list.html", wanted=store.wanted(), server=store.SERVER)

    @app.post("/")
    def want():
        store.want(request.form["thing"], request.form["by"])
        return redirect(url_for("shopping"), 303)

    @app.post("/bought")
    def bought():
        store.bought(request.form["thing"])
        return redirect(url_for("shopping"), 303)

    @app.errorhandler(ValidationError)
    def refused(error):
        wrong = [f"{line['loc'][0]}: {line['msg']}" for line in error.errors()]
        page = render_template("list.html", wanted=store.wanted(), server=store.SERVER, wrong=wrong)
        return page, 422

    @app.errorhandler(errors.ConnectError)
    @app.errorhandler(errors.Unavailable)
    def unavailable(error):
        app.logger.warning("%s", error)
        return "The list cannot be reached at the moment. Please try again in a minute.", 503

    return app
