"""A property that is worked out once: for whom it waits, and what two get who ask at once."""

from __future__ import annotations

import threading

from discobase.once import once
from tests.database.shop import in_thread


class _Meeting:
    """Whose value is there when somebody else is at it as well."""

    door = threading.Barrier(2)

    @once
    def place(self) -> object:
        """Where they meet."""
        self.door.wait(10)
        return object()


def test_one_object_does_not_wait_for_another():
    first, second = _Meeting(), _Meeting()
    other = threading.Thread(target=lambda: second.place)
    other.start()
    assert first.place is not None
    other.join()
    assert first.place is not second.place


def test_two_threads_that_ask_at_once_get_the_same():
    meeting = _Meeting()
    found: list[object] = []
    other = threading.Thread(target=lambda: found.append(meeting.place))
    other.start()
    found.append(meeting.place)
    other.join()
    assert found[0] is found[1] is meeting.place


def test_what_failed_is_tried_anew():
    tried: list[int] = []

    class Once:
        @once
        def number(self) -> int:
            tried.append(len(tried))
            return 1 // tried[-1]

    each = Once()
    assert isinstance(in_thread(lambda: each.number), ZeroDivisionError)
    assert (each.number, each.number, tried) == (1, 1, [0, 1])


def test_its_class_shows_what_it_is():
    assert isinstance(_Meeting.place, once)
    assert _Meeting.place.__doc__ == "Where they meet."
