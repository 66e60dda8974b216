"""Everything a study found out: by id, from a folder, in another process, and untouched by reading."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from research import EC, Alias, Config, Domain, E, Experiment, O, Research, ResearchResults
from research.errors import StudyNotFoundError
from research.storage.encoding import Unloaded
from tests.results.small_studies import run, same, saved

NAMES = [
    "plain",
    "a/b",
    "../x",
    "../../etc/passwd",
    "/absolute",
    "..",
    ".",
    "",
    " ",
    "ünïcödé 漢字 😀",
    "'; DROP TABLE latest; --",
    '"double"',
    "back\\slash",
    "%s {0} :name ?",
    "new\nline",
    "nul\0inside",
    "\ud800",
    "\ud83d\ude00",
    "$json:1",
    "CON",
    "x" * 5000,
    "x.y",
    "None",
    "0",
]
DIFFER_LITTLE = ["x", "X", "x ", "é", "e\u0301"]


def tree(folder):
    """Return what lies in a folder, with a digest of each file."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        if path.is_file()
        else None
        for path in Path(folder).rglob("*")
    }


def saving(names, value=lambda number: number):
    """Return an experiment that saves a value under each name."""
    return Experiment().add_callable(
        "f", lambda: {name: value(number) for number, name in enumerate(names)}, save_output_dict=True
    )


def test_values_are_found_by_id_variable_and_iteration():
    experiment = Experiment().save(EC("a") + E().iteration, "x").save("end", "end", when="last")
    results = run(experiment, {"a": [10, 20]}, n_iters=3)
    for name, config in results.configs.items():
        a = config["a"]
        assert results.results[name] == {"x": {0: a, 1: a + 1, 2: a + 2}, "end": {2: "end"}}
    assert list(results.results) == list(results.configs)


def test_an_experiment_that_saved_nothing_is_there_with_nothing():
    results = run(Experiment().add_callable("f", lambda: 1), {"a": [1, 2]})
    assert [results.results[name] for name in results.configs] == [{}, {}]


def test_configs_are_those_of_the_domain_in_its_order():
    domain = Domain({"opt/lr": [0.1], "k": [1, "1", None, (1, [2])]}) + Domain(f=[len], p=[Alias(1, "one")])
    configs = list(run(Experiment(), domain).configs.values())
    assert configs == list(domain)
    assert [config.hash() for config in configs] == [config.hash() for config in domain]
    assert all(type(config) is Config for config in configs)
    assert configs[0]["opt/lr"] == configs[0]["opt"]["lr"] == 0.1
    assert configs[3]["k"] == (1, [2])


def test_the_ids_are_those_that_experiments_have_while_they_run():
    results = run(Experiment().save(E().id, "own"), {"a": [1, 2]}, n_reps=2)
    assert [variables["own"][0] for variables in results.results.values()] == list(results.configs)
    assert len(results.configs) == 4


def test_values_saved_before_a_failure_are_kept_and_the_status_says_what_became_of_it():
    def work(a, i):
        if a == 2 and i == 1:
            raise ValueError("no\0good \ud800")
        return a

    experiment = Experiment().add_callable(work, a=EC("a"), i=E().iteration, save_to="x")
    results = run(experiment, {"a": [1, 2, 3]}, n_iters=3, loglevel="critical")
    assert [list(variables["x"]) for variables in results.results.values()] == [[0, 1, 2], [0], [0, 1, 2]]
    frame = results.statuses_to_df()
    assert frame["id"].tolist() == list(results.configs)
    assert frame["status"].tolist() == ["done", "failed", "done"]
    assert frame["iterations"].tolist() == [3, 2, 3]
    assert frame["error"].isna().tolist() == [True, False, True]
    assert frame["error"][1].startswith("work: ValueError: no")
    assert repr(results) == "<results of 'study': 2 done, 1 failed>"


def test_the_study_is_described():
    study = run(Experiment().save(1, "x"), {"a": [1, 2]}, n_iters=2, seed=11).study
    assert (study.name, study.seed) == ("study", 11)
    assert Domain(a=[1, 2]) == eval(study.domain)
    assert study.settings["n_iters"] == 2


