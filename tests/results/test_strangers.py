"""A study that somebody else has written is read without running code, and without believing what it says."""

from __future__ import annotations

import json
import os
import pickle
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from research import EC, EP, Domain, Research, ResearchResults
from research.domain import Opaque
from research.errors import DamagedStudyError, ResearchError, StudyError
from research.storage.shelf import LARGE
from tests.results.stored_studies import id_of, write_study


class Bomb:
    """Makes a folder when it is unpickled."""

    def __init__(self, path):
        self.path = str(Path(path).absolute())

    def __reduce__(self):
        return os.makedirs, (self.path, 0o777, True)


def bomb():
    return pickle.dumps(Bomb("exploded"))


def has_exploded():
    return Path("exploded").exists()


def work(a, folder):
    print("a is", a)
    (folder / "model.pkl").write_bytes(a * b"x")


def execute(study, *statements):
    with closing(sqlite3.connect(Path(study, "research.db"))) as database:
        for statement, *values in statements:
            database.execute(statement, values)
        database.commit()


@pytest.fixture
def study():
    """A study with something of all kinds in it."""
    study = Research("theirs", Domain(a=[1, 2]) * Domain(f=[len]))
    study.add_callable(work, a=EC("a"), folder=EP())
    study.add_generator("numbers", lambda: iter([0.5, "b", {"c": 1}]), save_to="x")
    study.save(Bomb("exploded"), "y").save(b"x" * LARGE, "large", when="last")
    study.run(seed=1, bar=False, profile=2, env_meta=True)
    return study.name


def read_everything(name):
    results = ResearchResults(name)
    repr(results), results.study, results.env_meta(), results.configs, repr(results.results)
    for flags in range(2**6):
        repr(results.to_df(*(bool(flags & 1 << place) for place in range(6))))
    repr(results.df), repr(results.to_df(a=1)), repr(results.to_df(domain=Domain(a=[1]), f=len))
    for is_short in (True, False):
        repr(results.configs_to_df(use_alias=is_short)), repr(results.artifacts_to_df(use_alias=is_short))
    repr(results.statuses_to_df())
    for identity in results.configs:
        results.log(identity), results.log(identity, "stdout")
    for table in (
        results.profiler.profile_info,
        results.profiler.details,
        results.profiler.show_profile_info(),
    ):
        repr(table)


def test_reading_a_study_full_of_pickles_unpickles_none(study):
    data = bomb()
    for path in [
        Path("theirs/research.dill"),
        Path("theirs/domains/1.dill"),
        *Path("theirs/objects").iterdir(),
    ]:
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data)
    execute("theirs", ("UPDATE objects SET data = ? WHERE path IS NULL", data))
    shutil.copytree("theirs", "copy")
    for name in ("theirs", "copy"):
        read_everything(name)
    merged = ResearchResults.merge(["theirs", "copy"], into="merged")
    read_everything("merged")
    assert not has_exploded()
    assert Path("merged/research.dill").read_bytes() == Path("merged/domains/1.dill").read_bytes() == data
    repr(merged.load(load_objects=True).results)
    assert has_exploded()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE history SET data = ?",
        "UPDATE history SET iterations = ?",
        "UPDATE history SET kind = 'numpy:O', data = ?",
        "UPDATE history SET kind = 'pickle', data = ?",
        "UPDATE profiles SET data = ?",
        "UPDATE profiles SET iterations = ?",
        "UPDATE objects SET format = 'npy', data = ?, path = NULL",
        "UPDATE experiments SET config = ?",
        "UPDATE experiments SET aliases = ?",
        "UPDATE studies SET settings = ?",
        "UPDATE latest SET text = ?",
    ],
)
def test_pickles_where_none_belong_are_not_unpickled_either(study, statement):
    execute("theirs", (statement, bomb()))
    shutil.copytree("theirs", "copy")
    for read in (
        lambda: read_everything("theirs"),
        lambda: ResearchResults.merge(["theirs", "copy"], into="all"),
    ):
        try:
            read()
        except DamagedStudyError as error:
            assert "theirs" in str(error)
    assert not has_exploded()


