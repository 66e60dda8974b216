"""A study from its definition to its removal."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from research import EC, EP, Alias, Domain, E, Experiment, O, R, Research, ResearchResults, S
from research.errors import StudyError, StudyExistsError, StudyNotFoundError

FILES = {"research.db", "research.log", "research.dill"}


def square(a):
    return a**2


def test_a_study_leaves_its_database_its_log_and_its_definition():
    Research("study", Domain(a=[1, 2])).add_callable(square, a=EC("a"), save_to="b").run(bar=False)
    assert set(os.listdir("study")) == FILES
    assert os.listdir(".") == ["study"]


def test_a_study_may_be_named_anew_when_it_is_run():
    study = Research("one").add_callable("f", lambda: 1, save_to="b").run("other/two", bar=False)
    assert study.name == "other/two"
    assert not Path("one").exists()
    assert study.results.df["b"].tolist() == [1]


def test_whatever_belongs_to_a_study_follows_the_name_that_run_gives_it():
    study = Research("one", Domain(a=[1, 2])).add_callable(
        "note", lambda a, path: (path / "note").write_text("x" * a), a=EC("a"), path=EP(), save_to="b"
    )
    study.run("first", bar=False)
    assert study.run("deep/two", bar=False, env_meta=True) is study
    assert sorted(os.listdir()) == ["deep", "first"]
    assert set(os.listdir("deep/two")) == FILES | {"experiments", "env"}
    assert repr(study).startswith("Research('deep/two', ")
    assert str(study).startswith("Research 'deep/two'\n")
    assert study.results.study.name == study.name == "deep/two"
    assert repr(study.results) == "<results of 'deep/two': 2 done>"
    assert study.results.artifacts_to_df()["size"].tolist() == [1, 2]
    assert study.results.env_meta()
    log = Path("deep/two/research.log").read_text()
    assert "study 'deep/two': seed " in log
    assert "study 'deep/two' ended: {'done': 2}" in log
    assert "deep/two" not in Path("first/research.log").read_text()
    loaded = Research.load("deep/two")
    assert (loaded.name, loaded.results.df["b"].tolist()) == ("deep/two", [1, 2])
    assert study.run("three", bar=False, dump_results=False).results.study.name == "three"
    assert not Path("three").exists()


def test_a_run_that_is_refused_does_not_change_the_name():
    for name, values in (("one", [1]), ("two", [2, 3])):
        study = Research(name, Domain(a=values)).add_callable(square, a=EC("a"), save_to="b").run(bar=False)
    new = Research("new", Domain(a=[4])).add_callable(square, a=EC("a"), save_to="b")
    for described, options in ((study, {}), (new, {}), (new, {"detach": True}), (new, {"seed": -1})):
        name = described.name
        with pytest.raises(ValueError if "seed" in options else StudyExistsError):
            described.run("one", bar=False, **options)
        assert described.name == name
    assert study.results.df["b"].tolist() == [4, 9]
    with pytest.raises(StudyNotFoundError, match="'new' has no results"):
        new.results


@pytest.mark.parametrize(
    ("level", "words"),
    [
        ("debug", {"DEBUG", "INFO", "ERROR"}),
        ("INFO", {"INFO", "ERROR"}),
        (None, {"INFO", "ERROR"}),
        ("error", {"ERROR"}),
        ("critical", set()),
    ],
)
def test_the_log_holds_what_its_level_lets_through(level, words):
    def fail(a):
        return 1 // a

    Research("study", Domain(a=[0, 1])).add_callable(fail, a=EC("a")).run(bar=False, loglevel=level)
    log = Path("study/research.log").read_text()
    levels = {"DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"}
    assert {word for line in log.splitlines() for word in line.split()[2:3] if word in levels} == words


@pytest.mark.parametrize(
    "name", ["a/b", "../outside", "ünïcode ✓", "with space", "a'b\"c", "%41", "x?mode=ro#y"]
)
def test_studies_may_have_any_name(name, tmp_path, monkeypatch):
    inside = tmp_path / "inside"
    inside.mkdir()
    monkeypatch.chdir(inside)
    study = Research(name, Domain(a=[1])).add_callable(square, a=EC("a"), save_to="../../b").run(bar=False)
    assert set(os.listdir(name)) == FILES
    assert ResearchResults(name).df["../../b"].tolist() == [1]
    everything = {path.resolve() for path in tmp_path.rglob("*") if path.is_file()}
    logs_of_sqlite = {(inside / name / f"research.db-{end}").resolve() for end in ("wal", "shm")}
    assert everything - logs_of_sqlite == {(inside / name / file).resolve() for file in FILES}
    assert study.results.study.name == name


def test_a_loaded_study_runs_again_under_another_name():
    first = Research("study", Domain(a=[1, 2, 3]), n_reps=2)
    first.add_callable(square, a=EC("a"), save_to="b").run(bar=False, seed=1)
    second = Research.load("study").run("again", bar=False, seed=1)
    assert second.results.df.equals(first.results.df)


def test_a_study_is_loaded_by_another_program(tmp_path):
    study = Research("study", Domain(a=[1, 2]))
    study.add_callable("f", lambda a: a + 1, a=EC("a"), save_to="b").run(bar=False)
    code = (
        "from research import Research\n"
        "study = Research.load('study')\n"
        "print(study.results.df['b'].tolist())\n"
        "print(study.run('again', bar=False).results.df['b'].tolist())\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[:2] == ["[2, 3]", "[2, 3]"]


def test_a_definition_that_cannot_be_saved_is_said_to_be_missing_and_results_are_whole():
    stream = (n for n in range(100))

    def streamed(a):
        return a + 0 * next(stream)

    Research("study", Domain(a=[1, 2])).add_callable(streamed, a=EC("a"), save_to="b").run(bar=False)
    assert "the definition was not saved" in Path("study/research.log").read_text()
    loaded = Research.load("study")
    assert loaded.results.df["b"].tolist() == [1, 2]
    with pytest.raises(StudyError, match="cannot be run again"):
        loaded.run("again", bar=False)


def test_a_definition_that_holds_much_data_is_not_copied():
    data = np.zeros(10 * 2**20)
    Research("study").add_callable("f", lambda: len(data), save_to="n").run(bar=False)
    assert not Path("study/research.dill").exists()
    assert "more than 64 MiB" in Path("study/research.log").read_text()


def test_a_study_is_removed_when_asked_for(monkeypatch):
    Research("study").add_callable("f", lambda: 1).run(bar=False)
    monkeypatch.setattr("builtins.input", lambda prompt: "n")
    assert Research.remove("study") is False
    assert Path("study/research.db").exists()
    monkeypatch.setattr("builtins.input", lambda prompt: "y")
    assert Research.remove("study") is True
    assert not Path("study").exists()


def test_a_folder_that_is_no_study_is_removed_by_force_only():
    Path("folder").mkdir()
    with pytest.raises(ValueError, match="no study"):
        Research.remove("folder", ask=False)
    Research.remove("folder", ask=False, force=True)
    assert not Path("folder").exists()


def test_results_in_memory_leave_nothing_behind(tmp_path):
    folders = []

    def write(path):
        (path / "file").write_text("x")
        return str(path)

    study = Research("study", Domain(a=[1, 2])).add_callable("write", write, path=EP(), save_to="p")
    study.run(dump_results=False, bar=False, workers=2)
    folders = study.results.df["p"].tolist()
    assert len(set(folders)) == 2
    assert not any(Path(folder).exists() for folder in folders)
    assert os.listdir(tmp_path) == []


def test_each_experiment_has_a_folder_of_its_own_when_it_asks_for_one():
    study = Research("study", Domain(a=[1, 2])).add_callable(
        "f", lambda path: str(path), path=EP(), save_to="p"
    )
    found = study.run(bar=False).results.df
    folder = Path("study/experiments").absolute()
    assert found["p"].tolist() == [str(folder / id_) for id_ in found["id"]]
    assert all(Path(path).is_dir() for path in found["p"])


def test_a_definition_is_a_value_that_several_studies_share():
    experiment = Experiment().add_callable(square, a=EC("a"), save_to="b")
    for name, values in (("one", [1]), ("two", [2, 3])):
        Research(name, Domain(a=values), experiment).run(bar=False)
    assert ResearchResults("one").df["b"].tolist() == [1]
    assert ResearchResults("two").df["b"].tolist() == [4, 9]


def test_a_study_without_a_domain_runs_once_and_one_with_an_empty_domain_never():
    once = Research("once").add_callable("f", lambda: 1, save_to="b").run(bar=False)
    never = Research("never", Domain()).add_callable("f", lambda: 1, save_to="b").run(bar=False, workers=2)
    assert len(once.results.df) == 1
    assert len(never.results.df) == 0


def test_dump_sends_what_is_there_at_once():
    def watch(path):
        results = ResearchResults(path)
        deadline = time.monotonic() + 30
        while not len(found := results.df) and time.monotonic() < deadline:
            time.sleep(0.01)
        return found["first"].tolist()

    study = Research("study").add_callable("first", lambda: 1, save_to="first", dump=1)
    study.add_callable("watch", watch, path=str(Path("study").absolute()), save_to="seen")
    assert study.run(bar=False).results.df["seen"].tolist() == [[1]]


def test_s_saves_values_and_r_is_not_for_units():
    study = Research("study").add_callable("f", lambda storage: storage.update_variable("x", 5), storage=S())
    study.add_callable("g", lambda results: results, results=R())
    study.run(bar=False)
    assert study.results.df["x"].tolist() == [5]
    assert "R() of the unit 'g'" in str(study.monitor.exceptions[0]["exception"])


def test_workers_and_branches_may_have_configs_of_their_own():
    study = Research("study", Domain(a=range(8))).add_callable(
        "f", lambda config: config, config=EC(), save_to="c"
    )
    study.run(workers=[{"w": 0}, {"w": 1}], branches=[{"b": 0}, {"b": 1}], bar=False)
    configs = [value for item in study.results.results.values() for value in item["c"].values()]
    assert [config["a"] for config in configs] == list(range(8))
    assert [config["b"] for config in configs] == [0, 1] * 4
    assert {config["w"] for config in configs} <= {0, 1}
    assert "depends on its worker" in Path("study/research.log").read_text()


def test_root_units_run_once_for_all_branches():
    made = []

    def load():
        made.append(1)
        return len(made)

    study = Research("study", Domain(a=range(6))).add_callable("load", load, root=True, save_to="n")
    study.add_callable("work", lambda a, n: a * n, a=EC("a"), n=O("load"), save_to="b")
    found = study.run(branches=3, parallel=False, bar=False).results.df
    assert found["n"].tolist() == [1, 1, 1, 2, 2, 2]
    assert found["b"].tolist() == [0, 1, 2, 6, 8, 10]


def test_aliases_are_shown_and_do_not_matter_otherwise():
    plain = Research("plain", Domain(a=[1, 2])).add_callable(square, a=EC("a"), save_to="b").run(bar=False)
    aliased = Research("aliased", Domain({Alias("a", "A"): [Alias(1, "one"), 2]}))
    aliased.add_callable(square, a=EC("a"), save_to="b").run(bar=False)
    assert aliased.results.df.equals(plain.results.df)
    assert aliased.results.to_df(use_alias=True)["A"].tolist() == ["one", "2"]


def test_e_gives_the_running_experiment():
    study = Research("study", Domain(a=[5])).add_callable(
        "f", lambda e: (e.id, e.iteration, e.config["a"]), e=E()
    )
    study.save(O("f"), "seen")
    found = study.run(n_iters=2, bar=False).results
    ((id_, variables),) = found.results.items()
    assert variables["seen"] == {0: (id_, 0, 5), 1: (id_, 1, 5)}


def test_a_direct_call_by_name():
    study = Research("study", Domain(a=[2, 3])).add_namespace({"cube": lambda a: a**3})
    assert study.cube(a=EC("a"), save_to="c").run(bar=False).results.df["c"].tolist() == [8, 27]


def test_columns_stand_in_the_order_of_the_domain():
    domain = Domain({"z": [1], "m/b": [2], "a": [{"q": 1, "p": 2}]}) + Domain(k=[1], z=[3])
    study = Research("study", domain).add_callable("f", lambda: 1, save_to="y").run(bar=False)
    assert list(study.results.df) == ["id", "z", "m/b", "a/p", "a/q", "k", "iteration", "y"]


@pytest.mark.parametrize("how", [{"workers": 2}, {"parallel": False}], ids=["processes", "inline"])
def test_units_may_change_the_directory(how, tmp_path, monkeypatch):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()

    def leave(path):
        os.chdir(elsewhere)
        (path / "file").touch()
        return str(path)

    study = Research("study", Domain(a=[1, 2, 3])).add_callable("leave", leave, path=EP(), save_to="p")
    study.run(bar=False, **how)
    assert study.monitor.counts == {"done": 3}
    assert all((Path(path) / "file").exists() for path in study.results.df["p"])
    assert list(elsewhere.iterdir()) == []
