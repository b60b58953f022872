"""What an export holds, another database holds after an import: records, keys, schemas, what is
unique, and the lines that it writes of them.

There is no network here: requests go to a replica, whose log a second one applies.
"""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from pydantic import StringConstraints

from discobase import Progress, Table, Unique
from discobase.errors import ImportRefused, UniqueViolation
from discobase.transfer.exporting import export_all
from discobase.transfer.importing import import_all
from tests.engine.test_evolution import (
    attached,
    check,
    classes,
    kept,
    rewrite,
    save,
    save_without,
    values,
    without_the_field,
)
from tests.transfer.exports import Host, exported


class Loses(Host):
    """A database whose process dies after some commits of an import."""

    def __init__(self, commits: int) -> None:
        super().__init__()
        self.left = commits

    def commit(self, request):
        if not self.left:
            raise KeyboardInterrupt
        self.left -= 1
        return super().commit(request)


class Meets(Host):
    """A database into which another program saves a record after so many commits of an import."""

    def __init__(self, commits: int) -> None:
        super().__init__()
        self.left = commits

    def commit(self, request):
        self.left -= 1
        if not self.left:
            attached(self, type("Thing", (Older,), {"__module__": __name__}))(x="met").save()
        return super().commit(request)


def lines(path: Path) -> list[str]:
    """The content of an export of lines, without where it was, and without versions."""
    found = []
    for line in path.read_text("ascii").splitlines()[1:-1]:
        piece = json.loads(line)
        found.append(json.dumps({k: v for k, v in piece.items() if k not in ("version", "check")}))
    return found


def layout_of(host: Host, table: str = "Thing"):
    """What is declared of a table, but for the positions of a log."""
    layout = host.state.layouts[table]
    unique = {each.identity: each for each in layout.columns.values() if each.unique}
    return layout.schemas, layout.numbers, unique


def written(host: Host, folder: Path, name: str, **options):
    return export_all(host, folder / name, overwrite=True, **options)


steps = st.lists(
    st.tuples(st.integers(0, 2), st.sampled_from(["save", "without", "rewrite"]), values),
    max_size=8,
)


@settings(
    deadline=None,
    max_examples=40,
    suppress_health_check=[HealthCheck.filter_too_much],
    phases=[Phase.generate],
)
@given(models=st.lists(classes, min_size=1, max_size=3), steps=steps, data=st.data())
def test_it_is_the_same_there_whatever_classes_have_written(models, steps, data):
    host, other = Host(), Host()
    known = [kept(host, model) for model in models]
    for number, (which, what, value) in enumerate(steps, 1):
        model = known[which % len(known)]
        if what == "save":
            save(model, value, number)
        elif what == "without":
            save_without(attached(host, without_the_field()), number)
        else:
            rewrite(model, 1 + number % 3, lambda record: setattr(record, "n", 10 + record.n))
    if not host.log:
        return
    with TemporaryDirectory() as name:
        folder = Path(name)
        report = written(host, folder, "a.jsonl")
        before = lines(folder / "a.jsonl")
        as_sqlite = written(host, folder, "a.sqlite")
        assert as_sqlite.content == report.content
        imported = import_all(other, folder / data.draw(st.sampled_from(["a.jsonl", "a.sqlite"])))
        assert (imported.content, imported.records) == (report.content, report.records)
        assert written(other, folder, "b.jsonl").content == report.content
        assert lines(folder / "b.jsonl") == before
        assert layout_of(other) == layout_of(host)
        # A second process, which has the log alone, comes to the same.
        second = other.second()
        assert written(second, folder, "c.jsonl").content == report.content
        assert import_all(other, folder / "a.jsonl").commits == 0
        cut = Loses(data.draw(st.integers(0, 3)))
        try:
            import_all(cut, folder / "a.jsonl")
        except KeyboardInterrupt:
            cut.left = 9
            import_all(cut, folder / "a.jsonl")
        assert written(cut, folder, "d.jsonl").content == report.content
        for model in known:
            copy = type("Thing", (model,), {"__module__": model.__module__})
            check(attached(other, copy))


def test_an_interrupt_says_what_was_imported(tmp_path, monkeypatch):
    monkeypatch.setattr("discobase.batches.AT_ONCE", 2)
    exported(tmp_path)

    def interrupts(progress: Progress) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt) as checking:
        import_all(Host(), tmp_path / "a.jsonl", interrupts)
    assert checking.value.__notes__ == ["Nothing was imported: the export was still being checked."]
    cut = Loses(2)  # the schema, and the first records
    with pytest.raises(KeyboardInterrupt) as writing:
        import_all(cut, tmp_path / "a.jsonl")
    assert writing.value.__notes__ == [
        "at least 2 records had been imported before, in 2 commits.",
        "To go on, import the same file again: what is there stays.",
    ]
    cut.left = 9
    assert import_all(cut, tmp_path / "a.jsonl").present == 2


class Older(Table):
    x: Annotated[str, Unique()]


def test_an_import_that_meets_records_of_another_program_does_not_promise_to_go_on(tmp_path):
    host, other = Host(), Meets(1)
    attached(host, type("Thing", (Older,), {"__module__": __name__}))(x="A").save()
    export_all(host, tmp_path / "a.jsonl")
    with pytest.raises(ImportRefused, match="nobody writes meanwhile") as raised:
        import_all(other, tmp_path / "a.jsonl")
    assert raised.value.__notes__ == ["0 records had been imported before, in 1 commit."]
    assert "othing was imported" not in str(raised.value)
    with pytest.raises(ImportRefused):
        import_all(other, tmp_path / "a.jsonl")


class Folded(Table):
    x: Annotated[str, Unique(), StringConstraints(to_lower=True)]


@pytest.mark.parametrize("name", ["a.jsonl", "a.sqlite"])
def test_what_is_unique_by_the_rules_of_a_class_that_has_not_written_it_stays_so(name, tmp_path):
    host, other = Host(), Host()
    older, folded = (type("Thing", (each,), {"__module__": __name__}) for each in (Older, Folded))
    attached(host, older)(x="A").save()
    attached(host, folded)(x="b").save()
    report = export_all(host, tmp_path / name)
    assert '"key":' in (tmp_path / name).read_bytes().decode("latin-1")
    import_all(other, tmp_path / name)
    again = attached(other, type("Thing", (Folded,), {"__module__": __name__}))
    with pytest.raises(UniqueViolation, match="record 1"):
        again(x="a").save()
    assert [each.pk for each in again.find(x="a")] == [1]
    assert export_all(other, tmp_path / "b.jsonl").content == report.content
