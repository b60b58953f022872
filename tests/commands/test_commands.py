"""Commands in Discord, run by people on the embedded server over its gateway and its REST API."""

from __future__ import annotations

import csv
import io
import json
import urllib.request
from dataclasses import replace

import pytest

import discobase
from discobase.errors import RecordNotFound
from discobase.errors import UsageError as NotOffered
from discobase.typed.filters import OPERATORS
from tests.commands.conftest import EVIL, buttons, shown
from tests.database.shop import soon

CAST = [("Ada", 36, "London"), ("Grace", 85, "New York"), ("Edsger", 72, None)]


@pytest.fixture
def cast(users):
    """Three users."""
    return [users(name=name, age=age, city=city).save() for name, age, city in CAST]


@pytest.fixture
def run(stage):
    """Runs a command as Ada, and waits for what comes of it."""

    def run(command, person=None, **options):
        person = person or stage.ada
        return person.wait(person.run_command(stage.channel, command, **options))

    return run


@pytest.fixture
def press(stage):
    """Presses a button of an answer as Ada, by its label."""

    def press(answer, label):
        before = answer.message
        pressed = stage.ada.press(before["id"], buttons(answer)[label])
        assert pressed.error is None
        seen = lambda: next(  # noqa: E731
            each for each in stage.ada.messages(stage.channel) if each["id"] == before["id"]
        )
        assert soon(lambda: seen()["embeds"] != before["embeds"])
        return replace(pressed, message=seen())

    return press


# Reading


def test_tables_are_listed_with_how_many_records_they_have(run, cast):
    title, text = shown(run("tables"))
    assert title == "shop: 3 tables"
    rows = [line.split() for line in text.splitlines()]
    assert rows[1] == ["table", "records", "fields"]
    assert [row[0] for row in rows[3:6]] == ["Account", "Note", "User"]
    assert rows[-2][:5] == ["User", "3", "name,", "age,", "city,"]


def test_a_schema_shows_types_defaults_and_what_is_unique(run, users):
    title, text = shown(run("schema", table="User"))
    assert title == "User: 8 fields"
    lines = text.splitlines()
    assert lines[1].split() == ["field", "type", "default", "unique"]
    assert lines[3].split() == ["name", "str", "yes"]
    assert lines[4].split() == ["age", "int", "30"]


def test_a_record_is_shown_whole_and_its_secrets_are_not(run, users):
    made = users(name="Ada", note="first\nsecond", password="hunter2").save()
    title, text = shown(run("get", table="User", pk=made.pk))
    assert title == f"User {made.pk}, version {made.version}"
    assert "name      Ada\n" in text
    assert "note      first\n          second\n" in text
    assert "hunter2" not in json.dumps(text)
    assert "password  **********" in text


def test_what_is_too_long_for_an_answer_comes_as_a_file(run, users):
    note = "x" * 5_000
    made = users(name="Ada", note=note).save()
    answer = run("get", table="User", pk=made.pk)
    assert note not in shown(answer)[1]
    (file,) = answer.message["attachments"]
    with urllib.request.urlopen(file["url"]) as opened:
        assert json.load(opened)["note"] == note


def test_records_are_found_by_conditions_and_words(run, cast):
    title, text = shown(run("find", table="User", where='age>50 city="New York"'))
    assert title == "User: 1 record"
    assert "Grace" in text
    assert "Ada" not in text
    assert 'where `age>50 city="New York"`' in text
    _, text = shown(run("find", table="User", where="edsg", order="-age"))
    assert "Edsger" in text


def test_a_table_is_paged_by_buttons(run, press, users):
    users.save_many([users(name=f"user {number:02}", age=number) for number in range(1, 26)])
    first = run("table", table="User", order="-age")
    assert {*buttons(first)} == {"Next", "Last"}
    assert "user 25" in shown(first)[1]
    assert "user 15" not in shown(first)[1]
    second = press(first, "Next")
    assert second.message["id"] == first.message["id"]
    assert "user 15" in shown(second)[1]
    assert {*buttons(second)} == {"First", "Back", "Next", "Last"}
    last = press(second, "Last")
    assert "user 01" in shown(last)[1]
    assert {*buttons(last)} == {"First", "Back"}
    assert "3 of 3" in json.dumps(last.message["components"])


def test_a_column_says_how_often_each_value_occurs(run, press, users):
    users.save_many([users(name=f"{n}", age=n % 3, city=f"c{n // 2}") for n in range(60)])
    title, text = shown(run("column", table="User", field="age"))
    assert title == "User.age: 3 values"
    assert text == "```\n20  0\n20  1\n20  2\n```"
    first = run("column", table="User", field="city")
    assert shown(first)[0] == "User.city: 30 values"
    assert "c29" in shown(press(first, "Next"))[1]


