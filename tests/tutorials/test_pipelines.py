"""A pipeline that trains, one that tests what it has trained, and their metrics in a table."""

from __future__ import annotations

import pytest
from batchflow import B, C, Pipeline, V
from batchflow.research.utils import get_metrics

from research import Domain, E, O, Research, ResearchResults
from tests.tutorials.pipelines import DATA, Bayes, Linear, Model, make_testing, make_training


def test_a_pipeline_is_run_several_times_and_its_variable_is_saved_after_each_batch():
    study = Research(n_reps=3).add_pipeline(
        "train", make_training(n_epochs=2) << DATA.train, variables="loss"
    )
    table = study.run(n_iters=8, dump_results=False, bar=False).results.to_df(remove_auxilary=False)
    assert table.columns.tolist() == ["id", "repetition", "updates", "device", "iteration", "loss"]
    assert table["repetition"].value_counts().to_dict() == {0: 8, 1: 8, 2: 8}
    assert table["loss"].between(0, 1).all()


def test_batches_without_an_end_last_as_long_as_the_study_says():
    study = Research().add_pipeline(
        "train", make_training(n_epochs=None, drop_last=True) << DATA.train, variables="loss"
    )
    study.save(E("train").m("model").n_batches, "n_batches", when="last")
    study.run(n_iters=20, dump_results=False, bar=False)
    assert study.results.df["n_batches"].tolist()[-1] == len(study.results.df) == 20


def test_models_and_sizes_of_batches_may_be_parameters():
    pipeline = make_training(C("model"), n_epochs=1) << DATA.train
    sized = Pipeline().run_later(C("size"), n_epochs=1) << DATA.train
    study = Research(domain=Domain(model=[Model, Bayes], size=[60, 90]))
    study.add_pipeline("train", pipeline, variables="loss").add_pipeline("other", sized)
    study.save(O("other").size, "n_points")
    study.run(dump_results=False, bar=False)
    table = study.results.df
    assert study.monitor.exceptions == []
    assert table.dropna(subset="n_points").groupby("size")["n_points"].first().to_dict() == {60: 60, 90: 90}
    assert table["model"].unique().tolist() == [Model, Bayes]
    assert study.results.to_df(use_alias=True)["model"].unique().tolist() == ["Model", "Bayes"]


def define(name, **arguments):
    study = Research(name, Domain(model=[Bayes, Linear]))
    study.add_pipeline("train", make_training(C("model"), n_epochs=2) << DATA.train, variables="loss")
    study.add_pipeline("test", make_testing() << DATA.test, run=True, **arguments)
    return study


@pytest.mark.parametrize("source", [E("train"), E("train").pipeline], ids=repr)
def test_metrics_of_a_test_are_saved_every_few_batches_and_at_the_end(source):
    study = define("study", import_from=source, when=[5, "last"])
    study.save(E("test").v("metrics").evaluate("accuracy"), "accuracy", when=[5, "last"])
    study.run(workers=2, bar=False)
    assert study.monitor.exceptions == []
    for model, rows in ResearchResults("study").to_df(use_alias=True).groupby("model"):
        assert rows["loss"].notna().tolist() == [True] * 12 + [False]
        tested = rows.dropna(subset="accuracy")
        assert tested["iteration"].tolist() == [4, 9, 12]
        assert (tested["accuracy"].iloc[-1] > 0.9) == (model == "Bayes")


def test_a_function_of_batchflow_that_takes_the_pipeline_is_a_unit_like_any_other():
    study = define("study", import_from=E("train"), when="last").add_namespace({"get_metrics": get_metrics})
    study.get_metrics(
        pipeline=E("test").pipeline,
        metrics_var="metrics",
        metrics_name=["accuracy", "sensitivity"],
        agg="mean",
        save_to=["accuracy", "sensitivity"],
        when="last",
    )
    table = study.run(dump_results=False, bar=False).results.df.dropna(subset="accuracy")
    assert table["accuracy"].iloc[0] > 0.9 > 0.7 > table["accuracy"].iloc[1]
    assert table["sensitivity"].between(0, 1).all()


def test_what_a_test_predicts_is_saved_whole():
    labels = (
        Pipeline()
        .init_variable("predicted", [])
        .import_model("model", C("import_from"))
        .predict_model("model", B.points, save_to=V("predicted", mode="e"))
        .run_later(20, n_epochs=1, shuffle=False)
        << DATA.test
    )
    study = Research(domain=Domain(degree=[1, 2]))
    study.add_pipeline("train", make_training(n_epochs=1) << DATA.train)
    study.add_pipeline("test", labels, run=True, variables="predicted", import_from=E("train"), when="last")
    study.run(dump_results=False, bar=False)
    (first, second) = study.results.df["predicted"]
    assert len(first) == len(second) == DATA.test.size
    assert set(first) | set(second) <= {0, 1}
