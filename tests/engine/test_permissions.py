"""Permission bits and the invite link, held against discord.py's."""

from __future__ import annotations

import discord
import pytest
from hypothesis import given
from hypothesis import strategies as st

from discobase.engine.server.permissions import (
    NEEDED,
    READING,
    WRITING,
    WRITING_FILES,
    Overwrite,
    Permission,
    Standing,
    in_channel,
    invite_link,
    missing,
)
from discobase.local.state import permissions as local
from discobase.local.state.entities import Channel, Guild, Member, Role
from discobase.local.state.entities import Overwrite as LocalOverwrite


@pytest.mark.parametrize("permission", Permission, ids=lambda permission: permission.name.lower())
def test_each_bit_is_the_one_that_discord_py_knows_by_that_name(permission):
    assert discord.Permissions(**{permission.name.lower(): True}).value == permission.value


@pytest.mark.parametrize("guild", [None, 1_520_000_000_000_000_001])
def test_the_link_is_the_one_that_discord_py_makes(guild):
    assert invite_link(42, guild) == discord.utils.oauth_url(
        42,
        permissions=discord.Permissions(NEEDED.value),
        scopes=("bot",),
        guild=discord.Object(guild) if guild else discord.utils.MISSING,
    )


def test_the_link_asks_for_what_is_needed_alone():
    """`tests/database/test_least_permissions.py` shows that it is needed, each of it."""
    assert invite_link(42).endswith(f"&permissions={NEEDED.value}")


def test_what_is_held_is_not_missing():
    assert missing(NEEDED) == []
    assert missing(NEEDED | 1 << 51) == []
    assert missing(NEEDED & ~Permission.ATTACH_FILES) == ["attach_files"]
    assert missing(1 << 13) == [
        "manage_channels",
        "view_channel",
        "send_messages",
        "attach_files",
        "read_message_history",
        "manage_roles",
    ]


def test_an_administrator_lacks_nothing():
    assert missing(Permission.ADMINISTRATOR) == []


# In a channel

EVERYONE, READERS, WRITERS, OTHERS, ME, OWNER = range(1, 7)
EACH = [one.value for one in Permission]
BITS = st.sets(st.sampled_from(EACH)).map(sum)
MILD = BITS.map(lambda bits: bits & ~Permission.ADMINISTRATOR)
OVERWRITES = st.dictionaries(
    st.sampled_from([EVERYONE, READERS, WRITERS, OTHERS, ME, OWNER]), st.tuples(BITS, BITS)
)
"""Of roles that the member has, of one that it has not, of its own, and of somebody else."""


def held(overwrites, permissions=NEEDED, **more):
    standing = Standing(EVERYONE, ME, permissions, frozenset({READERS, WRITERS}), **more)
    return in_channel(standing, {key: Overwrite(*bits) for key, bits in overwrites.items()})


def locally(overwrites, permissions, owner):
    """The same by the embedded server, which has its own reading of Discord's page."""
    guild = Guild(EVERYONE, "g", ME if owner else OWNER)
    guild.roles = {key: Role(key, EVERYONE, "r", 0) for key in (EVERYONE, READERS, WRITERS)}
    guild.roles[READERS].permissions = permissions
    channel = Channel(9, EVERYONE, 0, "c")
    channel.overwrites = {
        key: LocalOverwrite(key, int(key in {ME, OWNER}), *bits) for key, bits in overwrites.items()
    }
    return local.in_channel(guild, channel, Member(EVERYONE, ME, 0.0, [READERS, WRITERS]))


@given(OVERWRITES, BITS, st.booleans())
def test_what_is_held_in_a_channel_is_what_the_embedded_server_grants(overwrites, base, owner):
    ours = held(overwrites, base, owns=owner)
    theirs = locally(overwrites, base, owner)
    assert [bool(ours & one) for one in EACH] == [bool(theirs & one) for one in EACH]


@given(OVERWRITES, MILD)
def test_who_may_not_see_a_channel_may_do_nothing_there(overwrites, base):
    allowed = held(overwrites, base)
    assert allowed & Permission.VIEW_CHANNEL or allowed == 0
    assert allowed & Permission.SEND_MESSAGES or not allowed & Permission.ATTACH_FILES


@given(OVERWRITES, BITS)
def test_overwrites_of_others_change_nothing(overwrites, base):
    own = {key: bits for key, bits in overwrites.items() if key not in {OTHERS, OWNER}}
    assert held(overwrites, base) == held(own, base)


@given(OVERWRITES, MILD, BITS, BITS)
def test_the_own_overwrite_has_the_last_word(overwrites, base, allow, deny):
    allowed = held({**overwrites, ME: (allow | Permission.VIEW_CHANNEL, deny)}, base)
    plain = allow & ~Permission.ATTACH_FILES
    assert allowed & plain == plain


@given(OVERWRITES, MILD)
def test_who_is_timed_out_may_at_most_read(overwrites, base):
    allowed = held(overwrites, base, timed_out=True)
    assert allowed & ~READING == 0
    assert allowed == held(overwrites, base) & READING


@given(OVERWRITES, BITS)
def test_owners_and_administrators_may_do_everything_timed_out_or_not(overwrites, base):
    for allowed in (
        held(overwrites, base, owns=True, timed_out=True),
        held(overwrites, base | Permission.ADMINISTRATOR, timed_out=True),
    ):
        assert all(missing(allowed, needed) == [] for needed in (READING, WRITING, WRITING_FILES))


def test_what_a_role_allows_outweighs_what_another_role_denies():
    sees = Permission.VIEW_CHANNEL
    assert held({READERS: (0, sees), WRITERS: (sees, 0)}) & sees
    assert held({EVERYONE: (0, sees), READERS: (sees, 0)}) & sees
    assert not held({EVERYONE: (sees, 0), READERS: (0, sees)}) & sees