def test_statistics_say_what_is_in_each_field(run, cast):
    title, text = shown(run("tablestats", table="User"))
    assert title == "User"
    assert "records         3\n" in text
    rows = [line.split() for line in text.splitlines()]
    assert ["age", "3", "0", "36", "85"] in rows
    assert ["city", "2", "1", "London", "New", "York"] in rows


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_an_export_is_a_file_of_all_records(run, cast, form):
    answer = run("export", table="User", format=form)
    assert answer.ephemeral
    (file,) = answer.message["attachments"]
    assert file["filename"] == f"User.{form}"
    with urllib.request.urlopen(file["url"]) as opened:
        text = opened.read().decode()
    if form == "csv":
        rows = [*csv.DictReader(io.StringIO(text))]
    else:
        rows = [json.loads(line) for line in text.splitlines()]
    assert [(row["name"], int(row["age"]), row["city"] or None) for row in rows] == CAST


# Writing


def submit(stage, form, **texts):
    """Fill in a form by the names of its fields, and wait."""
    names = {each["label"]: each["component"]["custom_id"] for each in form.modal["components"]}
    values = {names[name]: text for name, text in texts.items()}
    return stage.ada.wait(stage.ada.submit_modal(form, **values))


def test_a_record_is_inserted_by_forms_of_five_fields(stage, run, press, users):
    form = run("insert", table="User")
    assert form.state == "modal"
    assert form.modal["title"] == "New User (1 of 2)"
    labels = [each["label"] for each in form.modal["components"]]
    assert labels == ["name", "age", "city", "born", "price"]
    noted = submit(stage, form, name="Ada", age="36", born="1815-12-10", price="1.50")
    assert "Left: `tags`, `note`, `password`" in shown(noted)[1]
    assert users.find().count() == 0
    second = stage.ada.press(noted.message["id"], buttons(noted)["Go on"])
    assert second.modal["title"] == "New User (2 of 2)"
    stored = submit(stage, second, tags='["a", "b"]', note="hello", password="hunter2")
    (made,) = users.find()
    assert shown(stored)[0] == f"User {made.pk} is stored"
    assert (made.name, made.age, made.city, made.tags) == ("Ada", 36, None, ["a", "b"])
    assert (str(made.born), str(made.price)) == ("1815-12-10", "1.50")
    assert made.password.get_secret_value() == "hunter2"


def test_what_is_left_of_a_form_takes_its_defaults(stage, run, press, users):
    noted = submit(stage, run("insert", table="User"), name="Ada")
    stored = press(noted, "Save")
    (made,) = users.find()
    assert shown(stored)[0] == f"User {made.pk} is stored"
    assert (made.age, made.note) == (30, "")


def test_values_that_do_not_fit_are_explained_and_nothing_is_stored(stage, run, press, users):
    noted = submit(stage, run("insert", table="User"), name="Ada", age="old")
    wrong = press(noted, "Save")
    title, text = shown(wrong)
    assert title == "These values do not fit"
    assert "**age**" in text
    assert "valid integer" in text
    assert "pydantic.dev" not in text
    assert wrong.ephemeral
    noted = submit(stage, run("insert", table="User"), name="Ada", age="151")
    _, text = shown(press(noted, "Save"))
    assert text == "- **age**: nobody is as old as that"
    assert users.find().count() == 0


def test_a_unique_value_that_is_taken_is_refused(stage, run, press, cast):
    noted = submit(stage, run("insert", table="User"), name="Ada")
    title, text = shown(press(noted, "Save"))
    assert title == "That could not be done"
    assert "Ada" in text


def test_a_record_is_changed_by_a_form_that_shows_what_it_is(stage, run, press, users):
    made = users(name="Ada", city="London", note='say "null"', password="hunter2").save()
    form = run("update", table="User", pk=made.pk)
    held = {each["label"]: each["component"].get("value") for each in form.modal["components"]}
    assert held == {"name": "Ada", "age": "30", "city": "London", "born": None, "price": None}
    noted = submit(stage, form, name="Ada", age="37", city="")
    changed = press(noted, "Save")
    assert shown(changed)[0] == f"User {made.pk} is changed"
    found = users.get(made.pk)
    assert (found.name, found.age, found.city) == ("Ada", 37, None)
    assert (found.note, found.password.get_secret_value()) == ('say "null"', "hunter2")


def test_one_field_is_changed_alone(stage, run, users):
    made = users(name="Ada", password="hunter2").save()
    form = run("update", table="User", pk=made.pk, field="password")
    (only,) = form.modal["components"]
    assert only["label"] == "password"
    assert "value" not in only["component"]
    submit(stage, form, password="correct horse")
    assert users.get(made.pk).password.get_secret_value() == "correct horse"


