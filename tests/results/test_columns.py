"""Columns that are made of others, kept ones, and paths that are elsewhere now."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path, PurePosixPath

import pytest

from research import EC, Domain, E, Experiment, Research, ResearchResults
from research.checking import check_study
from research.errors import DamagedStudyError, ExpressionError
from research.results.derived import Column, derive
from research.storage.snapshots import take_snapshot
from tests.results.small_studies import run
from tests.results.stored_studies import id_of, write_study


def study(**options):
    """Return results of three configs and two iterations."""
    experiment = Experiment().save(EC("a") * (E().iteration + 1), "x").save(EC("a"), "once", when="%0")
    return run(experiment, Domain(a=[1, 2, 3]), n_iters=2, **options)


def test_a_column_is_made_of_each_row():
    results = study().with_column("gap", lambda row: row["x"] - row["a"])
    assert results.df["gap"].tolist() == [0, 1, 0, 2, 0, 3]
    assert [own["gap"] for own in results.results.values()] == [{0: 0, 1: 1}, {0: 0, 1: 2}, {0: 0, 1: 3}]
    long = results.to_df(pivot=False)
    assert long[long["name"] == "gap"]["value"].tolist() == [0, 1, 0, 2, 0, 3]


def test_results_stay_as_they_are():
    results = study()
    results.with_column("gap", lambda row: 0)
    assert "gap" not in results.df


def test_a_column_sees_those_before_it():
    results = study().with_column("b", lambda row: row["a"] + 1).with_column("c", lambda row: row["b"] * 2)
    assert results.to_df(iterations=0)["c"].tolist() == [4, 6, 8]
    assert results.with_column("b", "other").to_df(iterations=0, name="b")["b"].tolist() == ["other"] * 3


def test_a_column_sees_ids_iterations_and_what_the_study_added():
    names = ["id", "iteration", "repetition", "updates", "device", "a", "x", "once"]
    results = study().with_column("seen", lambda row: sorted(row)).with_column("n", len)
    assert results.df["seen"][0] == sorted(names)
    assert results.df["n"].tolist() == [9, 8] * 3


def test_what_a_row_lacks_is_missing_in_the_column_too():
    results = study().with_column("twice", lambda row: row["once"] * 2)
    assert results.df["twice"].isna().tolist() == [False, True] * 3
    results = study().with_column("twice", lambda row: row.get("once"))
    assert results.df["twice"].tolist()[1] is None


def test_rows_are_filtered_by_columns():
    results = study().with_column("gap", lambda row: row["x"] - row["a"])
    frame = results.to_df(gap=0)
    assert frame["iteration"].tolist() == [0, 0, 0]
    assert results.to_df(gap=2, a=2)["x"].tolist() == [4]
    assert results.to_df(config={"gap": 2, "a": 2}, name="x")["x"].tolist() == [4]
    assert len(results.to_df(gap=2, a=1)) == 0
    assert len(results.to_df(gap=0.0)) == 0  # types count, as for parameters
    assert results.load(gap=3).df["a"].tolist() == [3]
    assert list(results.configs.values()) == [{"a": 3}]
    assert [config["a"] for config in results.load().to_domain(gap=2)] == [2]


def test_a_column_can_be_asked_for_alone():
    results = study().with_column("gap", lambda row: row["x"] - row["a"])
    assert list(results.to_df(name="gap"))[1:] == ["a", "iteration", "gap"]
    assert list(results.to_df(name=["x", "gap"], gap=2))[1:] == ["a", "iteration", "x", "gap"]
    assert list(results.to_df(name="x"))[1:] == ["a", "iteration", "x"]


def test_columns_that_are_not_asked_for_are_not_made():
    results = study().with_column("bad", lambda row: 1 / 0)
    assert len(results.to_df(name="x")) == 6
    assert len(results.configs) == 3


def test_parts_have_columns_as_well():
    results = study().with_column("gap", lambda row: row["x"] - row["a"])
    parts = list(results.iter_frames(2))
    assert [value for part in parts for value in part["gap"]] == results.df["gap"].tolist()


def test_misspelt_names_and_failures_are_told():
    with pytest.raises(ValueError, match=r"'gap' reads 'onec', which no row has; did you mean 'once'"):
        study().with_column("gap", lambda row: row["onec"]).df
    (first, *_) = study(seed=1).configs
    with pytest.raises(ExpressionError, match=rf"'gap' failed for a row, id {first}, iteration 0: Zero"):
        study().with_column("gap", lambda row: 1 / 0).df
    with pytest.raises(ValueError, match=r"must not be named 'a': that is a parameter"):
        study().with_column("a", 1)
    with pytest.raises(ValueError, match=r"must not be named 'id': that is a column of tables"):
        study().with_column("id", 1)
    with pytest.raises(TypeError, match="names of variables must be str, got 1"):
        study().with_column(1, 1)


def test_a_column_in_the_place_of_a_variable():
    results = study().with_column("x", lambda row: -row["x"])
    assert results.to_df(iterations=0)["x"].tolist() == [-1, -2, -3]


def test_others_ask_derive_for_what_a_row_holds():
    columns = [Column("b", lambda row: row["a"] + 1), Column("c", lambda row: row["lacks"])]
    assert derive(columns, {"a": 1}) == {"b": 2}
    with pytest.raises(ValueError, match="'c' reads 'lacks'"):
        derive(columns, {"a": 1}, {"a", "b", "c"})


def test_a_label_is_kept_beside_what_was_saved(tmp_path):
    name = write_study(str(tmp_path / "s"), {1: [5, 6], 2: [7], 3: []})
    before = (Path(name) / "research.db").read_bytes()
    results = ResearchResults(name)
    results.with_column("study", "pilot", store=True)
    assert (Path(name) / "research.db").read_bytes() == before
    assert ResearchResults(name).df["study"].tolist() == ["pilot"] * 3
    assert results.to_df(study="pilot")["x"].tolist() == [5, 6, 7]
    assert len(results.to_df(study="other")) == 0


def test_values_of_other_experiments_stay(tmp_path):
    name = write_study(str(tmp_path / "s"), {1: [5, 6], 2: [7, 7], 3: [8]})
    for a, label in ((1, "first"), (2, "second"), (1, "again")):
        ResearchResults(name).load(a=a).with_column("study", label, store=True)
    assert ResearchResults(name).df["study"].tolist()[:4] == ["again"] * 2 + ["second"] * 2
    assert ResearchResults(name).df["study"].isna().tolist() == [False] * 4 + [True]


def test_each_kind_of_scalar_is_kept_as_it_is(tmp_path):
    values = [1, 1.5, True, None, "ü", 2**70, float("inf"), 1]
    name = write_study(str(tmp_path / "s"), {1: range(len(values))})
    made = ResearchResults(name).with_column("v/ü ?", lambda row: values[row["x"]], store=True)
    for results in (made, ResearchResults(name)):
        (own,) = results.results.values()
        assert [(type(value), value) for value in own["v/ü ?"].values()] == [(type(v), v) for v in values]
    with pytest.raises(TypeError, match="'v' has a value of type list: `store=True` keeps numbers, text"):
        made.with_column("v", lambda row: [1], store=True)


def test_a_kept_column_comes_along_with_the_folder(tmp_path):
    name = write_study(str(tmp_path / "s"), {1: [5]})
    ResearchResults(name).with_column("study", "pilot", store=True)
    assert ResearchResults(take_snapshot(name)).df["study"].tolist() == ["pilot"]
    shutil.move(name, tmp_path / "moved")
    assert ResearchResults(tmp_path / "moved").df["study"].tolist() == ["pilot"]


@pytest.mark.parametrize(("prefer", "both"), [(None, "one"), ("last", "two"), (1, "two")])
def test_kept_columns_are_merged(tmp_path, prefer, both):
    values = {"one": {1: [5], 2: [6]}, "two": {2: [6], 3: [7]}}
    names = [write_study(str(tmp_path / name), own) for name, own in values.items()]
    for name in names:
        ResearchResults(name).with_column("study", Path(name).name, store=True)
    merged = ResearchResults.merge(names, into=tmp_path / "all", prefer=prefer)
    assert sorted(zip(merged.df["x"], merged.df["study"], strict=True)) == [(5, "one"), (6, both), (7, "two")]
    assert check_study(tmp_path / "all").is_sound


def test_a_study_without_a_folder_keeps_none():
    with pytest.raises(ValueError, match="has no folder in which the column 'study' could be kept"):
        study().with_column("study", 1, store=True)


def test_a_damaged_column_is_told(tmp_path):
    name = write_study(str(tmp_path / "s"), {1: [5]})
    ResearchResults(name).with_column("study", "pilot", store=True)
    (path,) = (tmp_path / "s" / "columns").iterdir()
    for text in ("{", "[]", json.dumps({"name": "study", "values": {id_of(1): [[None, "?", 1, None]]}})):
        path.write_text(text)
        with pytest.raises(DamagedStudyError, match="cannot be read"):
            ResearchResults(name).df
    path.unlink()
    os.symlink(tmp_path, path)
    with pytest.raises(DamagedStudyError, match="leads out of the study's folder"):
        ResearchResults(name).df


def paths(**options):
    """Return results with paths among parameters and variables."""
    domain = Domain(out=["/old/1", "/older/1", "/old", PurePosixPath("/old/2")])
    experiment = Experiment().add_callable("f", lambda out: f"{out}/log", out=EC("out"), save_to="log")
    return run(experiment.save(1, "x"), domain, **options)


def test_paths_are_shown_as_they_are_now():
    results = paths().map_paths("/old", "/new/place")
    assert results.df["log"].tolist() == [
        "/new/place/1/log", "/older/1/log", "/new/place/log", "/new/place/2/log",
    ]  # fmt: skip
    assert list(map(str, results.df["out"])) == ["/new/place/1", "/older/1", "/new/place", "/new/place/2"]
    assert results.configs_to_df(use_alias=True)["out"][0] == "/new/place/1"
    assert [*results.configs] == [*paths().configs]
    assert results.to_domain()[0]["out"] == "/old/1"


def test_paths_are_asked_for_as_they_are_now():
    results = paths().map_paths(PurePosixPath("/old"), "/new")
    assert results.to_df(out="/new/1")["log"].tolist() == ["/new/1/log"]
    assert results.to_df(config={"out": "/new/1"})["log"].tolist() == ["/new/1/log"]
    assert len(results.to_df(out="/old/1")) == 0
    assert results.to_df(out=PurePosixPath("/new/2"))["log"].tolist() == ["/new/2/log"]
    with pytest.raises(ValueError, match="no experiment has a parameter 'oot'; did you mean 'out'"):
        results.to_df(oot="/new/1")
    assert results.load(out="/new/1").df["log"].tolist() == ["/new/1/log"]


def test_columns_see_paths_as_they_are_now():
    results = paths().map_paths("/old/", "/new/").with_column("name", lambda row: Path(row["log"]).parts[1])
    assert results.df["name"].tolist() == ["new", "older", "new", "new"]
    again = results.map_paths("/new", "/newest")
    assert again.to_df(name="name")["name"].tolist() == ["newest", "older", "newest", "newest"]
    with pytest.raises(ValueError, match="`old` must be the path of a folder, got ''"):
        results.map_paths("", "/x")


def test_columns_of_a_study_that_goes_on(tmp_path):
    folder = str(tmp_path / "s")
    domain = Domain(a=[1, 2, 3])
    options = {"parallel": False, "bar": False}
    study = Research(folder, domain, n_configs=2).add_callable("f", abs, args=[EC("a")], save_to="x")
    results = study.run(**options).results
    results.with_column("study", "first", store=True)
    more = Research(folder, domain).add_callable("f", abs, args=[EC("a")], save_to="x")
    frame = more.run(resume=True, **options).results.df
    assert frame["study"].isna().tolist() == [False, False, True]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("/old/", "/b", ["/b/1.log", "/b", "/older/1.log"]),
        ("/old", "/b/", ["/b/1.log", "/b", "/older/1.log"]),
        ("/old", "/", ["/1.log", "/", "/older/1.log"]),
        ("/", "/b", ["/b/old/1.log", "/b/old", "/b/older/1.log"]),
    ],
)
def test_separators_at_the_end_of_folders_do_not_matter(old, new, expected):
    study = Research("study", Domain(path=["/old/1.log", "/old", "/older/1.log"])).save(EC("path"), "log")
    results = study.run(dump_results=False, parallel=False, bar=False).results
    assert results.map_paths(old, new).df["log"].tolist() == expected


@pytest.mark.parametrize("path", ["", 1])
def test_a_folder_that_is_none_is_refused(path):
    with pytest.raises(ValueError, match=r"`new` must be the path of a folder"):
        paths().map_paths("/old", path)
