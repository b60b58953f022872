"""A bot's token as a text that does not show itself: collectors of errors record what stands in the
frames of a traceback.
"""

from __future__ import annotations

from typing import SupportsIndex, TypeVar

T = TypeVar("T")


class Token(str):
    """A token. It is the text for whoever uses it, and hidden from whoever shows it: its ``repr``
    says nothing, nor does that of a header made of it. ``str(token)`` is the plain text.
    """

    __slots__ = ()

    def __repr__(self) -> str:
        """Return what may stand in a log."""
        return "<hidden>"

    def __radd__(self, before: str) -> Token:
        """Return the token behind some text, as in a header; hidden, too."""
        return Token(f"{before}{self}")

    def strip(self, chars: str | None = None, /) -> Token:
        """Return the token without what surrounds it; hidden, too."""
        return Token(super().strip(chars))

    def partition(self, sep: str, /) -> tuple[Token, Token, Token]:
        """Return the parts of the token before and behind a text; hidden, too."""
        before, found, behind = super().partition(sep)
        return Token(before), Token(found), Token(behind)

    def __reduce_ex__(self, protocol: SupportsIndex, /) -> tuple[type[Token], tuple[str]]:
        """Tell pickle and copy what it is made of."""
        return Token, (str(self),)


def hidden(token: T) -> T | Token:
    """Return a token that was given, hidden; what is no text, as it is.

    Whoever takes a token rebinds the name it was given by, since arguments stand in frames, too.
    """
    return Token(token) if isinstance(token, str) else token


def forget_frames(error: BaseException) -> None:
    """Take from an error, and from those that led to it, the frames they have passed: code of
    others was at work there with the token in plain text, as bytes on their way to a socket.
    """
    seen: set[int] = set()
    following: list[BaseException | None] = [error]
    while following:
        each = following.pop()
        if each is None or id(each) in seen:
            continue
        seen.add(id(each))
        each.__traceback__ = None
        following += [each.__cause__, each.__context__]
