"""What is wrong with a study is found, and named."""

from __future__ import annotations

import os
import pickle
import re
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from research import EC, EP, Domain, E, Research
from research.checking import Report, check_study
from research.errors import StudyNotFoundError
from research.storage.sql import LARGE


class Bomb:
    def __reduce__(self):
        return os.mkdir, ("exploded",)


def work(a, folder):
    (folder / "file.txt").write_text("x")
    return np.arange(LARGE // 8 + a)


@pytest.fixture
def study():
    """A study with values of all kinds."""
    study = Research("study", Domain(a=[1, 2, 3]))
    study.add_callable(work, a=EC("a"), folder=EP(), save_to="large")
    study.add_generator("x", lambda: iter([0.5, 1.5, 2.5]), save_to="x")
    study.save({"an": "object"}, "y").save(Bomb(), "z").save(E().id, "name")
    return study.run(bar=False, parallel=False, profile=1)


def execute(*statements):
    with closing(sqlite3.connect("study/research.db")) as database:
        for statement in statements:
            database.execute(statement)
        database.commit()


def problems():
    """Return problems and remarks as text."""
    report = check_study("study")
    assert report.is_sound == (not report.problems)
    assert not Path("exploded").exists()
    return [f"{kind}: {text}" for kind, text in report.problems], list(report.remarks)


def test_a_sound_study_is_said_to_be(study):
    report = check_study("study")
    assert report == Report("study", (), (), {"done": 3})
    assert str(report) == "study: 3 done: sound"
    assert pickle.loads(pickle.dumps(report)) == report


@pytest.mark.parametrize(
    ("statements", "said"),
    [
        (
            ["DELETE FROM experiments WHERE key = 1"],
            "values: .* rows of the table 'latest' belong to no experiment",
        ),
        (["UPDATE experiments SET status = 'odd' WHERE key = 1"], "experiment: .* has a status 'odd'"),
        (
            ["UPDATE experiments SET config = '{' WHERE key = 1"],
            "experiment: the config of .* cannot be read",
        ),
        (["UPDATE experiments SET id = 'no id' WHERE key = 1"], "experiment: 'no id' is no id"),
        (["UPDATE history SET data = x'00' WHERE experiment = 1"], "values: those of .* cannot be read"),
        (
            ["UPDATE latest SET type = 'odd' WHERE experiment = 1"],
            "values: those of .* cannot be read.*'odd'",
        ),
        (
            ["UPDATE objects SET path = '/etc/passwd' WHERE path IS NOT NULL"],
            "objects: .* objects are files in",
        ),
        (["UPDATE objects SET size = 1 WHERE path IS NULL"], r"objects: \d+ of them have not the size"),
        (["UPDATE studies SET next_key = 2"], "database: `next_key` is not above all keys"),
        (["UPDATE studies SET settings = '['"], "database: the study in 'study' cannot be read"),
        (["DROP TABLE latest"], "database: there is no table 'latest'"),
    ],
)
def test_what_is_wrong_in_the_database_is_found(study, statements, said):
    execute(*statements)
    found, _ = problems()
    assert any(re.search(said, text) for text in found), found


def test_the_experiment_whose_values_are_damaged_is_named(study):
    execute("UPDATE history SET data = x'00' WHERE experiment = 1")
    found, _ = problems()
    (text,) = found
    assert list(study.results.configs)[1] in text
    assert "  values: those of" in str(check_study("study"))


def test_a_file_that_is_no_database_is_told(study):
    Path("study/research.db").write_bytes(b"x" * 5000)
    found, _ = problems()
    assert "file is not a database" in found[0]
    assert not any(text.startswith("folders") for text in found)


def test_damaged_pages_are_told(study):
    execute("PRAGMA journal_mode=DELETE")
    path = Path("study/research.db")
    data = bytearray(path.read_bytes())
    data[8192:12288] = bytes(4096)
    path.write_bytes(data)
    found, _ = problems()
    assert any(text.startswith("database") for text in found)


def test_folders_and_experiments_are_compared(study):
    first, second, _ = study.results.configs
    Path("study/experiments/strange").mkdir()
    shutil.rmtree(f"study/experiments/{second}")
    found, remarks = problems()
    assert found == ["folders: 1 in 'experiments' belong to no experiment: strange"]
    assert remarks == [f"1 experiments that have ended have no folder, where others have one: {second}"]
    assert first not in str(check_study("study"))


def test_files_of_objects_are_compared(study):
    first, second, *_ = sorted(Path("study/objects").iterdir())
    first.unlink()
    second.write_bytes(b"short")
    Path("study/objects/other.bin").write_bytes(b"")
    Path("study/objects/.other.bin.1.0123abcd.tmp").write_bytes(b"")
    found, remarks = problems()
    assert f"objects: the file 'objects/{first.name}' is not there" in found
    assert any(f"'objects/{second.name}' has 5 bytes, and should have" in text for text in found)
    assert [remark.split(":")[0] for remark in remarks] == [
        "1 files of objects belong to no value, as of experiments that began anew",
        "1 files were not written to their end",
    ]


def test_what_was_killed_is_no_problem(study):
    execute("UPDATE experiments SET status = 'running' WHERE key = 1", "UPDATE studies SET outcome = NULL")
    Path("study/research.dill").unlink()
    Path("study/experiments/begun").mkdir()
    found, remarks = problems()
    assert found == []
    assert "1 in 'experiments' belong to no experiment, as of those that have just begun: begun" in remarks[0]
    assert "1 experiments were running when the study was killed: run(resume=True)" in remarks[1]
    assert "Research.load gives results only" in remarks[2]


def test_a_study_that_runs_is_sound():
    def wait(folder):
        while not Path("go").exists():
            pass

    study = Research("study", Domain(a=[1, 2])).add_callable(wait, folder=EP(), save_to="x")
    study.run(bar=False, workers=1, detach=True)
    try:
        Path("study/experiments/strange").mkdir(parents=True)
        assert problems()[0] == []
        Path("study/experiments/strange").rmdir()
    finally:
        Path("go").touch()
    study.wait()
    assert problems() == ([], [])


def test_where_there_is_no_study_there_is_nothing_to_check():
    with pytest.raises(StudyNotFoundError, match="no study in 'nowhere'"):
        check_study("nowhere")
