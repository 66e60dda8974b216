"""Files that units wrote are listed, with what their experiments are."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from research import EC, EP, Alias, Domain, Research, ResearchResults


def write(folder, a):
    (folder / "plots").mkdir()
    (folder / "plots" / "loss.png").write_bytes(b"x" * a)
    if a > 1:
        (folder / "note.txt").write_text("two")


@pytest.fixture
def study():
    domain = Domain(a=[1, 2]) * Domain(b=["x"])
    return Research("study", domain).add_callable(write, folder=EP(), a=EC("a")).run(bar=False)


def test_there_is_a_row_for_each_file_of_each_experiment(study):
    before = time.time()
    first, second = study.results.configs
    table = study.results.artifacts_to_df()
    assert list(table) == ["id", "a", "b", "path", "name", "size", "modified"]
    assert table["id"].tolist() == [first, second, second]
    assert table["a"].tolist() == [1, 2, 2]
    assert table["name"].tolist() == ["plots/loss.png", "note.txt", "plots/loss.png"]
    assert table["path"].tolist() == [
        f"experiments/{first}/plots/loss.png",
        f"experiments/{second}/note.txt",
        f"experiments/{second}/plots/loss.png",
    ]
    assert table["size"].tolist() == [1, 3, 2]
    assert all(0 <= before - modified < 60 for modified in table["modified"])
    assert [os.path.getsize(Path("study") / path) for path in table["path"]] == table["size"].tolist()


def test_columns_of_configs_are_those_of_to_df(study):
    results = study.results
    assert list(results.artifacts_to_df(include_config=False)) == ["id", "path", "name", "size", "modified"]
    assert results.artifacts_to_df(concat_config=True)["config"].tolist() == ["a_1-b_x"] + ["a_2-b_x"] * 2
    assert "repetition" in results.artifacts_to_df(remove_auxilary=False)
    aliased = Research("aliased", Domain({Alias("a", "A"): [Alias(2, "two")]}))
    aliased.add_callable(write, folder=EP(), a=EC("a")).run(bar=False)
    assert aliased.results.artifacts_to_df(use_alias=True)["A"].tolist() == ["two", "two"]
    assert len(aliased.results.artifacts_to_df(alias={"A": "two"})) == 2


def test_filters_are_those_of_to_df(study):
    results = study.results
    first, second = results.configs
    assert set(results.artifacts_to_df(a=2)["id"]) == {second}
    assert set(results.artifacts_to_df(config={"a": 1})["id"]) == {first}
    assert set(results.artifacts_to_df(domain=Domain(a=[2, 3]))["id"]) == {second}
    assert set(results.artifacts_to_df(experiment_id=[first])["id"]) == {first}
    assert results.artifacts_to_df(name="note.txt")["id"].tolist() == [second]
    assert len(results.artifacts_to_df(name=["note.txt", "plots/loss.png"], a=2)) == 2
    assert len(results.artifacts_to_df(name="loss.png")) == 0
    assert set(results.load(a=1, name="loss", iterations=3).artifacts_to_df()["id"]) == {first}


def test_filters_that_make_no_sense_are_refused(study):
    with pytest.raises(ValueError, match="no experiment has a parameter 'aa'; did you mean 'a'"):
        study.results.artifacts_to_df(aa=1)
    with pytest.raises(ValueError, match="`iterations` is no filter of files"):
        study.results.artifacts_to_df(iterations=0)
    with pytest.raises(TypeError, match="`name` must be a str or a list of str"):
        study.results.artifacts_to_df(name=1)


@pytest.mark.parametrize("dump_results", [True, False])
def test_a_study_without_files_has_an_empty_table(dump_results):
    study = Research("study", Domain(a=[1])).add_callable("f", lambda: 1, save_to="x")
    table = study.run(bar=False, dump_results=dump_results).results.artifacts_to_df()
    assert list(table) == ["id", "a", "path", "name", "size", "modified"]
    assert len(table) == 0
    assert table["size"].dtype == "int64"


def test_files_of_a_study_in_memory_are_gone():
    study = Research("study", Domain(a=[1])).add_callable(write, folder=EP(), a=EC("a"))
    assert len(study.run(bar=False, dump_results=False).results.artifacts_to_df()) == 0


def test_parameters_keep_their_names():
    domain = Domain(name=["x"], path=[1], path_=[2], size=[3])
    study = Research("study", domain).add_callable(lambda folder: (folder / "file").touch(), folder=EP())
    table = study.run(bar=False).results.artifacts_to_df()
    assert list(table)[1:] == ["name", "path", "path_", "size", "path__", "name_", "size_", "modified"]
    assert table.loc[0, ["path", "path_", "path__"]].tolist()[:2] == [1, 2]
    assert table["name_"].tolist() == ["file"]


NAMES = ["plain", ".hidden", "with space", "ünï 漢字 😀", "new\nline", "-rf", "x" * 255, "\udcff\udcfe"]


def test_files_may_have_any_name():
    def make(folder):
        for name in NAMES:
            (folder / name).touch()

    study = Research("study").add_callable(make, folder=EP()).run(bar=False)
    assert study.results.artifacts_to_df()["name"].tolist() == sorted(NAMES)


def test_links_to_folders_are_not_followed_and_only_files_are_listed():
    Path("elsewhere").mkdir()
    Path("elsewhere/secret").touch()

    def make(folder, elsewhere):
        (folder / "real").write_text("12345")
        (folder / "latest").symlink_to("real")
        (folder / "nowhere").symlink_to("not there")
        (folder / "folder").symlink_to(elsewhere)
        (folder / "loop").symlink_to(folder)
        (folder / "empty").mkdir()
        os.mkfifo(folder / "fifo")

    study = Research("study").add_callable(make, folder=EP(), elsewhere=str(Path("elsewhere").absolute()))
    table = study.run(bar=False).results.artifacts_to_df()
    assert table["name"].tolist() == ["latest", "real"]
    assert table["size"].tolist() == [5, 5]


def test_folders_of_nobody_are_left_out(study):
    Path("study/experiments/0123456789abcdef").mkdir()
    Path("study/experiments/0123456789abcdef/file").touch()
    Path("study/experiments/file").touch()
    assert len(study.results.artifacts_to_df()) == 3


def test_a_study_that_was_moved_has_its_files_where_it_is(study, monkeypatch):
    table = study.results.artifacts_to_df()
    shutil.move("study", "moved")
    moved = ResearchResults("moved")
    monkeypatch.chdir("/")
    assert moved.artifacts_to_df()["path"].tolist() == table["path"].tolist()


def test_files_are_listed_while_the_study_runs():
    def look(folder, study):
        (folder / "file").touch()
        deadline = time.monotonic() + 30
        while not len(found := ResearchResults(study).artifacts_to_df()) and time.monotonic() < deadline:
            time.sleep(0.01)  # until the store knows of the experiment
        return found["name"].tolist()

    study = Research("study").add_callable("first", lambda: 1, save_to="first", dump=1)
    study.add_callable("look", look, folder=EP(), study=str(Path("study").absolute()), save_to="names")
    assert study.run(bar=False).results.df["names"].tolist() == [["file"]]


def test_listing_runs_no_code_of_the_study():
    code = (
        "from research import EP, Research, Domain\n"
        "class Value:\n"
        "    def __reduce__(self): return print, ('code of the study runs',)\n"
        "    def __init__(self): self.x = 1\n"
        "def write(folder):\n"
        "    (folder / 'model.pkl').write_bytes(b'not a pickle')\n"
        "study = Research('theirs', Domain(f=[len])).add_callable(write, folder=EP()).save(Value(), 'v')\n"
        "study.run(bar=False)\n"
    )
    subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    look = "from research import ResearchResults as R; print(R('theirs').artifacts_to_df()['name'].tolist())"
    done = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True)
    assert done.stdout == "['model.pkl']\n"