def test_an_array_of_objects_is_not_unpickled():
    write_study("theirs", {1: [np.arange(3)]})
    with open("array.npy", "wb") as file:
        np.save(file, np.array([Bomb("exploded")], dtype=object), allow_pickle=True)
    execute("theirs", ("UPDATE objects SET data = ?", Path("array.npy").read_bytes()))
    for load_objects in (False, True):
        with pytest.raises(ResearchError, match=r"the study in '.*theirs' cannot be read: ValueError"):
            ResearchResults("theirs", load_objects=load_objects).results
    assert not has_exploded()


def test_objects_are_opened_on_demand():
    write_study("theirs", {1: [Bomb("exploded")]})
    ((value,),) = [variables["x"].values() for variables in ResearchResults("theirs").results.values()]
    assert not has_exploded()
    value.load()
    assert has_exploded()


DAMAGE = {
    "JSON cut short": "UPDATE studies SET settings = '{\"parameters\": ['",
    "settings that are no dict": "UPDATE studies SET settings = '[1]'",
    "settings of another kind": 'UPDATE studies SET settings = \'{"added": [1], "parameters": 3}\'',
    "a seed that is none": "UPDATE studies SET seed = 'x'",
    "a config cut short": "UPDATE experiments SET config = '{\"a\": '",
    "a config that is no dict": "UPDATE experiments SET config = '[1, 2]'",
    "a config too deep": f"UPDATE experiments SET config = '{'[' * 50_000}'",
    "a config with a number that is none": 'UPDATE experiments SET config = \'{"a": {"$int": "x"}}\'',
    "a config with a scalar that is none": 'UPDATE experiments SET config = \'{"a": {"$scalar": 3}}\'',
    "aliases of another kind": 'UPDATE experiments SET aliases = \'{"names": 3, "values": []}\'',
    "a worker that is none": ('UPDATE studies SET settings = \'{"added": {"workers": [], "seen": [[]]}}\''),
    "an unknown kind of column": "UPDATE history SET kind = 'complicated'",
    "a column cut short": "UPDATE history SET data = substr(data, 1, 3)",
    "a column that is too long": "UPDATE history SET length = 1000000000000",
    "an unknown kind of value": "UPDATE latest SET type = 'complicated'; DELETE FROM history",
    "an iteration that is none": "UPDATE latest SET iteration = 'x'; DELETE FROM history",
    "an object that is not there": "UPDATE latest SET type = 'object'; DELETE FROM history",
    "iterations of another number": "UPDATE history SET iterations = zeroblob(8)",
    "no table": "DROP TABLE latest",
    "a name that is none": "UPDATE history SET variable = '$hex:zz'",
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_what_cannot_be_read_is_an_error_that_names_the_study(kind):
    write_study("theirs", {1: [1.0, 2.0]})
    with closing(sqlite3.connect("theirs/research.db")) as database:
        database.executescript(DAMAGE[kind])
    with pytest.raises(DamagedStudyError, match=r"the study in '.*theirs' cannot be read: "):
        ResearchResults("theirs").to_df()


def test_a_file_that_is_no_database_is_an_error_that_names_the_study():
    write_study("theirs", {1: [1.0]})
    Path("theirs/research.db").write_bytes(b"no database" * 1000)
    for read in (repr, ResearchResults.to_df, lambda results: results.merge([results], into="all")):
        with pytest.raises(
            DamagedStudyError, match="theirs' cannot be read: DatabaseError: file is not a database"
        ):
            read(ResearchResults("theirs"))
    assert not Path("all").exists()


def test_an_unknown_form_of_a_parameter_is_opaque():
    write_study("theirs", {1: [1.0]})
    execute("theirs", ("UPDATE experiments SET config = ?", json.dumps({"a": {"$new": [1]}})))
    (config,) = ResearchResults("theirs").configs.values()
    assert type(config["a"]) is Opaque


def test_an_object_of_an_unknown_format_is_not_unpickled():
    write_study("theirs", {1: [{"a": 1}]})
    execute("theirs", ("UPDATE objects SET format = 'joblib', data = ?", bomb()))
    assert "not loaded" in repr(ResearchResults("theirs").results)
    with pytest.raises(DamagedStudyError, match="objects are stored as 'npy' or 'pickle', not as 'joblib'"):
        ResearchResults("theirs", load_objects=True).results
    assert not has_exploded()


PATHS = [
    "../secret",
    "../../etc/passwd",
    "/etc/passwd",
    "secret",
    "objects/../../secret",
    "objects/",
    "objects/..",
]


@pytest.mark.parametrize("path", [*PATHS, "objects/link"])
@pytest.mark.parametrize("load_objects", [False, True])
def test_files_that_are_not_the_studys_are_not_read(path, load_objects):
    write_study("theirs", {1: [np.zeros(LARGE // 8)]})
    np.save("secret", np.arange(3))
    os.rename("secret.npy", "secret")
    os.symlink(Path("secret").absolute(), "theirs/objects/link")
    execute("theirs", ("UPDATE objects SET path = ?", path))
    with pytest.raises(DamagedStudyError, match="it was not read"):
        ResearchResults("theirs", load_objects=load_objects).results
    with pytest.raises(DamagedStudyError, match="it was not read"):
        ResearchResults.merge(["theirs"], into="all")
    assert sorted(os.listdir()) == ["secret", "theirs"]


def test_an_experiment_whose_id_is_a_path_reads_nothing_elsewhere():
    write_study("theirs", {1: [1.0]})
    Path("stdout.txt").write_text("secret")
    execute("theirs", ("UPDATE experiments SET id = '../..'",))
    results = ResearchResults("theirs")
    with pytest.raises(
        DamagedStudyError, match=r"an experiment of the study in '.*theirs' has a folder '../..'"
    ):
        results.log("../..")
    assert len(results.artifacts_to_df()) == 0
    with pytest.raises(DamagedStudyError, match=r"has an experiment '../..': that is no id"):
        ResearchResults.merge(["theirs"], into="all")
    execute("theirs", ("UPDATE experiments SET id = ?, prefix = '../../x'", id_of(1)))
    assert len(results.artifacts_to_df()) == 0
    ResearchResults.merge(["theirs"], into="all")
    assert sorted(os.listdir()) == ["all", "stdout.txt", "theirs"]


def test_logs_and_surroundings_that_lead_elsewhere_are_not_read():
    write_study("theirs", {1: [1.0]})
    Path("secret").write_text("secret")
    for path in (Path("theirs/experiments", id_of(1), "stdout.txt"), Path("theirs/env/python.txt")):
        path.parent.mkdir(parents=True)
        path.symlink_to(Path("secret").absolute())
    results = ResearchResults("theirs")
    for read in (lambda: results.log(id_of(1)), results.env_meta):
        with pytest.raises(
            DamagedStudyError, match=r"leads out of the study's folder, to '.*secret': it was not read"
        ):
            read()


def test_links_among_files_stay_links_and_nothing_is_written_through_them():
    Path("elsewhere").mkdir()
    for name, kind in (("one", "link"), ("two", "folder")):
        write_study(name, {1: [1.0]})
        folder = Path(name, "experiments", id_of(1))
        folder.mkdir(parents=True)
        if kind == "link":
            (folder / "out").symlink_to(Path("elsewhere").absolute())
            (folder / "passwd").symlink_to("/etc/passwd")
            os.mkfifo(folder / "fifo")
        else:
            (folder / "out").mkdir()
            (folder / "out" / "file").write_text("written")
    ResearchResults.merge(["one", "two"], into="all")
    folder = Path("all/experiments", id_of(1))
    assert sorted(os.listdir(folder)) == ["out", "passwd"]
    assert (folder / "passwd").is_symlink()
    assert (folder / "out").is_symlink()
    assert os.listdir("elsewhere") == []


def test_views_and_triggers_of_a_stranger_are_of_no_use_to_him():
    write_study("theirs", {1: [1.0]})
    execute(
        "theirs",
        ("CREATE TRIGGER t AFTER INSERT ON latest BEGIN SELECT load_extension('x'); END",),
        ("ALTER TABLE outputs RENAME TO o",),
        ("CREATE VIEW outputs AS SELECT load_extension('x') AS study, 0 AS experiment",),
    )
    assert ResearchResults("theirs").df["x"].tolist() == [1.0]
    with pytest.raises(DamagedStudyError, match="theirs' cannot be read"):
        ResearchResults.merge(["theirs"], into="all")
    assert not Path("all").exists()


def test_a_definition_that_cannot_be_loaded_says_what_can_be_read():
    write_study("theirs", {1: [1.0]})
    for data in (pickle.dumps([1, 2])[:5], pickle.dumps([1, 2]), b""):
        Path("theirs/research.dill").write_bytes(data)
        with pytest.raises(
            StudyError, match=r"definition of the study in 'theirs' .* ResearchResults\('theirs'\) reads"
        ):
            Research.load("theirs")
