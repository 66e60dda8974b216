"""What workers and branches added to an experiment stays what it was, whatever later runs add to others."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from research import EC, Domain, Research, ResearchResults
from research.results.added import describe_added, next_run


def told(config):
    return repr(sorted(config.items()))


def fragile(a):
    if a == 0 and not Path("mended").exists():
        os.kill(os.getpid(), signal.SIGKILL)


def run(values, name="study", n_reps=1, resume=True, **options):
    """Go on with a study of these values of `a`, in which each experiment saves what it was told."""
    study = Research(name, Domain(a=values), n_reps=n_reps).add_callable(told, config=EC(), save_to="told")
    study.add_callable(fragile, a=EC("a"))
    return study.run(resume=resume, seed=1, bar=False, **options)


def shown(name="study"):
    """Return by `a` what the results say that was added; it has to be what units were told."""
    results = ResearchResults(name)
    found = {}
    for id_, config in results.configs.items():
        own = config.to_dict()
        saved = results.results[id_].get("told")
        assert saved is None or saved[0] == told(own)
        found[own.pop("a")] = own
    return found


def test_a_run_with_other_workers_leaves_earlier_experiments_as_they_were():
    run([1, 2], workers=[{"p": "slow", "o": 0}])
    run([1, 2, 3], workers=[{"p": "fast"}])
    run([1, 2, 3, 4], workers=2)
    run([1, 2, 3, 4, 5], branches=[{"p": "branch"}], parallel=False)
    first = {"p": "slow", "o": 0}
    expected = {1: first, 2: first, 3: {"p": "fast"}, 4: {}, 5: {"p": "branch"}}
    assert shown() == expected
    results = ResearchResults("study")
    for value, wanted in (("slow", [1, 2]), ("fast", [3]), ("branch", [5])):
        assert results.to_df(p=value)["a"].tolist() == wanted
    assert results.to_df()["p"].isna().tolist() == [False, False, False, True, False]


@pytest.mark.parametrize("fewer", [1, 2])
def test_workers_and_branches_that_are_no_more_are_known(fewer):
    run(range(1, 9), workers=[{"p": number} for number in range(3)], branches=[{"q": 1}, {"q": 2}])
    before = shown()
    assert {config["q"] for config in before.values()} == {1, 2}
    run(range(1, 11), workers=[{"p": 10 + number} for number in range(fewer)], branches=[{"q": 3}])
    after = shown()
    assert {a: after[a] for a in before} == before
    assert {config["p"] for a, config in after.items() if a not in before} <= {10, 11}
    assert {config["q"] for a, config in after.items() if a not in before} == {3}


def test_an_experiment_that_is_run_again_has_what_the_last_run_added():
    run([0, 1], workers=[{"p": "old"}])
    assert ResearchResults("study").statuses_to_df()["status"].tolist() == ["lost", "done"]
    run([1, 2], workers=[{"p": "new"}])
    assert shown() == {0: {"p": "old"}, 1: {"p": "old"}, 2: {"p": "new"}}
    Path("mended").touch()
    run([0, 1, 2], workers=[{"p": "newest"}])
    assert shown() == {0: {"p": "newest"}, 1: {"p": "old"}, 2: {"p": "new"}}


def test_devices_are_those_of_the_run():
    def devices():
        found = ResearchResults("study").to_df(name="told", remove_auxilary=False)
        return dict(zip(found["a"], found["device"], strict=True))

    run([1], devices=[3], parallel=False)
    run([1, 2], parallel=False)
    run([1, 2, 3], devices=[4, 5], parallel=False)
    assert devices() == {1: "0", 2: None, 3: ["0", "1"]}


def test_groups_of_a_root_are_run_again_with_what_the_new_branches_add():
    def study(n):
        described = Research("study", Domain(a=range(1, n))).add_callable("root", lambda: 1, root=True)
        return described.add_callable(told, config=EC(), save_to="told")

    study(4).run(branches=[{"q": 1}, {"q": 2}], seed=1, bar=False)
    assert shown() == {1: {"q": 1}, 2: {"q": 2}, 3: {"q": 1}}
    study(5).run(branches=[{"q": 3}, {"q": 4}], resume=True, bar=False)
    assert shown() == {1: {"q": 1}, 2: {"q": 2}, 3: {"q": 3}, 4: {"q": 4}}


def test_studies_of_several_runs_are_merged_and_gone_on_with():
    for name, values in (("one", [1, 2]), ("two", [3, 4])):
        run(values[:1], name, workers=[{"p": f"{name} first"}, {"p": f"{name} first"}])
        run(values, name, workers=[{"p": f"{name} second"}], branches=[{"q": name}])
    ResearchResults.merge(["one", "two"], into="all")
    expected = {**shown("one"), **shown("two")}
    assert expected[4] == {"p": "two second", "q": "two"}
    assert shown("all") == expected
    run([1, 2, 3, 4, 5], "all", workers=[{"p": "last"}])
    assert shown("all") == {**expected, 5: {"p": "last"}}
    ResearchResults.merge(["all", "two"], into="twice")
    assert shown("twice") == {**expected, 5: {"p": "last"}}
    run([1, 2, 3, 4, 5, 6], "twice", workers=[{"p": "very last"}])
    assert shown("twice")[6] == {"p": "very last"}


def test_what_two_studies_without_workers_of_their_own_add_is_stored_once():
    run([1], "one", workers=2)
    run([2], "two", workers=3)
    merged = ResearchResults.merge(["one", "two"], into="all")
    assert len(merged.study.settings["added"]) == 1


def test_a_run_like_the_one_before_or_one_that_has_handed_out_nothing_takes_no_room():
    def one(p, first):
        return describe_added([{"p": p}], [], [], [], first)

    runs = next_run([], one("a", 0))
    assert next_run(runs, one("a", 5)) == runs
    runs = next_run(runs, one("b", 5))
    assert [run["first"] for run in runs] == [0, 5]
    assert next_run(runs, one("c", 5)) == [runs[0], one("c", 5)]
    assert next_run(runs, one("a", 5)) == runs[:1]


def test_a_study_of_an_earlier_version_is_read_and_gone_on_with():
    run([1], workers=[{"p": "old"}])
    with closing(sqlite3.connect("study/research.db")) as connection, connection:
        (text,) = connection.execute("SELECT settings FROM studies").fetchone()
        settings = json.loads(text)
        (settings["added"],) = settings["added"]
        del settings["added"]["first"]
        connection.execute("UPDATE studies SET settings = ?", (json.dumps(settings),))
    assert shown() == {1: {"p": "old"}}
    run([1, 2], workers=[{"p": "new"}])
    assert shown() == {1: {"p": "old"}, 2: {"p": "new"}}
