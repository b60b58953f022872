"""Emojis of applications, which no server lists.

Source: Discord's page "Emoji". Their pictures are looked at and not kept: nobody sees them here.
"""

from __future__ import annotations

from dataclasses import asdict

from discobase.local import refusals
from discobase.local.state.entities import ApplicationEmoji
from discobase.local.state.snowflakes import Snowflakes
from discobase.local.state.store import Store

MOST = 2000
"""How many an application has (that page, "Application-Owned Emoji")."""

_KIND = "application_emoji"
"""What they are called in the file."""


class ApplicationEmojis:
    """The emojis of all applications.

    Args:
        store: where they are kept.
        new_id: makes ids.
    """

    def __init__(self, store: Store, new_id: Snowflakes) -> None:
        self._store = store
        self._new_id = new_id
        emojis = (ApplicationEmoji(**row) for row in store.objects(_KIND))
        self._by_id = {emoji.id: emoji for emoji in emojis}

    def of(self, application_id: int) -> list[ApplicationEmoji]:
        """Return an application's emojis, by age."""
        return [each for each in self._by_id.values() if each.application_id == application_id]

    def emoji(self, application_id: int, emoji_id: int) -> ApplicationEmoji:
        """Return one of an application's emojis.

        Raises:
            Refusal: 10014, there is none.
        """
        found = self._by_id.get(emoji_id)
        if found is None or found.application_id != application_id:
            raise refusals.unknown_emoji(404)
        return found

    def create(self, application_id: int, name: str, *, animated: bool) -> ApplicationEmoji:
        """Make an emoji.

        Raises:
            Refusal: 30008, there are as many as there may be; 50035, there is one of this name.
        """
        if len(self.of(application_id)) >= MOST:
            raise refusals.too_many_emojis(MOST)
        self._refuse_taken(application_id, name)
        emoji = ApplicationEmoji(self._new_id(), application_id, name, animated)
        self._by_id[emoji.id] = emoji
        self._keep(emoji)
        return emoji

    def rename(self, emoji: ApplicationEmoji, name: str) -> None:
        """Give an emoji another name.

        Raises:
            Refusal: 50035, there is one of this name.
        """
        if name != emoji.name:
            self._refuse_taken(emoji.application_id, name)
            emoji.name = name
            self._keep(emoji)

    def delete(self, emoji: ApplicationEmoji) -> None:
        """Remove an emoji."""
        self._store.remove_object(_KIND, emoji.application_id, emoji.id)
        del self._by_id[emoji.id]

    def _keep(self, emoji: ApplicationEmoji) -> None:
        self._store.put_object(_KIND, emoji.application_id, emoji.id, asdict(emoji))

    def _refuse_taken(self, application_id: int, name: str) -> None:
        if any(each.name == name for each in self.of(application_id)):
            raise refusals.invalid_field(
                "name",
                "APPLICATION_EMOJI_NAME_ALREADY_TAKEN",
                "An emoji with this name already exists",
            )
