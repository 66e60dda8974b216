"""Studies that are gone on with after their code has been edited."""

from __future__ import annotations

import contextlib
import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from research import ResearchResults
from tests.study.editing import DONE, edit, go, statuses, write_files


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    """Return a folder with a study that was run."""
    folder = tmp_path_factory.mktemp("template")
    with contextlib.chdir(folder):
        write_files()
        assert go() == (DONE, ["1", "2", "3"])
    return folder


@pytest.fixture
def done(template):
    shutil.copytree(template, Path.cwd(), dirs_exist_ok=True)


@pytest.fixture
def files():
    write_files()


CHANGES = {
    "the function": ("mine/models.py", "return other", "return 1 + other", "'fit' (fit in mine/models.py:"),
    "a helper of the package": (
        "mine/tools.py",
        "return a *",
        "return a + a *",
        "'fit' (double in mine/tools.py:",
    ),
    "a constant": ("mine/models.py", "RATE = 2", "RATE = 3", "'fit' (RATE)"),
    "a constant in a dict": ("mine/tools.py", '["x"]', '["y"]', "'fit' (OPTIONS)"),
    "a default": ("mine/models.py", "scale=1", "scale=2", "'fit' (fit in"),
    "a method": (
        "mine/layers.py",
        "self._size *",
        "2 * self._size *",
        "'fit' (Layer.size in mine/layers.py:",
    ),
    "an attribute of a class": (
        "mine/layers.py",
        "width = 1",
        "width = 2",
        "'fit' (Layer in mine/layers.py:",
    ),
    "an argument": (
        "script.py",
        'a=EC("a"),',
        'a=EC("a"), scale=5,',
        "'fit' (what it is called with, or how)",
    ),
    "when": ("script.py", 'save_to="b"', 'save_to="b", when="last"', "'fit' (what it is called with"),
    "a unit more": ("script.py", 'save_to="b")', 'save_to="b").save(EC("a"), "c")', "'save_c' is new"),
    "another name": ("script.py", '"fit", fit', '"fitted", fit', "'fitted' is new; 'fit' is gone"),
    "a module imported in a call": (
        "mine/late.py",
        "return 0",
        "return 1",
        "'fit' (module mine.late in mine/late.py)",
    ),
    "another function": (
        "mine/models.py",
        "tools.double(a)",
        "tools.unused(a)",
        "unused in mine/tools.py:8, which was not there; double, which is not used any more; OPTIONS, which",
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_has_changed_is_told_before_anything_is_run(done, change):
    path, before, after, text = CHANGES[change]
    stored = statuses()
    edit(path, before, after)
    said, called = go(more=[1, 2, 3, 4])
    assert said.startswith("the code of 'study' has changed since 3 of its finished experiments were made: ")
    assert text in said
    assert "`code_changed='keep'`" in said and "`code_changed='rerun'`" in said
    assert called == []
    assert statuses().equals(stored)
    assert not Path("study/research.lock").exists()


NO_CHANGES = {
    "a comment": ("mine/tools.py", "# twice as much", "# two times"),
    "lines": ("mine/tools.py", "def double(a):\n", "\n\n\ndef double(\n    a,\n):\n"),
    "a docstring": ("mine/tools.py", "def double(a):\n", 'def double(a):\n    """Return it twice."""\n'),
    "what is written over several lines": (
        "mine/models.py",
        "    if a == 3:\n        raise",
        "    if (a\n        == 3): raise",
    ),
    "another package": ("other.py", "return a", "return a + 1"),
    "what is not used": ("mine/tools.py", "return a\n", "return 7\n"),
    "annotations": ("mine/tools.py", "double(a):", "double(a: int) -> int:"),
}


@pytest.mark.parametrize("change", NO_CHANGES)
def test_what_makes_no_difference_is_not_told(done, change):
    edit(*NO_CHANGES[change])
    assert go(more=[1, 2, 3, 4]) == ('{"done": 3, "failed": 1}', ["4"])


@pytest.mark.slow
def test_what_was_kept_is_not_asked_about_again_until_the_code_changes_again(done):
    edit("mine/models.py", "RATE = 2", "RATE = 3")
    assert go(more=[1, 2, 4, 5], code_changed="keep") == ('{"done": 4, "failed": 1}', ["4", "5"])
    assert "the code has changed: 'fit' (RATE); 3 finished experiments of older code are kept" in (
        Path("study/research.log").read_text()
    )
    codes = statuses()["code"].tolist()
    assert codes[0] == codes[1] == codes[2] != codes[3] == codes[4]
    assert go(more=[1, 2, 4, 5, 6]) == ('{"done": 5, "failed": 1}', ["6"])
    edit("mine/models.py", "RATE = 3", "RATE = 4")
    said, called = go(more=[1, 2, 4, 5, 6])
    assert "since 3 of its finished experiments" in said  # 4, 5 and 6
    assert called == []
    edit("mine/models.py", "RATE = 4", "RATE = 3")
    assert go(more=[1, 2, 4, 5, 6, 7]) == ('{"done": 6, "failed": 1}', ["7"])


@pytest.mark.slow
def test_what_is_run_again_is_what_the_domain_has(done):
    first = statuses()
    edit("mine/models.py", "RATE = 2", "RATE = 3")
    assert go(more=[2, 4], code_changed="rerun") == ('{"done": 3, "failed": 1}', ["2", "4"])
    table = statuses()
    assert table["attempt"].tolist() == [1, 2, 1, 1]
    assert (table["code"] == first["code"][0]).tolist() == [True, False, True, False]
    assert ResearchResults("study").to_df(a=2)["b"].tolist() == [2 * 2 * 3 + 1]
    assert go(more=[2, 4, 5]) == ('{"done": 4, "failed": 1}', ["5"])  # what the domain has is of one code
    said, _ = go(more=[1, 2, 4])
    assert "since 1 of its finished experiments" in said
    assert go(more=[1, 2, 3, 4, 5], code_changed="rerun") == ('{"done": 4, "failed": 1}', ["1", "3"])
    assert statuses()["code"].nunique() == 1
    assert go() == ('{"done": 4, "failed": 1}', [])
    assert len(ResearchResults("study").study.settings["code"]["versions"]) == 1


def test_what_was_kept_can_be_run_again_later(done):
    edit("mine/models.py", "RATE = 2", "RATE = 3")
    go(more=[1, 2, 3, 4], code_changed="keep")
    assert go(more=[1, 2, 4], code_changed="rerun") == ('{"done": 3, "failed": 1}', ["1", "2"])


@pytest.mark.slow
def test_what_was_kept_stays_where_the_rest_is_run_again(done):
    edit("mine/models.py", "RATE = 2", "RATE = 3")
    go(more=[1, 2, 3, 4], code_changed="keep")
    edit("mine/models.py", "RATE = 3", "RATE = 4")
    said, _ = go(more=[1, 2, 3, 4])
    assert "since 1 of its finished experiments" in said
    assert go(more=[1, 2, 3, 4], code_changed="rerun") == ('{"done": 3, "failed": 1}', ["4"])


@pytest.mark.slow
def test_what_failed_and_is_tried_again_is_not_asked_about(files):
    go(more=[3])
    edit("mine/models.py", "if a == 3", "if a == 7")
    assert "since 1 of its finished experiments" in go(more=[3])[0]
    assert go(more=[3], retry_failed=True) == ('{"done": 1}', ["3"])
    assert go(more=[3, 4]) == ('{"done": 2}', ["4"])


@pytest.mark.slow
def test_a_study_that_was_stopped_while_it_ran_again_asks_about_the_rest(files):
    values = list(range(10, 310))
    assert go(more=values)[0] == '{"done": 300}'
    edit(
        "mine/models.py",
        "if a == 3:",
        "if a == 20:\n        os.kill(os.getpid(), signal.SIGINT)\n    if a == 3:",
    )
    edit("mine/models.py", "RATE =", "import os, signal\nRATE =")
    edit("script.py", "except StudyError", "except (StudyError, KeyboardInterrupt)")
    said, called = go(more=values, code_changed="rerun", parallel=False)
    assert (said, called) == ("stopped", [str(value) for value in range(10, 21)])
    counts = statuses().groupby(["status", "code"]).size()
    assert sorted(counts["done"])[0] == 10
    assert max(counts["done"]) > 10
    said, called = go(more=values)
    assert f"since {max(counts['done'])} of its finished experiments" in said
    assert called == []


@pytest.mark.parametrize("how", ["load", "detach", "spawn"])
def test_in_other_ways_to_run_a_study(done, how):
    arguments = ["load"] if how == "load" else []
    options = {"load": {"resume": None}, "detach": {"detach": True}, "spawn": {"start_method": "spawn"}}[how]
    assert go(*arguments, more=[1, 2, 4], **options) == ('{"done": 3, "failed": 1}', ["4"])
    edit("mine/tools.py", "return a *", "return a + a *")
    said, called = go(*arguments, more=[1, 2, 4, 5], **options)
    assert "'fit' (double in mine/tools.py:" in said
    assert called == []
    said, called = go(*arguments, more=[1, 2, 4, 5], code_changed="rerun", **options)
    assert (said, called) == ('{"done": 4, "failed": 1}', ["1", "2", "4", "5"])


def test_a_study_in_memory_begins_anew(files):
    for number in range(2, 4):
        edit("mine/models.py", f"RATE = {number}", f"RATE = {number + 1}")
        assert go(dump_results=False, resume=None) == (DONE, ["1", "2", "3"])


def make_of_another_python(path, has_sources):
    """Let a study say that it was run with another version of Python."""
    with closing(sqlite3.connect(path)) as database, database:
        ((text,),) = database.execute("SELECT settings FROM studies").fetchall()
        settings = json.loads(text)
        (version,) = settings["code"]["versions"].values()
        settings["code"]["versions"] = {"0" * 8: {**version, "python": "cpython-310"}}
        for part in version["parts"]:
            is_function = part[1] != part[2]
            part[1] = "0" * 16 if is_function else part[1]
            part[2] = part[2] if has_sources or not is_function else None
        database.execute("UPDATE studies SET settings = ?", [json.dumps(settings)])
        database.execute("UPDATE experiments SET code = ?", ["0" * 8])


@pytest.mark.parametrize("has_sources", [True, False])
def test_another_python_is_no_other_code(done, has_sources):
    make_of_another_python("study/research.db", has_sources)
    assert go(more=[1, 2, 3, 4]) == ('{"done": 3, "failed": 1}', ["4"])
    told = "the study has run with cpython-310 before, this is"
    assert (told in Path("study/research.log").read_text()) != has_sources
    edit("mine/tools.py", "return a *", "return a + a *")
    said, called = go(more=[1, 2, 3, 4, 5])
    n_known = 4 if has_sources else 1  # of the others nobody can tell
    assert f"since {n_known} of its finished experiments" in said
    assert called == []


def test_what_is_not_known_is_not_asked_about(done):
    with closing(sqlite3.connect("study/research.db")) as database, database:
        database.execute("ALTER TABLE experiments DROP COLUMN code")
        database.execute("UPDATE studies SET settings = json_remove(settings, '$.code')")
    assert statuses()["code"].tolist() == [None, None, None]
    edit("mine/models.py", "RATE = 2", "RATE = 3")
    assert go(more=[1, 2, 3, 4]) == ('{"done": 3, "failed": 1}', ["4"])
    codes = statuses()["code"]
    assert codes.isna().tolist() == [True, True, True, False]
    assert go(more=[1, 2, 4], code_changed="rerun") == ('{"done": 3, "failed": 1}', [])
    edit("mine/models.py", "RATE = 3", "RATE = 2")
    assert "since 1 of its finished experiments" in go(more=[1, 2, 3, 4])[0]
