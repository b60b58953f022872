"""A repair whose process is killed changes nothing, and can be asked for again."""

from __future__ import annotations

from discobase import Database, Table
from discobase.local import LocalDiscord
from tests.local.rest import Rest
from tests.processes.conftest import SERVER, Start


def test_a_killed_repair_is_asked_for_again(start: Start, server: LocalDiscord) -> None:
    database = Database(SERVER)

    @database.table
    class Thing(Table):
        name: str

    where = {"token": server.default_token, "api_url": server.api_url}
    with database.conn(**where):
        for number in range(9):
            Thing(name=str(number)).save()
    guild = server.join(SERVER)
    lanes = {name: id_ for id_, name in server.channels(guild).items() if name.startswith("log")}
    first = min(int(message["id"]) for message in server.messages(lanes["log-2"]))
    rest = Rest(server.api_url, server.default_token)
    assert rest("DELETE", f"/channels/{lanes['log-2']}/messages/{first}").status == 204
    told = database.repair(**where)
    assert [loss.position for loss in told.lost] == [2]
    child = start("repair_slowly.py", told.confirm)
    while int(child.line()) < 3:  # the old lanes are sealed then
        child.say()
    child.kill()
    child = start("repair_slowly.py", told.confirm)
    child.say("\n" * 9)
    assert child.end_well()[-1] == "done 8"
    with database.conn(**where):
        assert [thing.name for thing in Thing.find()] == [*"02345678"]
        assert database.verify().sound
