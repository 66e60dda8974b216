"""Results that other programs have left in folders."""

from __future__ import annotations

import itertools
import json
import os
import pickle
from datetime import date

import numpy as np
import pytest

from research import ResearchResults
from research.errors import FilesError, StudyExistsError
from research.results.sources import natural_key
from tests.results.small_studies import same
from tests.results.stored_studies import write_study


def write(root, folders, file="conf.json", dump=json.dumps):
    """Write a dict into each folder."""
    for name, values in folders.items():
        path = root / str(name) / file
        path.parent.mkdir(parents=True, exist_ok=True)
        data = dump(values)
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return root


def grid(n=12):
    """Return dicts as they would be of 3 kernels x 4 C."""
    pairs = itertools.product(["linear", "rbf", "poly"], [0.001, 0.1, 1, 2])
    return {i: {"kernel": k, "C": C, "i": i, "f1": 0.5 + i / 100} for i, (k, C) in enumerate(pairs) if i < n}


def values_of(results):
    """Return what is known of each file, each value with its type."""
    saved = results.results
    return [
        {**config.to_dict(), **{name: own[0] for name, own in saved[key].items()}}
        for key, config in results.configs.items()
    ]


def test_a_folder_is_an_experiment_and_folders_are_in_natural_order(tmp_path):
    results = ResearchResults.from_files(write(tmp_path, grid()))
    frame = results.df
    assert frame["source"].tolist() == [f"{i}/conf.json" for i in range(12)]
    assert frame["i"].tolist() == list(range(12))
    assert frame["f1"].dtype == np.float64
    assert results.to_df(C=1)["i"].tolist() == [2, 6, 10]
    assert results.to_df(kernel="rbf")["i"].tolist() == [4, 5, 6, 7]
    assert results.statuses_to_df()["status"].tolist() == ["done"] * 12


def test_paths_are_sorted_as_people_sort_them():
    names = ["a10/2", "a2/10", "a2/9", "a2", "b", "10", "9", "9a", "a02/1", "²"]
    assert sorted(names, key=natural_key) == [
        "9",
        "9a",
        "10",
        "a02/1",
        "a2",
        "a2/9",
        "a2/10",
        "a10/2",
        "b",
        "²",
    ]


def test_numbers_keep_their_types_and_a_name_may_have_several(tmp_path):
    given = [1, 1.0, True, "1", None, 2**70, [1, 2], [], {}, {"a b": {"": 1}}, 1e300]
    root = write(tmp_path, {i: {"x": value, "y": 0.5} for i, value in enumerate(given)})
    for role in ("parameters", "variables"):
        found = values_of(ResearchResults.from_files(root, **{role: ["x"]}))
        shown = [item.get("x", item.get("x/a b")) for item in found]
        assert same([value for value in given if value != {"a b": {"": 1}}], [*shown[:9], *shown[10:]])


def test_what_is_a_float_everywhere_or_no_plain_data_is_a_variable(tmp_path):
    first = {"a": 1, "b": 0.5, "c": 0.5, "d": None, "e": [1, 2], "f": [0.5], "g": "x", "h": None}
    second = {"a": 2, "b": 2, "c": None, "d": None, "e": [], "f": 1, "g": True, "h": 0.5}
    results = ResearchResults.from_files(write(tmp_path, {1: first, 2: second}))
    assert results.study.settings["parameters"] == ["a", "b", "d", "e", "g"]
    assert results.study.settings["variables"] == ["c", "f", "h", "source"]


def test_who_says_what_is_a_parameter_says_that_all_else_is_none(tmp_path):
    root = write(tmp_path, {1: {"set": {"a": 1, "b": 0.5}, "got": {"x": 1, "y": 0.5}}})
    for roles in ({"parameters": "set"}, {"variables": ["got/*"]}, {"parameters": "set", "variables": "got"}):
        results = ResearchResults.from_files(root, **roles)
        assert list(results.df)[1:] == ["set/a", "set/b", "iteration", "got/x", "got/y", "source"]
    with pytest.raises(FilesError, match="'set/a' is both in `parameters` and in `variables`"):
        ResearchResults.from_files(root, parameters="set", variables="set/a")
    with pytest.raises(
        FilesError, match="`variables` has 'gut/x', which no file holds; did you mean 'got/x'"
    ):
        ResearchResults.from_files(root, variables="gut/x")


