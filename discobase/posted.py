"""Values in messages that people read in Discord: nothing that they say notifies anybody, changes
how the text around them looks, or ends the block that they stand in.

Whoever posts them also says that no mention counts (``allowed_mentions``): this is for the eye.
"""

from __future__ import annotations

import re
import unicodedata

_ZERO_WIDTH = "\u200b"
"""What keeps two characters apart and is not seen."""

_GRAVE = "\u02cb"
"""What looks like a backtick and is none."""

_MARKUP = re.compile(r"([\\*_~`|<>#\-\[\]():@])")
_DOUBLED = re.compile(r"`(?=`)")


def block(text: str, *, language: str = "") -> str:
    """Return a text as a block of code, as it is. Between backticks that follow each other stands a
    character that is not seen, so that none of them ends the block.

    Args:
        text: the text.
        language: in whose colours it is shown; none where it is left out.
    """
    return f"```{language}\n{apart(text)}\n```"


def apart(text: str) -> str:
    """Return a text as it may stand in a block of code."""
    return _DOUBLED.sub(f"`{_ZERO_WIDTH}", visible(text))


def code(text: str) -> str:
    """Return a text as code within a line: its backticks are replaced by what looks like them."""
    inside = visible(text, breaks=False).replace("`", _GRAVE)
    return f"`{inside}`" if inside.strip() else "` `"


def plain(text: str) -> str:
    """Return a text as it may stand in a sentence: what Discord would take for markup, a mention or
    a link is escaped.
    """
    escaped = _MARKUP.sub(r"\\\1", visible(text, breaks=False))
    return escaped.replace("@", f"@{_ZERO_WIDTH}")


def visible(text: str, *, breaks: bool = True) -> str:
    """Return a text without characters that are not seen or turn the direction of what follows:
    they stand as their numbers.

    Args:
        text: the text.
        breaks: whether the ends of lines stay what they are; else they are shown, too.
    """
    return "".join(
        each if each.isprintable() or (breaks and each in "\n\t") or _joins(each) else _number(each)
        for each in text
    )


def cut(text: str, most: int) -> str:
    """Return a text of so many characters at the most; one that was cut ends with three dots."""
    return text if len(text) <= most else text[: max(0, most - 1)] + "…"


def size(text: str) -> int:
    """Return how long a text is in units of UTF-16, of which some characters have two. Discord's
    limits are numbers of characters; whichever of the two it counts, this is not less.
    """
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def _joins(character: str) -> bool:
    """Return whether a character that is not seen belongs to those around it, as in emojis and in
    Indian scripts.
    """
    return character in "\u200c\u200d" and unicodedata.category(character) == "Cf"


def _number(character: str) -> str:
    return f"\\u{ord(character):04x}"
