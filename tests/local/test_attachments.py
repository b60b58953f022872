"""Attachments: upload, download by signed address, limits and edits."""

from __future__ import annotations

import os
import time
from http.client import RemoteDisconnected
from urllib.parse import parse_qs, urlsplit

import pytest


def upload(place, *files, **payload):
    numbered = dict(enumerate(files))
    return place.rest("POST", place.messages, payload, files=numbered)


def send_file(place, name="data.bin", content=b"content"):
    answer = upload(place, (name, content))
    assert answer.status == 200, answer
    return answer.body


def contents(place, message):
    return [place.rest.get_url(entry["url"])[1] for entry in message["attachments"]]


def test_a_file_comes_back_as_it_was(place):
    content = os.urandom(300_000) + b"\r\n--limi\r\n\r\n"
    sent = send_file(place, "data.bin", content)
    [entry] = sent["attachments"]
    assert (entry["filename"], entry["size"]) == ("data.bin", len(content))
    assert place.rest.get_url(entry["url"]) == (200, content)
    assert contents(place, place.rest("GET", f"{place.messages}/{sent['id']}").body) == [content]


def test_files_keep_their_numbers_and_descriptions(place):
    described = [{"id": 1, "description": "second", "filename": "b.txt"}, {"id": 0}]
    files = (("a.txt", b"A"), ("ignored.txt", b"B"))
    sent = upload(place, *files, attachments=described).body
    assert [entry["filename"] for entry in sent["attachments"]] == ["a.txt", "b.txt"]
    assert sent["attachments"][1]["description"] == "second"
    assert contents(place, sent) == [b"A", b"B"]


@pytest.mark.parametrize(
    ("given", "kept", "title"),
    [
        ("my file.json", "my_file.json", "my file"),
        ("_hidden.txt", "hidden.txt", "_hidden"),
        ("größe.txt", "gre.txt", "größe"),
        ("日本", "unknown", "日本"),
        ("plain-name_1.gz", "plain-name_1.gz", None),
    ],
)
def test_file_names_are_cleaned(place, given, kept, title):
    [entry] = send_file(place, given)["attachments"]
    assert (entry["filename"], entry.get("title")) == (kept, title)
    assert place.rest.get_url(entry["url"])[0] == 200


def test_an_address_is_signed_and_says_when_it_ends(place):
    [entry] = send_file(place)["attachments"]
    url = entry["url"]
    query = parse_qs(urlsplit(url).query)
    assert int(query["ex"][0], 16) - int(query["is"][0], 16) == 86_400
    assert place.rest.get_url(url.replace("hm=", "hm=0"))[0] == 404
    assert place.rest.get_url(url.replace(query["ex"][0], "7fffffff"))[0] == 404
    assert place.rest.get_url(url.replace("data.bin", "other.bin"))[0] == 404
    assert place.rest.get_url(url.partition("?")[0])[0] == 404


def test_an_address_ends_and_reading_the_message_again_renews_it(place):
    place.server.set(url_lifetime=0.0)
    sent = send_file(place)
    assert place.rest.get_url(sent["attachments"][0]["url"])[0] == 404
    place.server.set(url_lifetime=60.0)
    assert contents(place, place.rest("GET", f"{place.messages}/{sent['id']}").body) == [b"content"]


def test_the_file_of_a_deleted_message_is_gone(place):
    sent = send_file(place)
    place.rest("DELETE", f"{place.messages}/{sent['id']}")
    assert place.rest.get_url(sent["attachments"][0]["url"])[0] == 404


def test_a_file_over_the_limit_is_413(place):
    place.server.set(attachment_limit=1000)
    send_file(place, content=b"x" * 1000)
    answer = upload(place, ("big", b"x" * 1001))
    assert (answer.status, answer.code) == (413, 40005)
    assert len(place.history()) == 1


def test_a_request_over_the_limit_is_413(place):
    place.server.set(request_limit=100_000)
    answer = upload(place, ("big", b"x" * 100_001))
    assert (answer.status, answer.code) == (413, 40005)


def test_the_default_limit_is_ten_mebibytes_a_file(place):
    limit = 10 * 1024 * 1024
    assert upload(place, ("most", bytes(limit))).status == 200
    assert upload(place, ("more", bytes(limit + 1))).status == 413


def test_ten_files_are_the_most(place):
    files = [(f"f{number}", b"x") for number in range(11)]
    assert len(upload(place, *files[:10]).body["attachments"]) == 10
    assert upload(place, *files).code == 30015


