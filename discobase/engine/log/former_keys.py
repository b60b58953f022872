"""What a superblock says of keys that its database had before, so that who has one of them learns
that it was changed, and by whom, and nobody else learns anything of that.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any, cast

from discobase.engine.log.sealing import Derivation, Forged, Sealing

_DIGEST = re.compile("[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class FormerKey:
    """A key that was changed, and what was said of that, sealed by it.

    Attributes:
        until: the first generation that has another one.
        made: the generation for whose channels the last keys of it were derived.
        derivation: how; None where nothing was encrypted until then.
        hash: the hash of what was said, by those keys.
        said: what was said, sealed, as JSON.
    """

    until: int
    made: int
    derivation: Derivation | None
    hash: str
    said: str

    @classmethod
    def of(
        cls,
        facts: dict[str, Any],
        *,
        until: int,
        made: int,
        derivation: Derivation | None,
        sealing: Sealing,
    ) -> FormerKey:
        """Seal what is said of a change.

        Args:
            facts: what JSON can say.
            until: the first generation with another key.
            made: the generation whose keys seal it.
            derivation: how those were derived.
            sealing: what seals by them.
        """
        text = json.dumps(facts, separators=(",", ":")).encode("ascii")
        digest = sealing.hash("rekeying", text)[:32]
        closed = sealing.close("rekeying", str(until), digest, text)
        return cls(until, made, derivation, digest, sealing.to_json(closed))

    def open(self, sealing: Sealing) -> dict[str, Any] | None:
        """Return what was said; None where that was not sealed so, or was altered."""
        try:
            closed = sealing.from_json(json.loads(self.said))
            text = sealing.open("rekeying", str(self.until), self.hash, closed)
            if sealing.hash("rekeying", text)[:32] != self.hash:
                return None
            facts = json.loads(text)
        except (Forged, ValueError, RecursionError):
            return None
        return cast("dict[str, Any]", facts) if isinstance(facts, dict) else None

    def to_json(self) -> dict[str, Any]:
        """Return what stands for it in a superblock."""
        derived = {} if self.derivation is None else self.derivation.to_facts()
        said = {"hash": self.hash, "is": json.loads(self.said)}
        return {"until": self.until, "made": self.made} | derived | said

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> FormerKey:
        """Read what :meth:`to_json` gave.

        Raises:
            KeyError, TypeError, ValueError: it is none.
        """
        until, made, digest = fields["until"], fields["made"], fields["hash"]
        if not type(until) is type(made) is int or not 0 < made < until:
            raise TypeError(fields)
        if not _DIGEST.fullmatch(digest):
            raise ValueError(fields)
        derivation = Derivation.of_facts(fields) if "salt" in fields else None
        said = json.dumps(fields["is"], separators=(",", ":"))
        return cls(until, made, derivation, digest, said)
