"""The part of the admin API by which tests in other processes act as people.

Every body has ``person_id``; what a person does to a bot answers with what he then sees: the fields
of :class:`discobase.local.people.person.Answer`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from discobase.local.control.control import Control
    from discobase.local.state.interactions import Interaction

Json = dict[str, Any]

_IDS = {"person_id", "server_id", "channel_id", "message_id", "interaction_id", "user", "message"}
_SECONDS = 10.0


def commands(control: Control) -> dict[str, Callable[[Json], object]]:
    """What can be asked, by method and path; some answers must be awaited."""
    people = control.people

    def does(act: Callable[..., Interaction]) -> Callable[[Json], object]:
        return lambda body: people.answered(act(**_with_ids(body)), seconds=_SECONDS)

    def look(
        person_id: int, interaction_id: int, followups: int = 0, seconds: float = _SECONDS
    ) -> Awaitable[Json]:
        interaction = people.interaction(person_id, interaction_id)
        return people.answered(interaction, followups=followups, seconds=seconds)

    return {
        "POST /_local/people": lambda body: {"id": str(control.person(**_with_ids(body)))},
        "POST /_local/people/messages": lambda body: {"id": str(people.say(**_with_ids(body)))},
        "POST /_local/people/view": lambda body: {
            "messages": people.view.messages(**_with_ids(body))
        },
        "POST /_local/people/commands": does(people.run_command),
        "POST /_local/people/completions": does(people.type_command),
        "POST /_local/people/menus": does(people.use_menu),
        "POST /_local/people/presses": does(people.press),
        "POST /_local/people/choices": does(people.choose),
        "POST /_local/people/modals": does(people.submit_modal),
        "POST /_local/people/answers": lambda body: look(**_with_ids(body)),
    }


def _with_ids(body: Json) -> Json:
    """Ids may be given as strings, as everywhere in Discord's JSON."""
    return {name: int(value) if name in _IDS else value for name, value in body.items()}
