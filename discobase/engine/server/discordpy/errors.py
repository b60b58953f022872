"""What discord.py raises, in the seam's words."""

from __future__ import annotations

import contextlib
from collections.abc import Generator

import aiohttp
import discord

from discobase.engine.server.discordpy.api_client import Unreached
from discobase.engine.server.login import TokenRefused
from discobase.engine.server.seam import Forbidden, NotFound, NotSent, Refused, Uncertain


@contextlib.contextmanager
def translated() -> Generator[None]:
    """Raise one of the seam's errors for each of discord.py's: whether the request had an effect is
    what matters.
    """
    try:
        yield
    except discord.LoginFailure as error:
        raise TokenRefused(str(error)) from error
    except discord.GatewayNotFound as error:
        raise Uncertain("the gateway's address could not be had") from error
    except discord.NotFound as error:
        raise NotFound(error.text or "not found", error.code) from error
    except discord.HTTPException as error:
        if error.status in (401, 403):
            raise Forbidden(error.text or "forbidden", error.code) from error
        if error.status >= 500 or error.status == 429:
            raise Uncertain(f"HTTP status {error.status}") from error
        raise Refused(error.text or f"HTTP status {error.status}", error.code) from error
    except Unreached as error:
        raise NotSent(str(error)) from error
    except (OSError, aiohttp.ClientError, TimeoutError) as error:
        raise Uncertain(f"{type(error).__name__}: {error}") from error


@contextlib.contextmanager
def answered() -> Generator[None]:
    """Raise one of the seam's errors for each of discord.py's, and for an answer that is not in
    Discord's form: it says nothing of the effect.
    """
    try:
        with translated():
            yield
    except (
        LookupError,
        TypeError,
        ValueError,
        AttributeError,
        ArithmeticError,
        RecursionError,
    ) as error:
        raise Uncertain(
            f"the answer is not in the form of Discord's ({type(error).__name__}: {error})"
        ) from error
