"""Who has run a study, when, and by which script."""

from __future__ import annotations

import getpass
import os
import socket
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from research import EC, Domain, Research, ResearchResults
from research.monitoring import environment, invocation

ROOT = str(Path(__file__).parents[2])
CODE = """
from research import Domain, EC, Research
study = Research("study", Domain(a=[1])).add_callable("f", abs, args=[EC("a")], save_to="b")
study.run(bar=False, parallel=False, resume=True, note="é\\0")
"""
QUIET = {"bar": False, "parallel": False}


def study_of(values, name="study"):
    return Research(name, Domain(a=values)).add_callable("f", abs, args=[EC("a")], save_to="b")


def python(*arguments, **how):
    """Run Python in this folder."""
    environment = {**os.environ, "PYTHONPATH": ROOT}
    subprocess.run([sys.executable, *arguments], check=True, env=environment, **how)


def git(*arguments):
    names = ["-c", "user.name=x", "-c", "user.email=x@y", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *names, *arguments], check=True, capture_output=True)


@pytest.mark.parametrize("how", [{}, {"dump_results": False}])
def test_each_run_is_kept(how):
    before = time.time()
    study = study_of([1]).run(**QUIET, **how, note="first")
    if not how:
        study_of([1, 2]).run(**QUIET, resume=True)
        study_of([1, 2]).run(**QUIET, resume=True, note="nothing left to do")
    runs = study.results.runs
    assert runs["note"].tolist() == ["first"] if how else ["first", None, "nothing left to do"]
    assert before <= runs["started"][0] <= time.time()
    first = runs.iloc[0]
    assert (first["user"], first["host"]) == (getpass.getuser(), socket.gethostname())
    assert first["directory"] == os.getcwd()
    assert "pytest" in first["command"] or "-c" in first["command"]


def test_the_script_is_kept_with_the_commit_that_it_is_at():
    Path("code").mkdir()
    Path("code/my script.py").write_text(CODE)
    os.chdir("code")
    git("init", "-q")
    git("add", ".")
    git("commit", "-qm", "one")
    os.chdir("..")
    python("code/my script.py", "--with", "an argument")
    Path("code/my script.py").write_text(CODE + "# changed\n")
    python("code/my script.py")
    runs = ResearchResults("study").runs
    assert runs["text"].tolist() == [CODE, CODE + "# changed\n"]
    assert runs["script"].tolist() == [os.path.abspath("code/my script.py")] * 2
    assert runs["command"][0].endswith("'code/my script.py' --with 'an argument'")
    assert len(runs["git_commit"][0]) == 40
    assert runs["git_commit"][1] == f"{runs['git_commit'][0]}-dirty"
    assert runs["note"].tolist() == ["é\\0"] * 2


def test_without_a_script_or_git_there_is_none():
    python("-c", CODE, "x" * 100_000)
    python("-", input=CODE.encode())
    Path("nogit").mkdir()
    python("-c", f"import os; os.environ['PATH'] = '/nowhere'\n{CODE}")
    runs = ResearchResults("study").runs
    assert runs["script"].tolist() == runs["text"].tolist() == [None] * 3
    assert runs["git_commit"].tolist() == [None] * 3
    assert len(runs["command"][0]) < 2**16
    assert "characters" in runs["command"][0]


def test_a_script_that_cannot_be_read_or_has_gone_leaves_its_name(monkeypatch):
    main = sys.modules["__main__"]
    for file, text in {"gone.py": None, ".": None, "odd.py": "caf\\xe9", "a\0b": None}.items():
        Path("odd.py").write_bytes(b"caf\xe9")
        monkeypatch.setattr(main, "__file__", file, raising=False)
        assert invocation.this_run().text == text
    os.mkfifo("pipe")
    monkeypatch.setattr(main, "__file__", "pipe")
    assert invocation.this_run().text is None
    Path("long.py").write_text("#" * 3 * 2**20)
    monkeypatch.setattr(main, "__file__", "long.py")
    assert len(invocation.this_run().text) < 2**20 + 100
    monkeypatch.setattr(main, "__file__", 5)
    assert invocation.this_run().script is None


def test_who_has_no_name_has_a_number(monkeypatch):
    def fail():
        raise KeyError("uid not found")

    monkeypatch.setattr(getpass, "getuser", fail)
    monkeypatch.delattr(sys, "orig_argv")
    found = invocation.this_run()
    assert (found.user, found.command) == (str(os.getuid()), None)


def test_a_git_that_does_not_answer_is_not_waited_for(tmp_path, monkeypatch):
    Path("git").write_text("#!/bin/sh\nexec sleep 60\n")
    Path("git").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setattr(environment, "SOON", 0.1)
    assert invocation.this_run().git_commit is None


def test_a_note_is_text():
    with pytest.raises(TypeError, match="`note` must be a str or None, got int 5"):
        study_of([1]).run(**QUIET, note=5)
    assert not Path("study").exists()


def test_a_study_of_an_earlier_version_has_no_runs_until_it_is_gone_on_with():
    study_of([1]).run(**QUIET)
    with sqlite3.connect("study/research.db") as connection:
        connection.execute("DROP TABLE runs")
    assert ResearchResults("study").runs.empty
    assert "note" in ResearchResults("study").runs.columns
    study_of([1, 2]).run(**QUIET, resume=True, note="later")
    assert ResearchResults("study").runs["note"].tolist() == ["later"]


def test_merged_studies_have_all_runs():
    for k in range(3):
        study_of([k], f"s{k}").run(**QUIET, seed=1, note=str(k))
    with sqlite3.connect("s1/research.db") as connection:
        connection.execute("DROP TABLE runs")
    merged = ResearchResults.merge(["s0", "s1", "s2"], "all")
    assert merged.runs["note"].tolist() == ["0", "2"]
