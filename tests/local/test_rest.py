"""What holds for every answer of the REST API, and the endpoints about the bot itself."""

from __future__ import annotations

import pytest

from tests.local.rest import Rest


def helper_id(place) -> str:
    """The id of a bot that is in no guild."""
    token = place.server.create_bot("outsider")
    return Rest(place.server.api_url, token)("GET", "/users/@me").body["id"]


def test_a_wrong_token_is_401(place):
    stranger = Rest(place.server.api_url, "nobody")
    answer = stranger("GET", "/users/@me")
    assert (answer.status, answer.body) == (401, {"message": "401: Unauthorized", "code": 0})


@pytest.mark.parametrize("token", [None, "nobody"])
def test_where_the_gateway_is_is_told_to_everybody(place, token):
    stranger = Rest(place.server.api_url, token)
    answer = stranger("GET", "/gateway")
    assert (answer.status, answer.body) == (200, place.rest("GET", "/gateway").body)
    assert stranger("GET", "/gateway/bot").status == 401


def test_an_unknown_path_is_404(place):
    answer = place.rest("GET", "/no/such/thing")
    assert (answer.status, answer.body) == (404, {"message": "404: Not Found", "code": 0})


def test_a_wrong_method_is_405(place):
    assert place.rest("PUT", "/users/@me").status == 405


def test_what_discord_has_and_this_server_has_not_is_501_with_its_name(place):
    answer = place.rest("GET", f"/guilds/{place.guild}/audit-logs")
    assert answer.status == 501
    assert "list_guild_audit_log_entries" in answer.body["message"]


def test_an_id_that_is_none_gets_the_tree_of_errors(place):
    answer = place.rest("GET", "/channels/abc")
    assert (answer.status, answer.code) == (400, 50035)
    assert answer.body["errors"]["channel_id"]["_errors"][0]["code"] == "NUMBER_TYPE_COERCE"


@pytest.mark.parametrize("path", ["/users/@me", "/no/such/thing"])
def test_the_headers_are_those_that_discord_py_needs(place, path):
    headers = place.rest("GET", path).headers
    assert headers["content-type"] == "application/json"
    assert headers["via"]
    assert int(headers["x-ratelimit-remaining"]) > 1000
    assert {"x-ratelimit-limit", "x-ratelimit-reset", "x-ratelimit-reset-after"} <= headers.keys()


def test_routes_have_rate_limit_buckets_of_their_own(place):
    one = place.rest("GET", place.messages).headers["x-ratelimit-bucket"]
    other = place.rest("GET", "/users/@me").headers["x-ratelimit-bucket"]
    assert one != other


def test_bots_cannot_create_guilds(place):
    answer = place.rest("POST", "/guilds", {"name": "mine"})
    assert (answer.status, answer.code) == (403, 20001)


def test_the_bot_finds_itself_and_its_guilds(place):
    me = place.rest("GET", "/users/@me").body
    assert me["bot"] is True
    guilds = place.rest("GET", "/users/@me/guilds?with_counts=true").body
    assert [(guild["id"], guild["name"]) for guild in guilds] == [(str(place.guild), "test")]
    assert guilds[0]["approximate_member_count"] == 2
    for path in ("/oauth2/applications/@me", "/applications/@me"):
        application = place.rest("GET", path).body
        assert application["id"] == me["id"]
        assert application["owner"]["bot"] is False


def test_the_list_of_guilds_is_paged(place):
    ids = [place.guild] + [place.server.join(f"more-{number}") for number in range(3)]
    page = place.rest("GET", f"/users/@me/guilds?limit=2&after={ids[0]}").body
    assert [int(guild["id"]) for guild in page] == ids[1:3]
    page = place.rest("GET", f"/users/@me/guilds?limit=2&before={ids[3]}").body
    assert [int(guild["id"]) for guild in page] == ids[1:3]


