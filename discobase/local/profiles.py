"""The profiles of rate limits, for those who read them or make their own."""

from __future__ import annotations

from discobase.local.behaviour.profiles import (
    DISCORD,
    NONE,
    PROFILES,
    GatewayLimits,
    Invalid,
    Profile,
    Rule,
    profile_named,
)

__all__ = [
    "DISCORD",
    "NONE",
    "PROFILES",
    "GatewayLimits",
    "Invalid",
    "Profile",
    "Rule",
    "profile_named",
]
