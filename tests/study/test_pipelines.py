"""Studies that train and test batchflow's pipelines."""

from __future__ import annotations

import pandas as pd
import pytest
from batchflow import Pipeline

from research import Domain, E, O, Research
from tests.experiment.pipelines import DATA, make_testing, make_training

WAYS = {
    "fork": {"workers": 2, "start_method": "fork"},
    "spawn": {"workers": 2, "start_method": "spawn"},
    "inline": {"parallel": False},
    "branches in threads": {"workers": 2, "branches": 3},
    "branches in turn": {"parallel": False, "branches": 2, "executor_target": "for"},
}


def define(name, with_branch):
    study = Research(name, Domain(alpha=[1e-4, 1e-2, 1.0, 10.0]), n_reps=2)
    if with_branch:
        batches = Pipeline().run_later(20, n_epochs=2, shuffle=3) << DATA
        study.add_pipeline("train", batches, make_training(), variables="accuracy")
    else:
        seed = E().random.integers(2**31).item()
        study.add_pipeline("train", make_training(n_epochs=2), variables="accuracy", seed=seed)
    study.add_pipeline(
        "test", make_testing(), run=True, variables="right", import_from=E("train"), when=[10, "last"]
    )
    return study.save(E("train").m("model").n_updates, "n_updates", when="last")


@pytest.fixture(scope="module", params=[False, True], ids=["whole", "root and branch"])
def expected(request, tmp_path_factory):
    name = str(tmp_path_factory.mktemp("reference") / "study")
    return request.param, define(name, request.param).run(seed=1, bar=False).results.to_df()


@pytest.mark.parametrize("way", WAYS)
def test_results_do_not_depend_on_how_a_study_is_run(way, expected):
    with_branch, reference = expected
    study = define("study", with_branch).run(seed=1, bar=False, **WAYS[way])
    assert study.monitor.exceptions == []
    pd.testing.assert_frame_equal(study.results.to_df(), reference, check_exact=True)


def test_each_experiment_trains_a_model_of_its_own_and_tests_it(expected):
    reference = expected[1]
    assert reference.groupby("id")["accuracy"].count().tolist() == [20] * 8
    assert reference.groupby("id")["n_updates"].max().tolist() == [20] * 8
    assert (
        reference.dropna(subset="right").groupby("id")["iteration"].apply(list).tolist() == [[9, 19, 20]] * 8
    )
    means = reference.groupby("alpha")["accuracy"].mean()
    assert means[1e-4] > 0.9 > 0.7 > means[10.0]


def test_a_loaded_study_has_its_pipelines():
    first = define("study", False).run(seed=1, bar=False)
    second = Research.load("study").run("again", seed=1, bar=False)
    pd.testing.assert_frame_equal(second.results.df, first.results.df, check_exact=True)


def test_the_batch_is_an_output_like_any_other():
    study = Research("study", Domain(alpha=[1.0])).add_pipeline("train", make_training())
    study.save(O("train").x.shape, "shape", when="%0").run(bar=False, n_iters=2)
    assert study.results.df["shape"].tolist() == [(20, 3)]
