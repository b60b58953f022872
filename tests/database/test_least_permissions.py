"""The permissions that the invite link asks for: they are enough for all there is, and none of them
is asked for in vain.
"""

from __future__ import annotations

import pytest

from discobase.engine.server.permissions import NEEDED, Permission
from discobase.errors import ConnectError, MissingPermission
from tests.database.shop import shop

NOISE = "".join(chr(0x4E00 + (number * 7919) % 20_000) for number in range(9_000))
"""A text that no message has room for: it becomes a file."""


def allow(place, permissions: int) -> int:
    """Have the bot just these permissions in two servers, by its own role; return the second."""
    other = place.discord.join("mart")
    for server in (place.server, other):
        place.discord.set_permissions(server, 0)
        place.discord.set_permissions(server, permissions, token=place.token)
    return other


def live(place, other: int) -> None:
    """Do all that asks something of Discord."""
    database, item = shop()
    with place.conn(database):
        item(name="hat").save()
        item(name=NOISE).save()
        database.refresh()
        database.checkpoint()
        database.vacuum()
        assert database.verify().sound
        database.move(other)
        assert item.find(fresh=True).count() == 2
    database.clean("shop", token=place.token, api_url=place.api_url)


def test_what_the_link_asks_for_is_enough(place):
    live(place, allow(place, NEEDED))


@pytest.mark.parametrize("left_out", list(NEEDED), ids=lambda one: one.name)
def test_each_permission_is_needed(place, monkeypatch, left_out):
    """A login looks for all of them, and names what is missing; without that look Discord refuses
    something, of which not every time it is known what was missing.
    """
    other = allow(place, NEEDED & ~left_out)
    with pytest.raises(MissingPermission) as at_once:
        live(place, other)
    assert at_once.value.missing == [str(left_out.name).lower()]
    monkeypatch.setattr("discobase.engine.server.login.NEEDED", Permission(0))
    with pytest.raises(ConnectError) as later:
        live(place, other)
    if isinstance(later.value, MissingPermission):
        assert str(left_out.name).lower() in later.value.missing
    else:
        assert "code 50013" in str(later.value)