def test_an_edit_with_files_adds_them(place):
    sent = send_file(place, "a", b"A")
    path = f"{place.messages}/{sent['id']}"
    edited = place.rest("PATCH", path, {"content": "x"}, files={0: ("b", b"B")}).body
    assert contents(place, edited) == [b"A", b"B"]


def test_the_addresses_that_a_test_reads_lead_to_the_files(place):
    send_file(place, "data.bin")
    [message] = place.server.messages(place.channel)
    [entry] = message["attachments"]
    assert place.rest.get_url(entry["url"])[0] == 200


def test_an_edit_that_lists_attachments_keeps_only_those(place):
    sent = upload(place, ("a", b"A"), ("b", b"B")).body
    path = f"{place.messages}/{sent['id']}"
    keep = {"attachments": [{"id": sent["attachments"][1]["id"], "description": "kept"}, {"id": 0}]}
    edited = place.rest("PATCH", path, keep, files={0: ("c", b"C")}).body
    assert contents(place, edited) == [b"B", b"C"]
    assert edited["attachments"][0]["description"] == "kept"
    assert place.rest.get_url(sent["attachments"][0]["url"])[0] == 404
    assert place.rest("PATCH", path, {"attachments": []}).code == 50006
    assert place.rest("PATCH", path, {"content": "x", "attachments": []}).body["attachments"] == []


def test_an_edit_cannot_keep_what_is_not_there(place):
    sent = send_file(place)
    body = {"attachments": [{"id": "12345"}]}
    assert place.rest("PATCH", f"{place.messages}/{sent['id']}", body).code == 50035


def test_files_need_the_permission(place):
    place.server.set_permissions(place.guild, 1 << 10 | 1 << 11)
    place.server.set_permissions(place.guild, 0, token=place.token)
    assert upload(place, ("a", b"A")).code == 50013
    place.send("text still goes")


def test_the_nonce_of_a_message_with_a_file_is_used_once(place):
    body = {"nonce": "n", "enforce_nonce": True}
    one = upload(place, ("a", b"A"), **body).body
    other = upload(place, ("b", b"B"), **body).body
    assert one["attachments"][0]["id"] == other["attachments"][0]["id"]
    assert contents(place, other) == [b"A"]


def test_downloads_can_fail_too(place):
    [entry] = send_file(place)["attachments"]
    route = "/attachments/{channel_id}/{attachment_id}/{name}"
    place.server.fault(route=route, status=503)
    assert place.rest.get_url(entry["url"])[0] == 503
    place.server.fault(route=route, reset=True)
    with pytest.raises((ConnectionResetError, RemoteDisconnected)):
        place.rest.get_url(entry["url"])
    assert place.rest.get_url(entry["url"]) == (200, b"content")


def test_downloads_are_counted_apart(place):
    sent = send_file(place)
    place.server.reset_requests()
    contents(place, sent)
    assert (place.server.requests.total, place.server.requests.downloads) == (0, 1)


def test_a_large_file_does_not_take_long(place):
    started = time.perf_counter()
    sent = send_file(place, content=bytes(8 * 1024 * 1024))
    assert len(contents(place, sent)[0]) == 8 * 1024 * 1024
    assert time.perf_counter() - started < 5


def test_addresses_are_signed_anew_without_reading_the_message(place):
    place.server.set(url_lifetime=0.0)
    [entry] = send_file(place)["attachments"]
    assert place.rest.get_url(entry["url"])[0] == 404
    place.server.set(url_lifetime=60.0)
    body = {"attachment_urls": [entry["url"], entry["url"].partition("?")[0]]}
    pairs = place.rest("POST", "/attachments/refresh-urls", body).body["refreshed_urls"]
    assert [pair["original"] for pair in pairs] == body["attachment_urls"]
    assert [place.rest.get_url(pair["refreshed"]) for pair in pairs] == [(200, b"content")] * 2


@pytest.mark.parametrize("urls", [[], ["https://example.org/"], ["x"] * 51, "x"])
def test_what_is_no_address_of_an_attachment_is_not_signed(place, urls):
    answer = place.rest("POST", "/attachments/refresh-urls", {"attachment_urls": urls})
    assert (answer.code, list(answer.body["errors"])) == (50035, ["attachment_urls"])


def test_a_file_that_was_uploaded_elsewhere_is_unknown(place):
    attachments = [{"id": "0", "filename": "a", "uploaded_filename": "b/a"}]
    answer = place.rest("POST", place.messages, {"content": "x", "attachments": attachments})
    assert (answer.status, answer.code) == (400, 50146)
