"""The part of the admin API by which tests in other processes act as people.

Every body has ``person_id``; what a person does to a bot answers with what they then see: the
fields of :class:`discobase.local.people.person.Answer`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from discobase.local.people.people import People
from discobase.local.people.person import ANSWER_SECONDS
from discobase.local.state.interactions import Interaction

Json = dict[str, Any]


def people_commands(people: People) -> dict[str, Callable[[Json], object]]:
    """Return what can be asked, by method and path; some answers must be awaited."""

    def does(act: Callable[..., Interaction]) -> Callable[[Json], object]:
        return lambda body: people.answered(act(**body), seconds=ANSWER_SECONDS)

    def look(
        person_id: int, interaction_id: int, followups: int = 0, seconds: float = ANSWER_SECONDS
    ) -> Awaitable[Json]:
        interaction = people.interaction(person_id, interaction_id)
        return people.answered(interaction, followups=followups, seconds=seconds)

    return {
        "POST /_local/people": lambda body: {"id": str(people.add(**body))},
        "POST /_local/people/messages": lambda body: {"id": str(people.say(**body))},
        "POST /_local/people/view": lambda body: {"messages": people.view.messages(**body)},
        "POST /_local/people/commands": does(people.run_command),
        "POST /_local/people/completions": does(people.type_command),
        "POST /_local/people/menus": does(people.use_menu),
        "POST /_local/people/presses": does(people.press),
        "POST /_local/people/choices": does(people.choose),
        "POST /_local/people/modals": does(people.submit_modal),
        "POST /_local/people/answers": lambda body: look(**body),
    }
