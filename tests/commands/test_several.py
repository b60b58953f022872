"""Several programs of one bot, each with commands: one of them acts, and nothing is done twice."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from discobase.commands import writing
from tests.commands.conftest import buttons, shop, shown
from tests.database.shop import soon


@pytest.fixture
def crowd(stage, users):
    """Two more programs, which hear of the same."""
    others = [shop()[0] for _ in range(2)]
    where = {"token": stage.discord.default_token, "api_url": stage.discord.api_url}
    with others[0].conn(**where), others[1].conn(**where):
        assert soon(lambda: all(each.status().gateway == "live" for each in others))
        yield others


def notes(database):
    return database.tables["Note"]


def inserted(stage, text):
    form = stage.ada.run_command(stage.channel, "insert", table="Note")
    return stage.ada.wait(stage.ada.submit_modal(form, text=text))


def test_of_several_programs_one_stores_what_was_typed(stage, crowd):
    for number in range(8):
        assert shown(inserted(stage, f"note {number}"))[0].endswith("is stored")
    found = notes(crowd[0]).find(notes(crowd[0]).text.startswith("note"), fresh=True)
    assert found.values_list("text", flat=True) == [f"note {number}" for number in range(8)]


def test_each_answer_is_one_message(stage, crowd):
    before = len(stage.ada.messages(stage.channel))
    answer = stage.ada.wait(stage.ada.run_command(stage.channel, "tables"))
    assert "Note" in shown(answer)[1]
    assert not answer.followups
    assert len(stage.ada.messages(stage.channel)) == before + 1


def test_a_reset_that_another_program_has_taken_is_left_to_it(stage, crowd, monkeypatch):
    done = []
    reset = writing.reset
    monkeypatch.setattr(writing, "reset", lambda *given: done.append(1) or reset(*given))
    for number in range(4):
        inserted(stage, f"gone {number}")
        form = stage.ada.run_command(stage.channel, "reset", table="Note")
        answer = stage.ada.wait(stage.ada.submit_modal(form, name="Note"))
        assert "deleted" in shown(answer)[0]
    assert len(done) == 4


def test_two_presses_at_once_store_it_once(stage, crowd, users):
    form = stage.ada.run_command(stage.channel, "insert", table="User")
    noted = stage.ada.submit_modal(form, name="Ada")
    press = buttons(noted)["Save"]
    with ThreadPoolExecutor(2) as two:
        for each in [two.submit(stage.ada.press, noted.message["id"], press) for _ in range(2)]:
            each.exception()  # the second finds the button gone, or is heard of
    assert soon(lambda: users.find(fresh=True).count() == 1)
    stage.ada.wait(stage.ada.run_command(stage.channel, "tables"))
    assert users.find(fresh=True).count() == 1


@pytest.mark.parametrize("again", [0, 1])
def test_the_same_save_by_two_programs_is_one(stage, crowd, again):
    from discobase.table import save_once

    for database in (crowd[again], crowd[1 - again], crowd[again]):
        save_once(notes(database)(text=f"once {again}"), f"discord-{again}")
    assert notes(crowd[0]).find(text=f"once {again}", fresh=True).count() == 1


def test_a_button_of_before_all_programs_were_started_says_so(stage, users):
    answer = stage.ada.run_command(stage.channel, "insert", table="User")
    noted = stage.ada.submit_modal(answer, name="Ada")
    stage.database.close()
    where = {"token": stage.discord.default_token, "api_url": stage.discord.api_url}
    stage.database.login_thread(**where)
    stage.database.wait_ready()
    assert soon(lambda: stage.database.status().gateway == "live")
    pressed = stage.ada.press(noted.message["id"], buttons(noted)["Save"])
    assert shown(pressed)[0] == "That was too long ago"
    assert users.find().count() == 0
