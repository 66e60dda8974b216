"""Files of parameters."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from research import Config, Domain, load_domain
from research.errors import ParametersError

PARAMS = """
from dataclasses import dataclass
from research import Parameters

@dataclass
class Params(Parameters):
    model_type: str = "knn"
    seed: int = 0
"""
COMMON = """
from copy import deepcopy

def seed_set(params, seed_count=5):
    seeded = []
    for i in range(seed_count):
        new = deepcopy(params)
        new.name += f"_seed{i}"
        new.seed = i
        seeded.append(new)
    return seeded
"""
SEEDED = """
from params import Params
from params.common import seed_set

def get_params():
    knn = Params(name="test_knn", model_type="knn")
    svm = Params(name="test_svm", model_type="svm")
    return [*seed_set(knn), *seed_set(svm, 3)]
"""
NAMES = [f"test_knn_seed{i}" for i in range(5)] + [f"test_svm_seed{i}" for i in range(3)]


@pytest.fixture(autouse=True)
def forget_modules():
    before, paths = set(sys.modules), list(sys.path)
    yield
    assert sys.path == paths
    for name in set(sys.modules) - before:
        del sys.modules[name]


def write(path, text):
    path = Path(path)
    path.parent.mkdir(exist_ok=True, parents=True)
    path.write_text(text)
    return path


@pytest.fixture
def seeded():
    write("params/__init__.py", PARAMS)
    write("params/common.py", COMMON)
    return write("params/seeded.py", SEEDED)


def names_of(domain):
    return [config["name"] for config in domain]


def test_the_example_with_seeds_gives_its_eight_names(seeded):
    domain = load_domain("params/seeded.py")
    assert names_of(domain) == NAMES
    assert domain[6].to_dict() == {"name": "test_svm_seed1", "model_type": "svm", "seed": 1}


def test_files_use_other_files(seeded):
    write(
        "params/modified.py",
        "from params import seeded\n"
        "def get_params():\n"
        "    sets = seeded.get_params()\n"
        "    sets[0].name = 'modified'\n"
        "    return sets\n",
    )
    assert names_of(load_domain("params/modified")) == ["modified", *NAMES[1:]]
    assert names_of(load_domain("params/seeded.py", "params/modified.py")) == [*NAMES, "modified", *NAMES[1:]]


def test_what_lies_beside_a_file_can_be_imported_from_anywhere(tmp_path, monkeypatch):
    write("deep/values.py", "VALUES = [1, 2]")
    path = write(
        "deep/grid.py", "from values import VALUES\nfrom research import Domain\ndomain = Domain(a=VALUES)"
    )
    assert load_domain(path) == Domain(a=[1, 2])
    write("other/here.txt", "")
    monkeypatch.chdir("other")
    assert load_domain(tmp_path / "deep/grid") == Domain(a=[1, 2])


@pytest.mark.parametrize(
    "text",
    [
        "domain = Domain(a=[1, 2])",
        "domain = {'a': [1, 2]}",
        "domain = [{'a': 1}, {'a': 2}]",
        "def get_params(): return Domain(a=[1, 2])",
        "def get_params(): return ({'a': a} for a in (1, 2))",
        "domain = 5\ndef get_params(): return [{'a': 1}, Config(a=2)]",
    ],
)
def test_what_a_file_may_give(text):
    path = write("file.py", f"from research import Config, Domain\n{text}")
    assert list(load_domain(path)) == [Config(a=1), Config(a=2)]


def test_a_file_is_run_anew_each_time():
    write("file.py", "domain = [{'a': 1}]")
    assert len(load_domain("file.py")) == 1
    write("file.py", "domain = [{'a': 2}]")
    assert load_domain("file.py")[0]["a"] == 2


def test_a_file_takes_no_other_modules_name():
    import json

    write("json.py", "domain = [{'a': 1}]")
    load_domain("json.py")
    assert sys.modules["json"] is json


@pytest.mark.parametrize(
    ("indices", "found"),
    [
        (0, [0]),
        (-1, [7]),
        ("1-3", [1, 2, 3]),
        ("1:3", [1, 2]),
        ("-1", [7]),
        ("::3", [0, 3, 6]),
        ("2::-1", [2, 1, 0]),
        ("0-1,5, 1", [0, 1, 5]),
        (range(2, 8, 5), [2, 7]),
        (range(2, -1, -2), [2, 0]),
        (slice(6, 100), [6, 7]),
        ([0, "4-5", slice(7, None)], [0, 4, 5, 7]),
        ([], []),
    ],
)
def test_indices_choose(seeded, indices, found):
    assert names_of(load_domain(seeded, indices=indices)) == [NAMES[place] for place in found]
    assert names_of(load_domain(seeded, global_indices=indices)) == [NAMES[place] for place in found]


def test_indices_of_each_file_and_of_all(seeded):
    write("params/few.py", "domain = [{'name': 'x'}, {'name': 'y'}]")
    files = ("params/seeded.py", "params/few.py")
    assert names_of(load_domain(*files, indices="0-1")) == [*NAMES[:2], "x", "y"]
    assert names_of(load_domain(*files, indices={"params/few.py": 1})) == [*NAMES, "y"]
    assert names_of(load_domain(*files, indices=[0, 1], global_indices="1-2")) == [NAMES[1], "x"]
    assert names_of(load_domain(*files, global_indices="6-8", names="*e?*")) == NAMES[6:]
    with pytest.raises(ParametersError, match=r"`indices` has 'params/fw\.py'.*mean 'params/few\.py'"):
        load_domain(*files, indices={"params/fw.py": 1})
    assert len(load_domain(files[1], files[1], indices=0)) == 2


def test_names_choose(seeded):
    assert names_of(load_domain(seeded, names=["test_svm_seed0", "test_knn_seed4"])) == NAMES[4:6]
    assert names_of(load_domain(seeded, names="*_seed1")) == [NAMES[1], NAMES[6]]
    with pytest.raises(ParametersError, match="no config is named 'test_swm_seed0'; did you mean"):
        load_domain(seeded, names="test_swm_seed0")


@pytest.mark.parametrize(
    ("indices", "text"),
    [
        (8, "of '.*seeded.py': there is no config number 8, there are 8, from 0 to 7"),
        ("5-8", "there is no config number 8"),
        ("a", "'a' is no index"),
        ("1-", "'1-' is no index"),
        ("2-1", "'2-1' ends before it begins"),
        ("::0", "must not be 0"),
        (range(-2, 0), "a range counts from 0"),
        (1.5, "must be an int, a text such as"),
        (True, "must be an int, a text such as"),
    ],
)
def test_indices_that_make_no_sense(seeded, indices, text):
    with pytest.raises(ParametersError, match=text):
        load_domain(seeded, indices=indices)


def test_large_and_endless_domains_are_cut_without_being_walked():
    text = "from research import Domain\nfrom samplers import NumpySampler\n"
    large = write("large.py", f"{text}domain = Domain(a=range(10**12))")
    assert [config["a"] for config in load_domain(large, indices="7-9")] == [7, 8, 9]
    assert load_domain(large, indices=slice(5, None)).len == 10**12 - 5
    endless = write("endless.py", f"{text}domain = Domain(a=NumpySampler('u'))")
    assert len(load_domain(endless, indices="0:3")) == 3
    with pytest.raises(ParametersError, match="say from where to where"):
        load_domain(endless, indices="3:")
    for path in (large, endless):
        with pytest.raises(ParametersError, match="takes too long"):
            load_domain(path, names="a")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("import nothing_of_this_name", r"cannot be loaded: ModuleNotFoundError: .* \(line 1\)"),
        ("a = 1\nb = = 2", r"cannot be loaded: SyntaxError: .* \(line 2\)"),
        ("\nimport sys\nsys.exit(1)", r"cannot be loaded: SystemExit: 1 \(line 3\)"),
        ("x = 1", r"has neither get_params\(\) nor `domain`: a file of parameters defines"),
        ("def get_parms(): pass", r"nor `domain`; did you mean 'get_parms'"),
        ("get_params = []", "is no function"),
        (
            "def get_params():\n    return 1 / 0",
            r"get_params\(\) of .* raised ZeroDivisionError: .* \(line 2\)",
        ),
        ("def get_params(): pass", "makes no domain: it is NoneType None"),
        ("def get_params(): return {'a': 1}", r"it is dict {'a': 1}: a list was expected, \[params\]"),
        ("def get_params(): return 'text'", "it is str 'text'"),
        ("def get_params(): return [1]", "config number 0 must be a dict"),
        ("domain = 5", "`domain` of .* makes no domain: it is int 5"),
        ("domain = {'a': 1}", "for a single value write"),
        ("def get_params(): return []", "gives no configs: a file of parameters defines"),
        ("domain = []", "gives no configs"),
    ],
)
def test_a_file_that_gives_no_domain_is_named_with_what_was_expected(text, message):
    path = write("params/broken.py", text)
    with pytest.raises(ParametersError, match=message) as caught:
        load_domain(path)
    assert "params/broken.py" in str(caught.value) and "get_params()" in str(caught.value)
    assert "params.broken" not in sys.modules or "cannot be loaded" not in str(caught.value)


def test_files_that_are_not_there(seeded):
    with pytest.raises(
        ParametersError, match=r"'params/seeds\.py' does not exist; did you mean 'seeded\.py'"
    ):
        load_domain("params/seeds")
    with pytest.raises(ParametersError, match="'params' is a folder"):
        load_domain("params")
    write("params.yaml", "a: 1")
    with pytest.raises(ParametersError, match="is no Python file"):
        load_domain("params.yaml")
    with pytest.raises(TypeError, match="needs a file"):
        load_domain()