def test_what_somebody_else_has_changed_meanwhile_is_not_overwritten(stage, run, users):
    made = users(name="Ada").save()
    form = run("update", table="User", pk=made.pk, field="age")
    users.find().update(age=40)
    title, _ = shown(submit(stage, form, age="50"))
    assert title == "That could not be done"
    assert users.get(made.pk).age == 40


def test_a_delete_asks_first(run, press, users):
    made = users(name="Ada").save()
    asked = run("delete", table="User", pk=made.pk)
    assert shown(asked)[0] == f"Delete User {made.pk}?"
    assert "Ada" in shown(asked)[1]
    kept = press(asked, "Keep it")
    assert shown(kept)[0] == "Nothing was changed"
    assert not kept.message["components"]
    assert users.find().count() == 1
    gone = press(run("delete", table="User", pk=made.pk), "Delete it")
    assert shown(gone)[0] == f"User {made.pk} is deleted"
    with pytest.raises(RecordNotFound):
        users.get(made.pk)


def test_a_record_that_was_changed_after_the_question_is_not_deleted(run, press, users):
    made = users(name="Ada").save()
    asked = run("delete", table="User", pk=made.pk)
    users.find().update(age=40)
    assert shown(press(asked, "Delete it"))[0] == "That could not be done"
    assert users.find().count() == 1


def test_a_reset_wants_the_tables_name(stage, run, cast, users):
    form = run("reset", table="User")
    (said,) = form.modal["components"]
    assert "3 records" in said["description"]
    wrong = stage.ada.wait(stage.ada.submit_modal(form, name="user"))
    assert "nothing was deleted" in shown(wrong)[1]
    assert users.find().count() == 3
    done = stage.ada.wait(stage.ada.submit_modal(run("reset", table="User"), name="User"))
    assert shown(done)[0] == "User: 3 records are deleted"
    assert users.find().count() == 0


def test_a_secret_inside_a_model_is_not_overwritten_by_its_mask(stage, run):
    account = stage.database.tables["Account"]
    made = account(login={"user": "ada", "password": "hunter2"}).save()
    form = run("update", table="Account", pk=made.pk)
    (held,) = (each["component"]["value"] for each in form.modal["components"])
    assert "**********" in held
    assert "hunter2" not in held
    title, text = shown(submit(stage, form, login=held.replace("ada", "eve")))
    assert title == "That could not be done"
    assert "stands for a secret" in text
    found = account.get(made.pk).login
    assert (found.user, found.password.get_secret_value()) == ("ada", "hunter2")
    form = run("update", table="Account", pk=made.pk)
    whole = '{"user": "eve", "password": "correct horse"}'
    submit(stage, form, login=whole)
    found = account.get(made.pk).login
    assert (found.user, found.password.get_secret_value()) == ("eve", "correct horse")


def test_what_was_typed_can_be_corrected(stage, run, press, users):
    noted = submit(stage, run("insert", table="User"), name="Ada", age="old", city="Rome")
    wrong = press(noted, "Save")
    again = stage.ada.press(wrong.message["id"], buttons(wrong)["Correct it"])
    held = {each["label"]: each["component"].get("value") for each in again.modal["components"]}
    assert (held["name"], held["age"], held["city"]) == ("Ada", "old", "Rome")
    press(submit(stage, again, name="Ada", age="36", city="Rome"), "Save")
    (made,) = users.find()
    assert (made.age, made.city) == (36, "Rome")


def test_an_answer_shows_what_is_stored(stage, run, press, users):
    noted = submit(stage, run("insert", table="User"), name="Ada")
    second = stage.ada.press(noted.message["id"], buttons(noted)["Go on"])
    press(noted, "Save")
    late = submit(stage, second, note="late")
    (made,) = users.find()
    assert made.note == ""
    assert "late" not in shown(late)[1]


def test_to_delete_twice_is_no_failure(stage, run, users):
    made = users(name="Ada").save()
    asked = run("delete", table="User", pk=made.pk)
    button = buttons(asked)["Delete it"]
    stage.ada.press(asked.message["id"], button)
    users.find().delete()
    assert soon(lambda: "is deleted" in json.dumps(stage.ada.messages(stage.channel)[-1]["embeds"]))


def test_a_page_that_is_not_there_any_more_leads_to_the_last_one(run, press, users):
    users.save_many([users(name=f"user {number:02}") for number in range(25)])
    first = run("table", table="User")
    users.find(users.name > "user 11").delete()
    title, text = shown(press(first, "Last"))
    assert title == "User: 12 records"
    assert "user 11" in text


def test_what_does_not_fit_the_class_is_told_of(stage, run):
    stage.database.tables["Note"].find().delete()
    other = discobase.Database("shop")

    @other.table(name="Note")
    class Old(discobase.Table):
        body: str = ""

    with other.conn(stage.discord.default_token, api_url=stage.discord.api_url):
        Old(body="of before").save()
    stage.database.refresh()
    stage.database.tables["Note"](text="of now").save()
    title, text = shown(run("table", table="Note"))
    assert title == "Note: 2 records"
    assert "of now" in text
    assert "does not fit the class" in text
    title, text = shown(run("export", table="Note"))
    assert title == "Note: 1 record"
    assert "1 record more" in text
    with other.conn(stage.discord.default_token, api_url=stage.discord.api_url):
        Old.find().delete()