@pytest.mark.parametrize("n_iters", [1, 3])
@pytest.mark.parametrize("dump_results", [True, False])
def test_variables_of_any_name_come_back(n_iters, dump_results):
    names = NAMES + DIFFER_LITTLE
    results = run(saving(names), n_iters=n_iters, dump_results=dump_results)
    expected = {name: dict.fromkeys(range(n_iters), number) for number, name in enumerate(names)}
    assert list(results.results.values()) == [expected]
    frame = results.df
    assert set(frame.columns) == {"id", "iteration", *names}
    assert [frame[name].tolist() for name in names] == [[number] * n_iters for number in range(len(names))]
    assert set(results.to_df(pivot=False)["name"]) == set(names)


@pytest.mark.parametrize("name", NAMES)
def test_a_variable_of_any_name_can_be_asked_for_alone(name):
    results = run(saving([*NAMES, *DIFFER_LITTLE], lambda number: [number]), n_iters=2)
    assert list(results.to_df(name=name).columns) == ["id", "iteration", name]
    assert results.to_df(name=name)[name].tolist() == [[NAMES.index(name)]] * 2


def test_whatever_variables_are_called_nothing_is_written_outside_the_folder_of_the_study(tmp_path):
    large = 2**18  # numbers, so that each gets a file of its own
    run(saving(NAMES[:12], lambda number: np.full(large, float(number))), dump_results=True)
    assert [path.name for path in tmp_path.iterdir()] == ["study"]
    (variables,) = ResearchResults("study").results.values()
    for number, name in enumerate(NAMES[:12]):
        assert same(variables[name][0], np.full(large, float(number)))