def test_equal_parameters_are_repetitions(tmp_path):
    root = write(tmp_path, {i: {"a": i % 2, "x": 0.5} for i in range(4)})
    frame = ResearchResults.from_files(root).to_df(remove_auxilary=False)
    assert frame["repetition"].tolist() == [0, 0, 1, 1]
    assert frame["id"].is_unique


def test_columns_of_every_table_get_an_underscore(tmp_path):
    given = {"id": 3, "iteration": 0.5, "repetition": 1, "source": "s", "config": 1, "name": "n", "value": 1}
    frame = ResearchResults.from_files(write(tmp_path, {1: given})).df
    assert frame.columns.is_unique
    assert {"id_", "iteration_", "repetition_", "source_", "config_", "name", "value"} <= set(frame)


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("conf.yaml", "a: 1\nb: 0.5\nwhen: 2024-02-29\n"),
        ("conf.yml", "{a: 1, b: 0.5, when: 2024-02-29}"),
        ("conf.toml", "a = 1\nb = 0.5\nwhen = 2024-02-29\n"),
    ],
)
def test_yaml_and_toml_are_read(tmp_path, file, text):
    if "y" in file:
        pytest.importorskip("yaml")
    write(tmp_path, {1: text}, file, str)
    (found,) = values_of(ResearchResults.from_files(tmp_path, file))
    assert same(found, {"a": 1, "when": date(2024, 2, 29), "b": 0.5, "source": f"1/{file}"})


def test_yaml_makes_no_objects(tmp_path):
    pytest.importorskip("yaml")
    write(tmp_path, {1: "a: !!python/object/apply:os.getcwd []"}, "conf.yaml", str)
    with pytest.raises(FilesError, match="could not determine a constructor"):
        ResearchResults.from_files(tmp_path, "conf.yaml")