def test_the_gateway_is_where_the_request_came_from(place):
    url = place.rest("GET", "/gateway").body["url"]
    assert url == place.server.origin.replace("http", "ws") + "/gateway"
    bot = place.rest("GET", "/gateway/bot").body
    assert bot["url"] == url
    assert bot["session_start_limit"] == {
        "total": 1000,
        "remaining": 1000,
        "reset_after": 0,
        "max_concurrency": 1,
    }


def test_guild_roles_and_members_are_told(place):
    guild = place.rest("GET", f"/guilds/{place.guild}?with_counts=true").body
    assert (guild["name"], guild["approximate_member_count"]) == ("test", 2)
    roles = place.rest("GET", f"/guilds/{place.guild}/roles").body
    assert roles[0]["id"] == str(place.guild)
    me = place.rest("GET", "/users/@me").body["id"]
    member = place.rest("GET", f"/guilds/{place.guild}/members/{me}").body
    assert member["roles"] == [roles[1]["id"]]
    assert roles[1]["tags"] == {"bot_id": me}
    for user, code in ((1, 10013), (int(helper_id(place)), 10007)):
        answer = place.rest("GET", f"/guilds/{place.guild}/members/{user}")
        assert (answer.status, answer.code) == (404, code)


def test_a_guild_that_is_not_there_and_one_the_bot_is_not_in(place):
    assert place.rest("GET", "/guilds/1").code == 10004
    elsewhere = place.server.create_server("elsewhere")
    answer = place.rest("GET", f"/guilds/{elsewhere}")
    assert (answer.status, answer.code) == (404, 10004)


def test_a_body_that_is_no_json_is_refused(place):
    answer = place.rest("POST", place.messages, raw=b"{")
    assert (answer.status, answer.code) == (400, 50109)


def test_every_request_is_counted_by_route_status_and_bot(place):
    place.server.reset_requests()
    place.send("one")
    place.send("two")
    place.rest("POST", place.messages, {})
    Rest(place.server.api_url, "nobody")("GET", "/users/@me")
    requests = place.server.requests
    me = int(place.rest("GET", "/users/@me").body["id"])
    assert requests.total == 4
    assert requests.count("POST", "/channels/{channel_id}/messages", status=200, bot=me) == 2
    assert requests.count("POST", "*/messages", status=400) == 1
    assert requests.count(status=401, bot=0) == 1
    assert place.server.requests.total == 5


def test_the_admin_http_counts_and_resets_too(place):
    place.server.reset_requests()
    place.send("one")
    counts = place.rest.admin("GET", "/requests").body
    assert (counts["total"], counts["downloads"], counts["identifies"]) == (1, 0, 0)
    [row] = counts["requests"]
    assert (row["method"], row["route"]) == ("POST", "/channels/{channel_id}/messages")
    assert place.rest.admin("DELETE", "/requests").status == 200
    assert place.server.requests.total == 0


def test_the_admin_http_makes_servers_and_bots(place):
    server = place.rest.admin("POST", "/servers", {"name": "made"}).body["id"]
    token = place.rest.admin("POST", "/bots", {"name": "helper"}).body["token"]
    answer = place.rest.admin("PUT", "/members", {"token": token, "server_id": server})
    assert answer.status == 200
    guilds = Rest(place.server.api_url, token)("GET", "/users/@me/guilds").body
    assert [guild["name"] for guild in guilds] == ["made"]
    place.rest.admin("DELETE", "/members", {"token": token, "server_id": server})
    assert Rest(place.server.api_url, token)("GET", "/users/@me/guilds").body == []


@pytest.mark.parametrize(
    "headers", [{"Origin": "http://evil.example"}, {"Host": "evil.example"}], ids=["page", "name"]
)
def test_the_admin_http_refuses_web_pages(place, headers):
    answer = place.rest.admin("GET", "", **headers)
    assert answer.status == 403
    assert "token" not in answer.body


def test_the_admin_http_says_what_is_wrong(place):
    answer = place.rest.admin("PATCH", "/settings", {"nonce_widow": 3})
    assert answer.status == 400
    assert "nonce_widow" in answer.body["error"]
    assert place.rest.admin("GET", "/no/such").status == 404
