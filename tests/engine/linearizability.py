"""Is there an order of these operations on one register that explains all answers?

After Wing and Gong, with Lowe's memory of what has been tried: an operation may come next if no
other one had returned before it was called; one whose outcome is unknown may come at any time after
its call, or never.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

FOREVER = float("inf")


@dataclasses.dataclass(eq=False)
class Operation:
    """A read that `got` a value, or a conditional set from `expected` to `new`."""

    kind: str
    called: float
    returned: float = FOREVER
    got: str | None = None
    expected: str | None = None
    new: str | None = None
    done: bool | None = None

    def settle(self, returned: float, *, done: bool) -> None:
        """The answer is known: the set took place, or found another value."""
        self.returned, self.done = returned, done

    def apply(self, value: str | None) -> tuple[bool, str | None]:
        """Whether the operation can have had its answer at this value, and the value after it."""
        if self.kind == "read":
            return self.got == value, value
        if self.done is None:
            return True, self.new if value == self.expected else value
        if self.done:
            return value == self.expected, self.new
        return value != self.expected, value


def linearizable(history: Sequence[Operation]) -> bool:
    """Whether some order explains the history of a register that began with None."""
    tried: set[tuple[frozenset[int], str | None]] = set()
    states: list[tuple[frozenset[int], str | None]] = [(frozenset(range(len(history))), None)]
    while states:
        state = states.pop()
        if state in tried:
            continue
        tried.add(state)
        left, value = state
        if all(history[number].returned == FOREVER for number in left):
            return True
        first_return = min(history[number].returned for number in left)
        for number in left:
            if history[number].called <= first_return:
                fits, after = history[number].apply(value)
                if fits:
                    states.append((left - {number}, after))
    return False
