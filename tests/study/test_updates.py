"""Domains that are replaced by what has been found out."""

from __future__ import annotations

import os
import signal
import time

import dill
import pandas as pd
import pytest

from research import EC, Domain, E, R, Research
from research.errors import StudyError
from samplers import NumpySampler


def noisy(x, random):
    return x + random.normal() / 100


def study(name="study", domain=None, **how):
    described = Research(name, Domain(x=[1, 2, 3, 4]) if domain is None else domain, **how)
    return described.add_callable(noisy, x=EC("x"), random=E().random, save_to="y")


def rows(done):
    table = done.results.to_df(remove_auxilary=False)
    return list(zip(table["x"], table["repetition"], table["updates"], strict=True))


class Asked:
    """Remembers what it was asked with, and gives prepared answers."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.seen = []

    def __call__(self, results=None):
        self.seen.append(None if results is None else sorted(results.to_df()["x"].tolist()))
        return self.answers.pop(0) if self.answers else None


def refine(results, width=2.0):
    table = results.to_df()
    generation = table["id"].nunique() // 8
    if generation == 6:
        return None
    best = table.loc[(table["y"] - 3.3).abs().idxmin(), "x"]
    return Domain(x=[best + width * (step - 3.5) / 4**generation for step in range(8)])


@pytest.mark.parametrize(
    "how",
    [
        {"workers": 4},
        {"workers": 3, "start_method": "spawn"},
        {"parallel": False},
        {"workers": 2, "branches": 3},
        {"workers": 2, "dump_results": False},
    ],
    ids=str,
)
def test_refining_gives_the_same_configs_and_values_however_it_is_run(how):
    domain = Domain(x=[float(number) for number in range(8)])
    tables = []
    for name, settings in (("reference", {"workers": 1}), ("other", how)):
        described = study(name, domain).update_domain(refine, 8, results=R())
        tables.append(described.run(seed=1, bar=False, **settings).results.to_df(remove_auxilary=False))
    assert tables[0]["updates"].value_counts().to_dict() == dict.fromkeys(range(6), 8)
    pd.testing.assert_frame_equal(*tables, check_exact=True)


def test_at_a_number_the_rest_of_the_old_domain_is_left_out():
    asked = Asked(Domain(x=[10, 20]))
    done = study().update_domain(asked, "%1", results=R()).run(workers=2, bar=False)
    assert asked.seen == [[1, 2]]
    assert [(x, updates) for x, _, updates in rows(done)] == [(1, 0), (2, 0), (10, 1), (20, 1)]


def test_numbers_go_on_over_all_domains():
    asked = Asked(None, Domain(x=[10, 20, 30, 40]), None, None)
    done = study().update_domain(asked, 2, results=R()).run(workers=2, bar=False)
    assert asked.seen == [[1, 2], [1, 2, 3, 4], [1, 2, 3, 4, 10, 20], [1, 2, 3, 4, 10, 20, 30, 40]]
    assert len(rows(done)) == 8


def test_at_the_end_every_domain_is_followed_until_there_is_none():
    asked = Asked(Domain(x=[5]), Domain(x=[6, 7]), None)
    done = study().update_domain(asked, "last", results=R()).run(workers=2, bar=False)
    assert asked.seen == [[1, 2, 3, 4], [1, 2, 3, 4, 5], [1, 2, 3, 4, 5, 6, 7]]
    assert [x for x, _, _ in rows(done)] == [1, 2, 3, 4, 5, 6, 7]


def test_of_updates_due_together_the_first_that_returns_a_domain_wins():
    silent, first, second = Asked(), Asked(Domain(x=[5])), Asked(Domain(x=[6]))
    described = study().update_domain(silent, 4).update_domain(first, "last").update_domain(second, 4)
    done = described.run(workers=2, bar=False)
    assert [x for x, _, _ in rows(done)] == [1, 2, 3, 4, 5]
    assert (len(silent.seen), len(first.seen), len(second.seen)) == (1, 2, 0)


def test_a_domain_brings_updates_of_its_own_which_are_asked_first():
    silent, first, second = Asked(), Asked(Domain(x=[5])), Asked(Domain(x=[6]))
    domain = Domain(x=[1, 2, 3, 4]).set_update(silent, 4).set_update(first, "last", n_reps=2)
    done = study(domain=domain).update_domain(second, 4).run(workers=2, bar=False)
    assert rows(done)[4:] == [(5, 0, 1), (5, 1, 1)]
    assert (len(silent.seen), len(first.seen), len(second.seen)) == (1, 2, 0)


def test_an_update_of_the_domain_is_asked_as_one_of_the_study_is():
    tables = []
    for name, of_domain in (("one", True), ("two", False)):
        domain = Domain(x=[float(number) for number in range(8)])
        described = study(name, domain.set_update(refine, 8, results=R()) if of_domain else domain)
        described = described if of_domain else described.update_domain(refine, 8, results=R())
        tables.append(described.run(workers=2, seed=1, bar=False).results.to_df(remove_auxilary=False))
    assert tables[0]["updates"].max() == 5
    pd.testing.assert_frame_equal(*tables, check_exact=True)


def test_a_domain_that_replaces_another_brings_no_updates():
    never = Asked(Domain(x=[99]))
    answers = Asked(Domain(x=[5]).set_update(never), Domain(x=[6]).set_update(never)[:])
    done = study(domain=Domain(x=[1]).set_update(answers)).run(workers=2, bar=False)
    assert [(x, updates) for x, _, updates in rows(done)] == [(1, 0), (5, 1), (6, 2)]
    assert never.seen == []


def test_a_study_of_a_view_asks_what_its_origin_was_told():
    asked = Asked(Domain(x=[10]))
    done = study(domain=Domain(x=range(100)).set_update(asked).shard(3, 50)).run(workers=2, bar=False)
    assert [x for x, _, _ in rows(done)] == [3, 53, 10]


def test_workers_that_start_anew_need_no_function_of_the_driver():
    with open(os.devnull) as unpicklable:
        asked = lambda file: Domain(x=[5]) if not asked.__dict__.setdefault("seen", file.closed) else None
        domain = Domain(x=[1, 2]).set_update(asked, 2, file=unpicklable)
        done = study(domain=domain).run(workers=1, bar=False, start_method="spawn")
    assert [x for x, _, _ in rows(done)] == [1, 2, 5]


def test_a_loaded_study_has_the_updates_of_its_domain():
    domain = Domain(x=[float(number) for number in range(8)]).set_update(refine, 8, results=R())
    first = study("first", domain).run(workers=2, seed=1, bar=False)
    again = Research.load("first").run("again", workers=2, seed=1, bar=False)
    pd.testing.assert_frame_equal(first.results.df, again.results.df, check_exact=True)


def test_updates_of_the_domain_are_shown():
    described = study(domain=Domain(x=[1, 2]).set_update(refine, 8, results=R()))
    assert "before updates" in str(described)
    assert "update: refine(results=R()), when=8" in str(described)


def test_what_a_domain_was_told_and_a_study_cannot_read_is_refused_at_once():
    domain = Domain(x=[1, 2]).set_update(refine, "sometimes")
    with pytest.raises(ValueError, match=r"`when` must be a positive int .* got 'sometimes'"):
        Research("study", domain)


def test_functions_and_classes_in_results_are_those_of_the_domain():
    def best(results):
        table = results.to_df()
        return Domain(kind=[table.loc[table["y"].idxmax(), "kind"]], n=[100]) if len(table) == 4 else None

    domain = Domain(kind=[int, float], n=[1]) + Domain(kind=[abs, len], n=[5])
    described = Research("study", domain).add_callable(
        "score", lambda kind, n: n + (kind is abs) * 1, kwargs=EC(), save_to="y"
    )
    done = described.update_domain(best, results=R()).run(workers=2, bar=False)
    assert done.monitor.counts == {"done": 5}
    assert done.results.df["kind"].tolist() == [int, float, abs, len, abs]


def test_objects_that_were_saved_are_open_in_updates():
    seen = []
    described = Research("study", Domain(x=[1])).save({"weights": [1, 2]}, "model")
    described.update_domain(lambda results: seen.extend(results.to_df()["model"]), results=R()).run(bar=False)
    assert seen == [{"weights": [1, 2]}]


def test_what_results_hold_by_name_only_makes_no_domain():
    def again(results):
        return Domain(f=list(results.to_df()["f"]))

    described = Research("study", Domain(f=[lambda x: x * 5]))
    described.add_callable("call", lambda f: f(1), f=EC("f"), save_to="y").update_domain(again, results=R())
    with pytest.raises(
        StudyError, match=r"parameter 'f': <Opaque <lambda>> was read from results, .* put that"
    ):
        described.run(workers=2, bar=False)


def test_a_list_of_times():
    asked = Asked()
    study().update_domain(asked, ["%0", 3, "last"], results=R()).run(parallel=False, bar=False)
    assert asked.seen == [[1], [1, 2, 3], [1, 2, 3, 4]]


def test_how_the_new_domain_is_walked():
    asked = Asked(Domain(x=[5, 6, 7]), Domain(x=[8]))
    described = study(n_reps=2).update_domain(asked, "last", n_items=2, n_reps=3, repeat_each=1)
    done = described.run(workers=2, bar=False)
    assert rows(done)[:8] == [(x, repetition, 0) for repetition in (0, 1) for x in (1, 2, 3, 4)]
    assert rows(done)[8:14] == [(x, repetition, 1) for x in (5, 6) for repetition in range(3)]
    assert len(rows(done)) == 14 + 6


def test_without_waiting_it_is_asked_at_once():
    def slow(x):
        time.sleep(0.5)
        return x

    seen = []

    def extend(results):
        seen.append(len(results.to_df()))
        return Domain(x=[9]) if len(seen) == 1 else None

    described = Research("study", Domain(x=[1, 2])).add_callable(slow, x=EC("x"), save_to="y")
    done = described.update_domain(extend, "last", wait=False, results=R()).run(workers=2, bar=False)
    assert seen[0] < 2
    assert sorted(done.results.df["y"]) == [1, 2, 9]


def test_arguments_may_be_made_of_the_results():
    seen = []

    def look(best, ids, factor):
        seen.append((best, len(ids), factor))

    described = study().update_domain(
        look, "last", best=R().to_df()["x"].max() * 2, ids=[R().configs][0], factor=3
    )
    described.run(parallel=False, bar=False)
    assert seen == [(8, 4, 3)]


def test_an_equal_config_of_another_domain_is_another_experiment_with_another_draw():
    domain = Domain(x=[1, 2]) * Domain(s=NumpySampler("normal"))
    done = study(domain=domain).update_domain(Asked(domain), "last").run(workers=2, bar=False)
    table = done.results.to_df(remove_auxilary=False)
    assert table["x"].tolist() == [1, 2, 1, 2]
    assert table["id"].nunique() == table["s"].nunique() == table["y"].nunique() == 4


def test_experiments_that_fail_or_are_lost_do_not_keep_it_from_being_asked():
    def fragile(x):
        if x == 1:
            raise ValueError("no")
        if x == 2:
            os.kill(os.getpid(), signal.SIGKILL)
        return x

    asked = Asked(Domain(x=[5, 6]))
    described = Research("study", Domain(x=[1, 2, 3])).add_callable(fragile, x=EC("x"), save_to="y")
    done = described.update_domain(asked, "last").run(workers=2, bar=False)
    assert done.monitor.counts == {"done": 3, "failed": 1, "lost": 1}


@pytest.mark.parametrize("start_method", ["fork", "spawn"])
def test_a_worker_that_takes_the_place_of_another_knows_the_new_domain(start_method):
    def fragile(x):
        if x == 11:
            os.kill(os.getpid(), signal.SIGKILL)
        return x

    described = Research("study", Domain(x=[1])).add_callable(fragile, x=EC("x"), save_to="y")
    asked = Asked(Domain(x=range(10, 20)))
    done = described.update_domain(asked, "last").run(workers=1, bar=False, start_method=start_method)
    assert done.monitor.counts == {"done": 10, "lost": 1}
    assert done.results.df["y"].tolist() == [1, 10, *range(12, 20)]


def test_functions_may_be_values_of_new_domains():
    done = (
        Research("study", Domain(f=[abs]))
        .add_callable("call", lambda f: f(-2), f=EC("f"), save_to="y")
        .update_domain(Asked(Domain(f=[lambda x: x * 5, lambda x: x * 7])), "last")
        .run(workers=2, bar=False)
    )
    assert done.results.df["y"].tolist() == [2, -10, -14]


def test_new_parameters_get_columns_of_their_own():
    described = Research("study", Domain(x=[1])).add_callable("f", len, args=[EC()], save_to="n")
    done = described.update_domain(Asked(Domain(x=[2], z=["new"])), "last").run(workers=1, bar=False)
    table = done.results.df
    assert (table["x"].tolist(), table["n"].tolist()) == ([1, 2], [1, 2])
    assert table["z"].isna().tolist() == [True, False]
    assert table["z"][1] == "new"


def test_domains_in_force_are_stored(tmp_path):
    domain = Domain(x=[5]) + Domain(x=[6])
    done = study().update_domain(Asked(domain), "last").run(workers=2, bar=False)
    assert dill.loads((tmp_path / "study" / "domains" / "1.dill").read_bytes()) == domain
    log = (tmp_path / "study" / "research.log").read_text()
    assert f"update 1, after 4 configs: {domain!r}" in log
    assert rows(done)[-1] == (6, 0, 1)


def test_a_loaded_study_updates_its_domain_as_well():
    domain = Domain(x=[float(number) for number in range(8)])
    first = study("first", domain).update_domain(refine, 8, results=R()).run(workers=2, seed=1, bar=False)
    again = Research.load("first").run("again", workers=2, seed=1, bar=False)
    pd.testing.assert_frame_equal(first.results.df, again.results.df, check_exact=True)


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        ([1, 2], r"must return a Domain or None, got list \[1, 2\]"),
        (Domain(y=[1]), "'y'"),
        (Domain(x=[object()]), "parameter 'x'"),
    ],
    ids=["list", "variable", "unstable"],
)
def test_an_answer_that_makes_no_sense_ends_the_study_and_loses_nothing(answer, text):
    described = study().update_domain(Asked(answer), "last")
    with pytest.raises(StudyError, match=f"the update of the domain by .*failed: .*{text}"):
        described.run(workers=2, bar=False)
    assert len(described.results.df) == 4


@pytest.mark.parametrize("first", [Domain(x=[1, 2, 3, 4]), Domain()], ids=["some", "none"])
def test_an_empty_domain_is_the_end(first):
    asked = Asked(*[Domain()] * 10)
    done = study(domain=first).update_domain(asked, "last").run(workers=2, bar=False)
    assert done.monitor.counts == ({"done": 4} if first else {})
    assert len(asked.seen) == 1


def test_a_function_that_raises_ends_the_study_and_loses_nothing():
    described = study().update_domain(lambda: 1 / 0, "last")
    with pytest.raises(StudyError, match=r"lambda.* failed: ZeroDivisionError") as caught:
        described.run(workers=2, bar=False)
    assert isinstance(caught.value.__cause__, ZeroDivisionError)
    assert len(described.results.df) == 4


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        ({"function": None}, TypeError, "`function` must be callable"),
        ({"when": 0}, ValueError, "`when`"),
        ({"when": "%x"}, ValueError, "`when`"),
        ({"n_items": 0}, ValueError, "`n_items`"),
        ({"wait": 1}, TypeError, "`wait` must be a bool"),
    ],
    ids=str,
)
def test_bad_arguments_are_named(arguments, error, text):
    with pytest.raises(error, match=text):
        study().update_domain(**{"function": refine, **arguments})