def test_secrets_are_not_found_out_by_asking(stage, run, users):
    users(name="Ada", password="hunter2").save()
    title, text = shown(run("find", table="User", where="password=hunter2"))
    assert title == "That could not be done"
    assert "holds secrets" in text
    assert choices(stage, "find", "where", table="User", where="password=") == ["password="]


# Completing


def choices(stage, command, option, **options):
    return [
        each["value"]
        for each in stage.ada.complete(stage.channel, command, option, **options).choices
    ]


def test_what_is_typed_is_completed(stage, cast):
    assert choices(stage, "find", "table", table="us") == ["User"]
    assert choices(stage, "column", "field", table="User", field="n") == ["name", "note", "born"]
    assert choices(stage, "find", "where", table="User", where="ag") == ["age=", "tags="]
    assert choices(stage, "find", "where", table="User", where="age=3 agE") == [
        f"age=3 age{each}" for each in OPERATORS
    ]
    assert choices(stage, "find", "where", table="User", where="age>3 city=n") == [
        "age>3 city=n",
        'age>3 city="New York"',
        "age>3 city=null",
    ]
    assert choices(stage, "table", "order", table="User", order="city,-a") == ["city,-age"] + [
        f"city,-{name}" for name in ("name", "tags", "password")
    ]
    assert choices(stage, "find", "where", table="Users", where="a") == []


def test_there_are_never_more_choices_than_discord_takes(stage, users):
    users.save_many([users(name=f"{n:03}", note="x" * 200) for n in range(40)])
    assert len(choices(stage, "find", "where", table="User", where="name=")) == 25
    assert choices(stage, "find", "where", table="User", where="note=x") == ["note=x"]


# Who may


def test_who_lacks_the_permission_is_not_offered_the_commands(stage):
    with pytest.raises(NotOffered):
        stage.eve.run_command(stage.channel, "tables")


def test_who_is_shown_them_by_an_administrator_is_refused_all_the_same(stage, run, cast):
    (command,) = [each for each in stage.commands() if each["name"] == "get"]
    path = (
        f"/applications/{command['application_id']}/guilds/{stage.server}/commands/{command['id']}"
    )
    assert stage.bot("PATCH", path, {"default_member_permissions": None}).status == 200
    refused = run("get", stage.eve, table="User", pk=cast[0].pk)
    path_back = {"default_member_permissions": int(command["default_member_permissions"])}
    assert stage.bot("PATCH", path, path_back).status == 200
    title, text = shown(refused)
    assert title == "You may not do that"
    assert "Manage Server" in text
    assert refused.ephemeral
    assert "Ada" not in json.dumps(refused.message)


def test_errors_are_seen_by_who_asked_alone(stage, run):
    answer = run("get", table="Nobody", pk=1)
    assert answer.ephemeral
    assert shown(answer)[0] == "That could not be done"
    assert "Nobody" in shown(answer)[1]
    assert "Nobody" not in json.dumps(stage.eve.messages(stage.channel))


# What values say


def test_no_value_pings_or_breaks_out_of_its_block(run, press, users):
    made = users(name="a", note=EVIL, city=EVIL).save()
    for answer in (
        run("get", table="User", pk=made.pk),
        run("table", table="User"),
        run("column", table="User", field="note"),
        run("find", table="User", where="note~everyone"),
    ):
        text = shown(answer)[1]
        inside = text.split("```")
        assert len(inside) == 3, text
        assert "\u202e" not in text
        assert answer.message["mention_everyone"] is False
        assert answer.message["mentions"] == []
        assert answer.message["content"] == ""


def test_an_error_shows_a_value_as_it_is(run, users):
    _, text = shown(run("find", table="User", where="age=**x**@everyone"))
    assert "**x**" not in text
    assert "@everyone" not in text


# Their place


def test_the_commands_are_registered_once(stage):
    names = {each["name"] for each in stage.commands()}
    assert names == {
        *("tables", "schema", "table", "find", "get", "column", "tablestats", "export"),
        *("insert", "update", "delete", "reset"),
    }


def test_another_connection_that_finds_them_registers_nothing(stage):
    from tests.commands.conftest import shop

    stage.discord.reset_requests()
    other, _ = shop()
    with other.conn(stage.discord.default_token, api_url=stage.discord.api_url):
        assert soon(lambda: stage.discord.requests.count("GET", "*/commands") == 1)
    assert stage.discord.requests.count("PUT", "*/commands") == 0
