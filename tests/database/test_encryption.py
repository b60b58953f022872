"""An encrypted database over HTTP: nobody sees what is in it, and it works as any other."""

from __future__ import annotations

import base64
import copy
import json
import logging
import pickle
import re
import secrets
import urllib.request
from typing import Annotated

import pytest

from discobase import Database, Searchable, Table, Unique
from discobase.errors import (
    ConnectError,
    KeyNeeded,
    NotEncrypted,
    UsageError,
    WaitTimeout,
    WrongKey,
)
from discobase.key import NO_KEY, Key, checked_key
from tests.database.test_hidden_token import shown
from tests.format import decrypting
from tests.format.reader import DiscordApi

KEY, OTHER = bytes(range(100, 132)), bytes(range(32))
PASSPHRASE = "six words that nobody knows"
HIDDEN = ["Patient", "diagnosis", "measles", "sepsis", "surgery-7", "Ada Lovelace", "dis-label"]
"""The names of tables and fields, values and labels in what follows."""


@pytest.fixture
def cheap(monkeypatch):
    """Passphrases are derived at the least that is read."""
    from discobase.engine.log.sealing import derivation

    monkeypatch.setattr(derivation, "USUAL_COSTS", (1 << 14, 8, 1))


def hospital(**options):
    database = Database("shop", label="dis-label surgery-7", attachment_limit=2_000, **options)

    @database.table
    class Patient(Table):
        name: Annotated[str, Unique(), Searchable()]
        diagnosis: str = "measles"

    return database, Patient


def fill(database, patient):
    """Write all that can be written: inline, as files, checkpoints in parts."""
    ada = patient(name="Ada Lovelace").save()
    ada.diagnosis = "sepsis"
    ada.save()
    patient(name="gone").save().delete()
    patient.save_many(patient(name=f"measles {n}") for n in range(300))
    patient(name="measles " + base64.b64encode(secrets.token_bytes(6_000)).decode()).save()
    database.require_version("2.0")
    database.drop_unique(patient, "name")
    database.checkpoint()


def everything(discord) -> list[bytes]:
    """All that the server holds: names, topics, messages, the names of files and what they hold."""
    (server,) = discord.servers()
    api = DiscordApi(discord.api_url, discord.default_token, "shop")
    said = [json.dumps(api.channels()).encode()]
    for channel in discord.channels(server):
        for message in discord.messages(channel):
            said.append(json.dumps(message).encode())
            for file in message["attachments"]:
                with urllib.request.urlopen(file["url"]) as answer:
                    said.append(answer.read())
            said += [base64.b64decode(each) for each in re.findall(BASE64, message["content"])]
    return said


BASE64 = "(?:[A-Za-z0-9+/]{4}){8,}(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?"


def test_nothing_that_is_written_is_to_be_seen_and_a_second_implementation_reads_it(place):
    database, patient = hospital(key=KEY)
    with place.conn(database):
        fill(database, patient)
        report = database.verify()
        assert report.sound, report
        assert report.checkpoints
        assert database.status().encrypted
        assert "encrypted" in repr(database.status())
    said = everything(place.discord)
    files = [each for each in said if b'"filename"' in each]
    assert any(each.count(b'"filename"') > 1 for each in files)
    for hidden in HIDDEN:
        assert not [each for each in said if hidden.encode() in each], hidden
    source = DiscordApi(place.api_url, place.token, "shop")
    for whole in (True, False):
        state = decrypting.open_database(source, KEY, whole=whole)
        assert (state.seq, state.hash()) == (report.position, report.state)
    again, patient = hospital(key=KEY)
    with place.conn(again):
        assert patient.find_unique(name="Ada Lovelace").diagnosis == "sepsis"
        assert patient.search("Lovelace").count() == 1
        assert len(patient.find()) == 302


@pytest.mark.usefixtures("cheap")
@pytest.mark.parametrize("key", [KEY, PASSPHRASE], ids=["key", "passphrase"])
def test_a_vacuum_keeps_it_encrypted_and_others_go_on(place, key, tmp_path):
    database, patient = hospital(key=key)
    other, theirs = hospital(key=key, cache=tmp_path)
    source = DiscordApi(place.api_url, place.token, "shop")
    with place.conn(database), place.conn(other):
        fill(database, patient)
        told = database.vacuum(lanes=2)
        assert (told.generation, told.records) == (2, 302)
        theirs(name="surgery-7, too").save()
        database.refresh()
        report = database.verify()
        assert report.sound, report
        assert (report.state, report.position) == (other.verify().state, told.position + 1)
        for whole in (True, False):
            state = decrypting.open_database(source, key, whole=whole)
            assert (state.seq, state.hash()) == (report.position, report.state)
    for hidden in HIDDEN:
        assert not [each for each in everything(place.discord) if hidden.encode() in each], hidden
    with place.conn(other):
        assert theirs.find_unique(name="surgery-7, too").diagnosis == "measles"
    stranger, _ = hospital(key=OTHER)
    with pytest.raises(WrongKey), place.conn(stranger):
        pass


@pytest.mark.usefixtures("cheap")
def test_a_passphrase_is_one_however_its_letters_are_composed(place):
    for passphrase in ("caf\u00e9 au lait, bien chaud", "cafe\u0301 au lait, bien chaud"):
        database, patient = hospital(key=passphrase)
        with place.conn(database):
            patient(name=ascii(passphrase)).save()
    source = DiscordApi(place.api_url, place.token, "shop")
    state = decrypting.open_database(source, "caf\u00e9 au lait, bien chaud")
    assert len(state.tables["Patient"].records) == 2


