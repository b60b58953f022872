"""The table of all endpoints, those that are not served included."""

from __future__ import annotations

from discobase.local.rest.endpoints import UNSERVED
from discobase.local.rest.routes import (
    application_emojis,
    applications,
    attachments,
    channels,
    guilds,
    interactions,
    invites,
    members,
    messages,
    pins,
    reactions,
    roles,
    users,
)
from discobase.local.rest.routing import Table

TABLE = Table(
    (
        *users.ROUTES,
        *guilds.ROUTES,
        *channels.ROUTES,
        *messages.ROUTES,
        *applications.ROUTES,
        *application_emojis.ROUTES,
        *interactions.ROUTES,
        *attachments.ROUTES,
        *invites.ROUTES,
        *members.ROUTES,
        *pins.ROUTES,
        *reactions.ROUTES,
        *roles.ROUTES,
        *UNSERVED,
    )
)
"""Every endpoint there is, those that are not served included."""
