"""The running hash of an export, by which each line, and the whole, is known to be as it was
written.

Each line ends with the beginning of the hash of all that stands before it. So the first line that
was altered, left out, or put in is the first one that does not fit, whatever was altered in it. The
last line has the whole hash, and is there only where the export is whole. There is no secret in it:
it tells damage and mistakes, not forgery.
"""

from __future__ import annotations

import re
from hashlib import sha256

from discobase.transfer.pieces import NoPiece, Piece, content_of

_CHECK = ',"check":"'
_SHOWN = 8
"""Characters of the hash in each line: one altered line in four thousand million fits by chance,
and is found at the end."""

_END = re.compile(
    r'\{"end":true,"lines":([0-9]{1,18}),"content":"([0-9a-f]{64})","hash":"([0-9a-f]{64})"\}'
)


class Seal:
    """What has been hashed so far. One is for writing, another one for reading.

    Attributes:
        lines: how many lines.
        content: the hash of what the database holds, in hexadecimal, without versions and without
            where it was: equal for two databases that hold the same.
        whole: the hash of all lines but the last, once :meth:`end` or :meth:`is_end` was called
            for that.
    """

    def __init__(self) -> None:
        self.lines = 0
        self.whole = ""
        self._all = sha256()
        self._content = sha256()

    @property
    def content(self) -> str:
        """The hash of what the database holds."""
        return self._content.hexdigest()

    def line(self, piece: Piece) -> str:
        """Return the line of the next piece."""
        text = piece.text
        return f'{text}{_CHECK}{self._take(text)}"}}'

    def end(self) -> str:
        """Return the last line."""
        text = f'{{"end":true,"lines":{self.lines},"content":"{self.content}"'
        self._all.update(text.encode("ascii"))
        self.lines += 1
        self.whole = self._all.hexdigest()
        return f'{text},"hash":"{self.whole}"}}'

    def opened(self, line: str) -> str:
        """Return the text of the piece that a line is of.

        Raises:
            NoPiece: the line is not what follows those that were opened before.
        """
        text, found, rest = line.rpartition(_CHECK)
        if not found or rest != f'{self._take(text)}"}}':
            raise NoPiece(line[:80])
        return text

    def is_end(self, line: str) -> bool:
        """Return whether a line is the last one, and fits those that were opened before.

        Raises:
            NoPiece: it is a last one, and does not fit.
        """
        if not line.startswith('{"end":'):
            return False
        if not _END.fullmatch(line) or line != self.end():
            raise NoPiece(line[:80])
        return True

    def _take(self, text: str) -> str:
        data = text.encode("ascii")
        self._all.update(data)
        if self.lines:  # the first one says where it was, not what
            self._content.update(content_of(text).encode("ascii") + b"\n")
        check = self._all.hexdigest()[:_SHOWN]
        self._all.update(b"\n")
        self.lines += 1
        return check
