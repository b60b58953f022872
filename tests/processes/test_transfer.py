"""An import whose process is killed, and killed again, is gone on with: nothing is there twice."""

from __future__ import annotations

from pathlib import Path

from discobase import Database, Table
from discobase.local import LocalDiscord
from tests.processes.conftest import SERVER, Start


def test_a_killed_import_is_gone_on_with(
    start: Start, server: LocalDiscord, tmp_path: Path
) -> None:
    server.join("source")
    where = {"api_url": server.api_url}
    source = Database("source")

    @source.table
    class Thing(Table):
        name: str

    with source.conn(server.default_token, **where):
        Thing.save_many(Thing(name=str(number)) for number in range(45))
        Thing.get(45).delete()
        report = source.export(tmp_path / "a.jsonl")
    done = 0
    for commits in (0, 2, 1):
        child = start("import_slowly.py", str(tmp_path / "a.jsonl"))
        assert child.line() == str(done)
        for _ in range(commits):
            done += 10
            assert child.ask("") == str(done)
        child.kill()
    # This one is not waited for: where it stands as it is killed is a matter of chance.
    child = start("import_slowly.py", str(tmp_path / "a.jsonl"))
    assert child.line() == "30"
    child.say("\n" * 9)
    child.kill()
    child = start("import_slowly.py", str(tmp_path / "a.jsonl"))
    child.say("\n" * 9)
    *_, last = child.end_well()
    written, present = map(int, last.split())
    assert written + present == 44
    assert present >= 30
    target = Database(SERVER)
    with target.conn(server.default_token, **where):
        found = target.export(tmp_path / "b.jsonl")
        assert target.verify().sound
    assert (found.content, found.records) == (report.content, 44)