@pytest.mark.parametrize("folder", ["nowhere", Path("nowhere"), "empty", "file", "empty/deeper"])
def test_where_there_is_no_study_none_is_found_and_none_is_made(folder, tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("no study")
    before = tree(tmp_path)
    with pytest.raises(StudyNotFoundError, match=f"no study in '{folder}'"):
        ResearchResults(folder)
    assert tree(tmp_path) == before
    assert issubclass(StudyNotFoundError, FileNotFoundError)


def test_a_study_that_has_not_been_run_has_no_results():
    with pytest.raises(StudyNotFoundError, match="'mine' has no results"):
        Research("mine").results


def test_a_study_is_read_by_the_name_or_the_path_of_its_folder(tmp_path):
    saved([1, 2], dump_results=True)
    expected = Research.load("study").results.df
    for name in ("study", Path("study"), tmp_path / "study", str(tmp_path / "study")):
        pd.testing.assert_frame_equal(ResearchResults(name).df, expected)


def test_a_study_in_memory_and_one_in_a_folder_give_the_same():
    experiment = Experiment().add_generator("n", range(3)).save(O("n") * EC("a") + E().random.random(), "x")
    experiment.save([O("n")], "list").save("end", "end", when="last")
    here = run(experiment, {"a": [1, 2.5]}, seed=5)
    there = run(experiment, {"a": [1, 2.5]}, seed=5, dump_results=True)
    assert here.results == there.results
    pd.testing.assert_frame_equal(here.df, there.df)
    pd.testing.assert_frame_equal(here.to_df(pivot=False), there.to_df(pivot=False))


class Trap:
    """Makes a folder when it is unpickled."""

    def __init__(self, name):
        self.name = name

    def __reduce__(self):
        return Path.mkdir, (Path(self.name),)

    def __deepcopy__(self, memo):
        return self  # an experiment gets a copy of its config, and that is no reading


def read_everything(results):
    """Call all that reads."""
    results.results
    results.configs
    results.study
    repr(results)
    results.df.to_string()
    for pivot in (True, False):
        results.to_df(pivot=pivot, use_alias=True, concat_config=True, drop_columns=False)
    results.configs_to_df()
    results.statuses_to_df()
    results.load(name="alone").to_df(iterations=0)


@pytest.mark.parametrize("value", [Trap("alone"), [Trap("alone")], {"k": (Trap("alone"), 1)}])
def test_reading_without_loading_objects_runs_nothing_that_was_stored(value, tmp_path):
    experiment = Experiment().save(value, "alone").save(value, "history").save(np.arange(2), "array")
    experiment.save(1, "n").save(E().id, "text")
    study = Research("study", Domain(p=[Alias(Trap("parameter"), "trap")]) * Domain(f=[len]), experiment)
    study.run(n_iters=2, parallel=False, bar=False)
    before = sorted(path.name for path in tmp_path.iterdir())
    assert before == ["study"]
    read_everything(ResearchResults("study"))
    assert sorted(path.name for path in tmp_path.iterdir()) == before
    (variables,) = ResearchResults("study", load_objects=False).results.values()
    assert {type(item) for name in ("alone", "history") for item in variables[name].values()} == {Unloaded}
    assert same(variables["array"], {0: np.arange(2), 1: np.arange(2)})
    variables["alone"][0].load()
    assert (tmp_path / "alone").is_dir()


def test_reading_changes_nothing_that_is_stored():
    experiment = (
        Experiment().add_generator("n", range(5), save_to="n").save([1], "list").save(np.arange(3), "array")
    )
    run(experiment, {"a": [1, 2], "c": [[1]]}, dump_results=True)
    before = {name: found for name, found in tree("study").items() if not name.endswith(("-wal", "-shm"))}
    results = ResearchResults("study", load_objects=True)
    read_everything(results)
    assert {
        name: found for name, found in tree("study").items() if not name.endswith(("-wal", "-shm"))
    } == before


def test_what_was_read_belongs_to_the_reader():
    results = run(
        Experiment().save([1], "list").save(np.zeros(2), "array").save(5, "n"), {"c": [[1]]}, n_iters=2
    )
    (name,) = results.configs
    before = repr(results.results), repr(results.configs)
    read = results.results
    read[name]["list"][0].append("spoilt")
    read[name]["array"][1][:] = 7
    read[name]["n"][0] = 6
    del read[name]["n"][1]
    results.configs[name]["c"].append("spoilt")
    results.configs.clear()
    assert (repr(results.results), repr(results.configs)) == before


def test_what_a_study_was_given_is_as_it_was():
    parameter = [[1], {"k": [2]}]
    domain = Domain(p=[parameter])
    run(Experiment().add_callable("f", lambda p: p[0].append(0), p=EC("p")).save(EC("p"), "x"), domain)
    assert parameter == [[1], {"k": [2]}]
    assert domain == Domain(p=[[[1], {"k": [2]}]])


WRITER = """
import numpy as np
from research import EC, Domain, O, Research

class Model:
    def __init__(self, n):
        self.n = n
    def twice(self):
        return 2 * self.n

def work(a):
    return Model(a), np.full(2, a), {'loss': a / 2}

study = Research('study', Domain(a=[1, 2], f=[work]))
study.add_callable(work, a=EC('a'), save_to=['m', 'array', 'd'])
study.save(lambda x: x + 1, 'step').run(parallel=False, bar=False)
"""
READER = """
from research import ResearchResults

frame = ResearchResults('study').df
print(frame['a'].tolist(), [array.tolist() for array in frame['array']], frame['m'].map(str).nunique())
for variables in ResearchResults('study', load_objects=True).results.values():
    print(variables['m'][0].twice(), variables['d'][0], variables['step'][0](1))
"""


def python(code):
    """Run a program and return what it prints."""
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout


def test_what_one_program_wrote_another_reads():
    python(WRITER)
    assert python(READER).splitlines() == [
        "[1, 2] [[1, 1], [2, 2]] 1",
        "2 {'loss': 0.5} 2",
        "4 {'loss': 1.0} 2",
    ]
    assert ResearchResults("study").df["a"].tolist() == [1, 2]


LOOKER = """
import time
from research import ResearchResults

results = ResearchResults('study')
until = time.monotonic() + {patience}
while 'x' not in results.df and time.monotonic() < until:
    time.sleep(0.05)
print(results.to_df(a=1)['x'].tolist(), results.statuses_to_df()['status'][0])
"""


@pytest.mark.parametrize(("parallel", "patience"), [(True, 30), (False, 0)], ids=["processes", "inline"])
def test_what_was_dumped_is_read_by_another_process_while_the_study_runs(parallel, patience):
    experiment = Experiment().save(5, "x").dump(when="%0")
    experiment.add_callable("look", python, args=[LOOKER.format(patience=patience)], save_to="seen")
    (variables,) = run(experiment, {"a": [1]}, dump_results=True, parallel=parallel).results.values()
    assert variables["seen"][0].strip() == "[5] running"
