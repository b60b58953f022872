"""The bugs that are kept fit the code of today: see ``tox -e planted`` for whether tests catch
them.
"""

from __future__ import annotations

import ast

import pytest

from tests.planted.planted import ROOT, Change, DoesNotApply, every, planted

pytestmark = pytest.mark.one_python

BUGS = every()


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_a_bug_has_its_place_in_the_code_and_changes_what_it_does(bug):
    for file, changes in bug.files.items():
        sound = (ROOT / file).read_text("utf-8")
        assert ast.dump(ast.parse(planted(sound, changes))) != ast.dump(ast.parse(sound))


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_a_bug_is_described_and_names_tests_that_there_are(bug):
    assert bug.words
    assert bug.changes
    assert bug.tests
    for test in bug.tests:
        file, *names = test.partition("[")[0].split("::")
        text = (ROOT / file).read_text("utf-8")
        for name in names:
            assert f" {name}(" in text or f"class {name}:" in text or f"\n{name} = " in text


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("def other():\n    return 1\n", id="the lines are gone"),
        pytest.param("    a = 1\n    b = 2\n    a = 1\n    b = 2\n", id="they stand there twice"),
        pytest.param("        a = 1\n    b = 2\n", id="they stand elsewhere"),
    ],
)
def test_a_bug_that_has_no_place_is_not_planted(text):
    with pytest.raises(DoesNotApply):
        planted(text, [Change("x.py", "    a = 1\n    b = 2\n", "    a = 2\n")])


def test_a_bug_takes_the_place_of_its_lines():
    change = Change("x.py", "    a = 1\n", "    a = 2\n")
    assert planted("def x():\n    a = 1\n    return a\n", [change]) == (
        "def x():\n    a = 2\n    return a\n"
    )
