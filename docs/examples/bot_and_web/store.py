"""The list that the bot and the web app share, and what both do with it. Every call blocks."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

import discobase
from discobase import errors

SERVER = "Shopping"
"""The Discord server: of the list, and of the people who use it."""

db = discobase.Database(SERVER)

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=80)]


@db.table
class Wanted(discobase.Table):
    """A thing that somebody wants to be bought."""

    thing: Annotated[Text, discobase.Unique()]
    by: Text
    announced: bool = Field(default=False, description="whether the bot has told it in Discord")


def want(thing: str, by: str, *, announced: bool = False) -> bool:
    """Put a thing on the list. Returns whether it is new there."""
    try:
        Wanted(thing=thing, by=by, announced=announced).save()
    except errors.UniqueViolation:
        return False
    return True


def bought(thing: str) -> bool:
    """Take a thing off the list. Returns whether it was there."""
    found = Wanted.find(thing=thing).first()
    try:
        if found is not None:
            found.delete()
    except errors.RecordNotFound:
        return False  # somebody else was faster
    return found is not None


def wanted() -> list[Wanted]:
    """Everything on the list. No API call: this process has a replica."""
    return list(Wanted.find().order_by("pk"))


def take_news() -> list[Wanted]:
    """What was put on the list elsewhere, and is now this process's to tell, each thing once."""
    news = []
    for item in Wanted.find(announced=False).order_by("pk"):
        item.announced = True
        try:
            # Noted before it is told: a bot that dies in between tells it never, rather than twice.
            news.append(item.update(if_unchanged=True))
        except (errors.ConflictError, errors.RecordNotFound):
            continue  # it was bought in this moment, or another bot tells it
    return news
