"""The same study with the same seed gives the same results, however it is run."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from research import EC, Domain, E, O, Research
from samplers import NumpySampler, ScipySampler

DOMAIN = Domain(a=range(50), b=["x", "y"]) * Domain(s=NumpySampler("normal", loc=3)) + Domain(
    a=range(100), t=ScipySampler("loguniform", a=1e-3, b=1)
)
WAYS = {
    "one worker": {"workers": 1},
    "four workers": {"workers": 4},
    "inline": {"parallel": False},
    "spawn": {"workers": 2, "start_method": "spawn"},
    "in memory": {"workers": 2, "dump_results": False},
    "branches in threads": {"workers": 2, "branches": 3},
    "branches in turn": {"parallel": False, "branches": 3, "executor_target": "for"},
}


def noisy(config, random):
    return config["a"] + sum(value for value in config.values() if isinstance(value, float)) + random.normal()


def run(domain=DOMAIN, name="study", seed=11, **how):
    study = Research(name, domain, n_reps=how.pop("n_reps", 1))
    study.add_callable(noisy, config=EC(), random=E().random, save_to="y")
    return study.run(seed=seed, bar=False, **how)


def frame(study):
    return study.results.to_df(remove_auxilary=False)


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    return frame(run(name=str(tmp_path_factory.mktemp("reference") / "study")))


@pytest.mark.parametrize("way", WAYS)
def test_ids_configs_and_values_do_not_depend_on_how_a_study_is_run(way, reference):
    assert len(reference) == 200
    pd.testing.assert_frame_equal(frame(run(**WAYS[way])), reference, check_exact=True)


def test_another_seed_gives_other_draws_and_other_streams(reference):
    other = frame(run(seed=12))
    assert (other["s"].dropna() != reference["s"].dropna()).all()
    assert not set(other["y"]) & set(reference["y"])


def test_a_recorded_seed_repeats_a_study_that_was_given_none():
    first = run(seed=None, name="first")
    second = run(seed=first.results.study.seed, name="second")
    pd.testing.assert_frame_equal(frame(first), frame(second), check_exact=True)


def test_configs_reached_through_a_larger_domain_keep_ids_draws_and_streams(reference):
    larger = Domain(z=[1, 2]) + Domain(a=range(60), b=["w", "x", "y"]) * Domain(
        s=NumpySampler("normal", loc=3)
    )
    found = frame(run(larger, workers=3)).set_index("id")
    shared = reference[reference["b"].notna()].set_index("id")
    assert set(shared.index) < set(found.index)
    columns = ["a", "b", "s", "repetition", "y"]
    pd.testing.assert_frame_equal(
        found.loc[shared.index, columns], shared[columns], check_exact=True, check_dtype=False
    )


def test_more_repetitions_change_nothing_of_those_that_were_there(reference):
    repeated = frame(run(n_reps=3, workers=2)).set_index("id")
    assert len(repeated) == 600
    first = repeated[repeated["repetition"] == 0]
    np.testing.assert_array_equal(first["y"], reference.set_index("id").loc[first.index, "y"])
    draws = repeated.groupby("a")["s"].nunique()
    assert (draws <= 2).all()  # one for each b: a repetition repeats the draw
    assert repeated["y"].nunique() == 600


def test_equal_configs_run_once_and_the_log_counts_them(tmp_path):
    study = run(Domain(a=[1, 2, 1, 2, 3]) + Domain(a=[3]), workers=2)
    assert sorted(study.results.df["a"]) == [1, 2, 3]
    assert "3 configs were left out" in (tmp_path / "study" / "research.log").read_text()


def test_a_second_pass_is_made_of_experiments_of_its_own():
    study = Research("study", Domain(a=[1, 2]) * Domain(s=NumpySampler("n")), n_configs=4)
    study.add_callable(noisy, config=EC(), random=E().random, save_to="y").run(seed=1, bar=False)
    found = study.results.df
    assert found["a"].tolist() == [1, 2, 1, 2]
    assert found["id"].nunique() == found["s"].nunique() == 4


def test_an_endless_domain_runs_as_many_configs_as_were_asked_for():
    study = Research("study", Domain(s=NumpySampler("n")), n_configs=150, n_reps=2)
    study.add_callable(lambda s: s, s=EC("s"), save_to="y").run(seed=1, bar=False, workers=2)
    found = study.results.df
    assert len(found) == 300
    assert found["y"].nunique() == 150


def test_histories_are_the_same_for_any_number_of_workers():
    def walk(random):
        value = 0.0
        while True:
            value += random.normal()
            yield value

    frames = []
    for workers in (1, 3):
        study = Research(f"walk{workers}", Domain(a=range(7)))
        study.add_generator("walk", walk, random=E().random).save(O("walk"), "x", when=3)
        frames.append(study.run(workers=workers, n_iters=500, seed=3, bar=False).results.df)
    pd.testing.assert_frame_equal(*frames, check_exact=True)
    assert len(frames[0]) == 7 * 166