def test_what_is_searched_for_would_be_found_where_nothing_is_encrypted(place):
    database, patient = hospital()
    with place.conn(database):
        fill(database, patient)
        assert database.status().encrypted is False
    said = everything(place.discord)
    for hidden in HIDDEN:
        assert [each for each in said if hidden.encode() in each], hidden


def test_it_costs_no_call_more(place):
    database, patient = hospital(key=KEY)
    with place.conn(database):
        ada = patient(name="Ada").save()
        place.forget_calls()
        ada.save()
        assert place.calls == 1
        assert patient.find(name="Ada")[0] == ada
        assert place.calls == 1


@pytest.mark.parametrize(
    ("made", "given", "kind"),
    [
        (KEY, OTHER, WrongKey),
        (KEY, None, KeyNeeded),
        (None, KEY, NotEncrypted),
        (KEY, PASSPHRASE, WrongKey),
    ],
    ids=["another", "none", "not encrypted", "passphrase"],
)
def test_a_login_that_does_not_fit_writes_nothing_and_says_what_to_do(
    place, made, given, kind, tmp_path
):
    database, patient = hospital(**with_key(made), cache=tmp_path)
    with place.conn(database):
        patient(name="Ada").save()
    before = everything(place.discord)
    other, patient = hospital(**with_key(given), cache=tmp_path)
    place.forget_calls()
    with pytest.raises(kind) as raised, place.conn(other):
        pass
    assert isinstance(raised.value, ConnectError)
    assert "key" in str(raised.value)
    with pytest.raises(kind):
        other.verify()
    assert place.sends == 0
    assert everything(place.discord) == before


def with_key(key):
    return {} if key is None else {"key": key}


# What people give for a key


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (None, "environment variable"),
        ("", "empty"),
        (" \t\n", "empty"),
        ("seven 7", "at least 8 characters"),
        ("read from a file\n", "strip"),
        (KEY.hex(), "bytes.fromhex"),
        (KEY.hex().upper(), "bytes.fromhex"),
        (base64.b64encode(KEY).decode(), "b64decode"),
        (base64.urlsafe_b64encode(bytes([255] * 31 + [1])).decode().rstrip("="), "b64decode"),
        ("surrogate \ud800 in it", "not valid Unicode"),
        (b"", "0 bytes"),
        (KEY[:16], "16 bytes"),
        (KEY + b"\n", "33 bytes"),
        (b"a passphrase of just 32 letters.", "printable"),
        (KEY.hex().encode()[:32], "printable"),
        (bytes(32), "all the same"),
        (12345678, "type int"),
        ([KEY], "type list"),
    ],
    ids=ascii,
)
def test_what_can_be_no_key_is_refused_with_what_to_write_and_not_shown(given, told):
    with pytest.raises(UsageError) as raised:
        Database("shop", key=given)
    assert told in str(raised.value)
    secret = [repr(given), given.hex() if isinstance(given, bytes) else str(given)]
    if given and str(given).strip():
        assert not [text for text in shown(raised.value) for each in secret if each in text]


@pytest.mark.parametrize(
    "given", [KEY, bytearray(KEY), PASSPHRASE, "пароль из слов", "x" * 44], ids=ascii
)
def test_what_can_be_one_is_taken(given):
    assert checked_key(Key(given)) == Key(given)


def test_without_one_there_is_none():
    assert checked_key(NO_KEY) is None
    assert Database("shop").__repr__() == "<Database 'shop': not connected, 0 tables>"


def test_a_key_is_hidden_wherever_it_stands():
    for key in (Key(KEY), Key(PASSPHRASE)):
        assert PASSPHRASE not in f"{key!r} {key!s} {[key]!r}"
        assert not hasattr(key, "__dict__")
        for attempt in (pickle.dumps, copy.copy, copy.deepcopy):
            with pytest.raises(TypeError):
                attempt(key)
    assert Key(KEY) != Key(PASSPHRASE)
    assert Key(PASSPHRASE) != Key(PASSPHRASE + "!")
    assert Key(KEY) != KEY


@pytest.mark.usefixtures("cheap")
@pytest.mark.parametrize("secret", [KEY, PASSPHRASE], ids=["key", "passphrase"])
def test_no_error_log_or_repr_shows_it(place, secret, caplog):
    caplog.set_level(logging.DEBUG)
    database, patient = hospital(key=secret)
    with place.conn(database):
        patient(name="Ada").save()
        place.discord.fault(method="POST", route="*/messages", reset=True, count=50)
        with pytest.raises(Exception) as failed:  # noqa: PT011 - whatever it is
            database.checkpoint(timeout=0.5)
        place.discord.clear_faults()
        texts = [f"{database!r} {database.status()!r}", *shown(failed.value)]
    other, _ = hospital(key=OTHER)
    with pytest.raises(WrongKey) as wrong, place.conn(other):
        pass
    late, _ = hospital(key=secret)
    place.discord.fault(route="/users/@me", delay=5, count=None)
    with pytest.raises(WaitTimeout) as slow, place.conn(late, timeout=0.5):
        pass
    place.discord.clear_faults()
    late.close()
    with pytest.raises(UsageError) as misused:
        Database("shop", key=secret, timeout=-1)
    for error in (wrong.value, slow.value, misused.value):
        texts += shown(error)
    said = secret if isinstance(secret, str) else repr(secret)[2:-1]
    assert not [text for text in [*texts, caplog.text] if said in text]