class Trap:
    """Leaves a mark when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (self.path,)


@pytest.mark.parametrize(("file", "kind"), [("conf.pkl", None), ("c.jbl", None), ("c.bin", "pickle")])
def test_what_runs_code_is_read_only_from_those_who_are_trusted(tmp_path, file, kind):
    mark = str(tmp_path / "mark")
    write(tmp_path, {1: Trap(mark)}, file, pickle.dumps)
    with pytest.raises(ValueError, match="runs whatever code is in the file: say `trusted=True`"):
        ResearchResults.from_files(tmp_path, file, loader=kind)
    assert not os.path.exists(mark)


@pytest.mark.parametrize(("file", "module"), [("conf.pkl", "pickle"), ("conf.joblib", "joblib")])
def test_arrays_and_objects_are_variables(tmp_path, file, module):
    dump = pytest.importorskip(module).dump
    given = {"a": 1, "pred": np.arange(3), "f1": np.float64(0.5), "n": np.int64(3), "at": {1: {2}}}
    (tmp_path / "1").mkdir()
    with (tmp_path / "1" / file).open("wb") as out:
        dump(given, out)
    for name in (None, tmp_path / "study"):
        results = ResearchResults.from_files(tmp_path, file, trusted=True, name=name, parameters="a")
        (found,) = values_of(results)
        assert same(dict(sorted(found.items())), dict(sorted({**given, "source": f"1/{file}"}.items())))


def test_a_loader_reads_what_it_likes_and_leaves_out_what_it_does_not(tmp_path):
    write(tmp_path, {1: "a=1", 2: "a=2", 3: "none"}, "log.txt", str)

    def read(path):
        name, _, value = path.read_text().partition("=")
        return {name: int(value)} if value else None

    assert ResearchResults.from_files(tmp_path, "log.txt", loader=read).df["a"].tolist() == [1, 2]
    write(tmp_path, {1: {"b": 5}}, "conf.txt")
    assert ResearchResults.from_files(tmp_path, "conf.txt", loader="json").df["b"].tolist() == [5]
    with pytest.raises(
        ValueError, match=r"the suffix '.txt', which says nothing: say what it is by `loader`"
    ):
        ResearchResults.from_files(tmp_path, "log.txt")
    with pytest.raises(ValueError, match="got 'jason'; did you mean 'json'"):
        ResearchResults.from_files(tmp_path, "log.txt", loader="jason")


def test_keep_is_names_or_a_test_of_files(tmp_path):
    root = write(tmp_path, grid(6))
    assert list(ResearchResults.from_files(root, keep=["f*", "C"]).df)[1:] == [
        "C",
        "iteration",
        "f1",
        "source",
    ]
    kept = ResearchResults.from_files(root, keep=lambda values: values["C"] == 1).df
    assert kept["source"].tolist() == ["2/conf.json"]
    with pytest.raises(FilesError, match="`keep` has 'kernl', which no file holds; did you mean 'kernel'"):
        ResearchResults.from_files(root, keep="kernl")


def test_a_pattern_is_of_names_or_of_paths(tmp_path):
    write(tmp_path, {"a/1": {"n": 1}, "a/b/2": {"n": 2}, "c/3": {"n": 3}})
    write(tmp_path, {"a/1": {"n": 4}}, "other.json")

    def found(pattern):
        return ResearchResults.from_files(tmp_path, pattern).df["n"].tolist()

    assert found("conf.json") == [1, 2, 3]
    assert found("*.json") == [1, 4, 2, 3]
    assert found("*/*/conf.json") == [1, 3]
    assert found("a/**/*.json") == [1, 4, 2]


def test_wrong_folders_patterns_and_files_are_told(tmp_path):
    root = write(tmp_path / "results", {1: {"a": 1}, 2: {"a": 2}})
    with pytest.raises(FilesError, match=r"`root` '.*resluts' does not exist; did you mean 'results'"):
        ResearchResults.from_files(tmp_path / "resluts")
    with pytest.raises(FilesError, match=r"fits `pattern` 'config\.json'; did you mean 'conf\.json'"):
        ResearchResults.from_files(root, "config.json")
    write(root, {3: "[1]", 4: "{"}, dump=str)
    with pytest.raises(FilesError, match=r"3/conf\.json' cannot be read: TypeError: .* nor can 1 more"):
        ResearchResults.from_files(root, name=tmp_path / "study")
    assert not (tmp_path / "study").exists()


def test_loading_again_brings_what_is_new_and_what_has_changed(tmp_path):
    root, name = write(tmp_path / "results", grid(3)), tmp_path / "study"
    before = ResearchResults.from_files(root, name=name).df
    calls = []

    def read(path):
        calls.append(path.parent.name)
        return json.loads(path.read_bytes())

    assert ResearchResults.from_files(root, name=name, loader=read).df.equals(before)
    assert calls == []
    write(root, {1: {"kernel": "linear", "C": 7, "f1": 0.75}, 10: {"kernel": "new", "f1": 0.25, "more": 1}})
    os.utime(root / "1" / "conf.json", (1, 1))
    frame = ResearchResults.from_files(root, name=name, loader=read).df
    assert calls == ["1", "10"]
    assert frame["f1"].tolist() == [0.5, 0.75, 0.52, 0.25]
    assert frame["C"].tolist()[1] == 7
    assert frame["source"].tolist() == [f"{i}/conf.json" for i in (0, 1, 2, 10)]
    assert ResearchResults(name).df.equals(frame)
    assert ResearchResults(name).statuses_to_df()["attempt"].tolist() == [1, 2, 1, 1]


def test_folders_of_any_name_are_known_again(tmp_path):
    root = write(tmp_path / "results", {"ü ": {"a": 1}, os.fsdecode(b"\xff"): {"a": 2}})
    for _ in range(2):
        frame = ResearchResults.from_files(root, name=tmp_path / "study").df
        assert frame["source"].tolist() == ["ü /conf.json", os.fsdecode(b"\xff/conf.json")]


def test_pipes_are_not_waited_for(tmp_path):
    root = write(tmp_path, {1: {"a": 1}, 2: {"a": 2}})
    (root / "2" / "conf.json").unlink()
    os.mkfifo(root / "2" / "conf.json")
    assert ResearchResults.from_files(root).df["a"].tolist() == [1]
    os.unlink(root / "2" / "conf.json")
    os.symlink("nowhere", root / "2" / "conf.json")
    with pytest.raises(FilesError, match=r"2/conf\.json' cannot be read: FileNotFoundError"):
        ResearchResults.from_files(root)


def test_roles_stay_what_they_were(tmp_path):
    root, name = write(tmp_path / "results", {1: {"a": 0.5, "x": 1}}), tmp_path / "study"
    ResearchResults.from_files(root, name=name, parameters="a")
    write(root, {2: {"a": 1, "x": "one", "y": 3}})
    results = ResearchResults.from_files(root, name=name)
    assert results.study.settings["parameters"] == ["a"]
    write(root, {3: {"a": 1}})
    with pytest.raises(FilesError, match="'a' is a parameter of the study that there is"):
        ResearchResults.from_files(root, name=name, variables="a")


def test_other_studies_are_not_added_to(tmp_path):
    root, other = write(tmp_path / "one", {1: {"a": 1}}), write(tmp_path / "two", {1: {"a": 2}})
    ResearchResults.from_files(root, name=tmp_path / "study")
    with pytest.raises(StudyExistsError, match=r"is of the files in '.*one', not of those in '.*two'"):
        ResearchResults.from_files(other, name=tmp_path / "study")
    name = write_study(str(tmp_path / "own"), {1: [2]})
    with pytest.raises(StudyExistsError, match="has not been read from files"):
        ResearchResults.from_files(root, name=name)


def test_a_study_among_its_own_files_reads_itself_as_none(tmp_path):
    root = write(tmp_path, {1: {"a": 1}})
    ResearchResults.from_files(root, name=root / "study")
    write(root / "study", {"experiments": {"a": 5}})
    assert ResearchResults.from_files(root, name=root / "study").df["a"].tolist() == [1]


def test_studies_of_several_roots_are_merged(tmp_path):
    names = []
    for k in range(2):
        root = write(tmp_path / f"root{k}", {1: {"a": k, "x": 0.5}})
        names.append(tmp_path / f"study{k}")
        ResearchResults.from_files(root, name=names[-1])
    assert ResearchResults.merge(names, into=tmp_path / "all").df["a"].tolist() == [0, 1]


@pytest.mark.slow
def test_ten_thousand_folders_keep_every_value_and_only_what_is_new_is_read_again(tmp_path):
    mixed = [0.1, 1, "auto", None, True, 2**70, [1, 2], ""]
    given = {
        i: {"C": mixed[i % 8], "width": i % 7, "f1": i / 3, "path": f"/scratch/{i}"} for i in range(10_000)
    }
    root, name = write(tmp_path / "results", given), tmp_path / "study"
    results = ResearchResults.from_files(root, name=name)
    found = values_of(results)
    assert [item.pop("source") for item in found] == [f"{i}/conf.json" for i in given]
    assert same(
        [dict(sorted(item.items())) for item in found],
        [dict(sorted(item.items())) for item in given.values()],
    )
    assert len(results.select("path", C="auto", width=3)) == len(
        [i for i in given if i % 8 == 2 and i % 7 == 3]
    )
    calls = []

    def read(path):
        calls.append(path.parent.name)
        return json.loads(path.read_bytes())

    write(root, {5: {**given[5], "f1": 0.25}, 10_000: {"C": "new", "f1": 0.5}, "a/b": {"C": 3, "f1": 0.5}})
    os.utime(root / "5" / "conf.json", (1, 1))
    results = ResearchResults.from_files(root, name=name, loader=read)
    assert calls == ["5", "10000", "b"]
    frame = results.select("source", "f1")
    assert len(frame) == 10_002
    assert frame["f1"].tolist()[:7] == [0, 1 / 3, 2 / 3, 1, 4 / 3, 0.25, 2]
    assert frame["source"].tolist()[-2:] == ["10000/conf.json", "a/b/conf.json"]
