"""A study is copied as it is, while it runs as well, and half a copy is none."""

from __future__ import annotations

import os
import re
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest

from research import EC, EP, Domain, E, Research, ResearchResults
from research.errors import DamagedStudyError, StudyError, StudyExistsError, StudyNotFoundError
from research.storage.snapshots import take_snapshot

QUIET = {"bar": False, "parallel": False}
ROOT = str(Path(__file__).parents[2])


def double(a, folder=None):
    if folder is not None:
        (folder / "file.txt").write_text("x" * a)
    return 2 * a


def study_of(values, name="study", **more):
    return Research(name, Domain(a=values)).add_callable(double, a=EC("a"), save_to="b", **more)


def test_a_snapshot_is_the_study_as_it_was():
    study = study_of([1, 2], folder=EP()).run(**QUIET)
    path = study.snapshot()
    assert path.parent == Path.cwd()
    assert re.fullmatch(r"study-\d{4}-\d\d-\d\d-\d{6}", path.name)
    assert {item.name for item in path.iterdir()} == {
        "experiments",
        "research.db",
        "research.dill",
        "research.log",
    }
    study.domain = Domain(a=[1, 2, 3])
    study.run(**QUIET, resume=True)
    copy = ResearchResults(path)
    assert copy.df["b"].tolist() == [2, 4]
    assert copy.artifacts_to_df()["size"].tolist() == [1, 2]


def test_a_snapshot_can_be_gone_on_with():
    path = study_of([1, 2]).run(**QUIET).snapshot()
    loaded = Research.load(path)
    loaded.domain = Domain(a=[1, 2, 3])
    loaded.run(**QUIET)
    assert loaded.results.df["b"].tolist() == [2, 4, 6]
    assert len(ResearchResults("study").df) == 2


def test_two_in_one_second_do_not_collide(monkeypatch):
    study = study_of([1]).run(**QUIET)
    monkeypatch.setattr(time, "strftime", lambda form: "2025-01-31-093000")
    Path("study-2025-01-31-093000-3").touch()
    found = []
    threads = [threading.Thread(target=lambda: found.append(study.snapshot())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    monkeypatch.undo()  # what is imported to read results may ask for the time
    ends = ["", "-2", "-4", "-5"]
    assert sorted(path.name for path in found) == [f"study-2025-01-31-093000{end}" for end in ends]
    assert all(len(ResearchResults(path).df) == 1 for path in found)


def test_a_study_that_runs_can_be_copied_again_and_again():
    enough = Path("enough").absolute()

    def work(a, run, folder):
        step = -1
        while step < 10 or not enough.exists():
            step += 1
            run.save("x", a * step)
            (folder / f"{step}.txt").write_text(str(step))
            time.sleep(0.005)
            if step % 3 == 0:
                (folder / f"{step}.txt").unlink()
        return a

    study = Research("study", Domain(a=range(12)))
    study.add_callable(work, a=EC("a"), run=E(), folder=EP(), save_to="b").run(
        bar=False, workers=2, detach=True
    )
    paths = []
    while not study.is_finished:
        paths.append(study.snapshot())
        if len(paths) == 10:
            enough.touch()
    study.wait()
    paths.append(study.snapshot())
    counts = []
    for path in paths:
        with closing(sqlite3.connect(path / "research.db")) as database:
            assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        copy = ResearchResults(path)
        done = copy.statuses_to_df()["status"].eq("done").sum() if copy.configs else 0
        if done:
            assert copy.df["b"].dropna().size == done
        counts.append(done)
    assert counts == sorted(counts)
    assert counts[-1] == 12
    assert len(paths) > 10


def test_links_stay_links():
    study = study_of([1], folder=EP()).run(**QUIET)
    Path("far.txt").write_text("far")
    (experiment,) = Path("study/experiments").iterdir()
    (experiment / "near").symlink_to("file.txt")
    (experiment / "far").symlink_to("../../../far.txt")
    (experiment / "nowhere").symlink_to("/nowhere/at/all")
    (experiment / "loop").symlink_to(".")
    (experiment / ".x.123.0123abcd.tmp").write_text("half")
    copy = study.snapshot() / "experiments" / experiment.name
    links = {path.name: os.readlink(path) for path in copy.iterdir() if path.is_symlink()}
    assert links == {"near": "file.txt", "far": "../../../far.txt", "nowhere": "/nowhere/at/all", "loop": "."}
    assert (copy / "far").read_text() == "far"
    assert not (copy / ".x.123.0123abcd.tmp").exists()


@pytest.mark.parametrize("step", ["copy_tree", "_name"])
def test_what_was_broken_off_is_no_snapshot(step):
    study_of([1]).run(**QUIET)
    code = f"""
import os
from research.storage import snapshots
snapshots.{step} = lambda *arguments: os._exit(9)
snapshots.take_snapshot("study")
"""
    done = subprocess.run([sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": ROOT}, check=False)
    assert done.returncode == 9
    (left,) = [path for path in Path().iterdir() if path.name != "study"]
    assert left.name.startswith(".study-")
    if step == "copy_tree":
        with pytest.raises(StudyNotFoundError):
            ResearchResults(left)


def test_what_fails_leaves_nothing():
    study = study_of([1]).run(**QUIET)
    Path("study/research.db").write_bytes(b"x" * 5000)
    with pytest.raises(DamagedStudyError):
        study.snapshot()
    assert [path.name for path in Path().iterdir()] == ["study"]


def test_without_a_folder_there_is_nothing_to_copy():
    study = study_of([1])
    with pytest.raises(StudyNotFoundError, match="no study in 'study'"):
        study.snapshot()
    with pytest.raises(StudyNotFoundError, match="no study in 'other'"):
        take_snapshot("other")
    study.run(**QUIET, dump_results=False)
    with pytest.raises(StudyError, match="in memory"):
        study.snapshot()
    with pytest.raises(ValueError, match="`snapshot=True` needs"):
        study.run(**QUIET, dump_results=False, snapshot=True)
    with pytest.raises(ValueError, match="`snapshot` must be True or False, got 1"):
        study.run(**QUIET, snapshot=1)


def test_a_study_is_copied_before_it_is_gone_on_with():
    study_of([1]).run(**QUIET, snapshot=True)
    assert len(list(Path().iterdir())) == 1
    with pytest.raises(StudyExistsError):
        study_of([1, 2]).run(**QUIET, snapshot=True)
    study_of([1, 2]).run(**QUIET, snapshot=True, resume=True)
    (path,) = Path().glob("study-*")
    assert len(ResearchResults(path).df) == 1
    assert len(ResearchResults("study").df) == 2
