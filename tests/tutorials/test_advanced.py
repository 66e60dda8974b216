"""Batches shared by branches, units of the root, and cross-validation."""

from __future__ import annotations

import pandas as pd
import pytest
from batchflow import C, Pipeline

from research import Domain, E, O, Research
from tests.tutorials.pipelines import DATA, make_dataset, make_testing, make_training

N_BATCHES = 6  # of 30 points, in the part for training


def batches(**run):
    return Pipeline().run_later(30, **{"n_epochs": 1, "shuffle": 4, **run}) << DATA.train


def test_all_branches_of_a_root_get_the_same_batches_and_the_table_has_as_many_rows():
    tables = {}
    for name, arguments, branches in (
        ("whole", (make_training(n_epochs=1) << DATA.train,), 1),
        ("shared", (batches(shuffle=True), make_training()), 4),
    ):
        study = Research(name, Domain(degree=[1, 2]), n_reps=4)
        study.add_pipeline("train", *arguments, variables="loss")
        study.save(O("train").indices.tolist(), "indices")
        study.run(branches=branches, n_iters=N_BATCHES, dump_results=False, bar=False, seed=1)
        assert study.monitor.counts == {"done": 8}
        tables[name] = study.results.to_df(remove_auxilary=False)
    assert len(tables["whole"]) == len(tables["shared"]) == 8 * N_BATCHES
    seen = tables["shared"].groupby("id", sort=False)["indices"].apply(lambda rows: str(list(rows))).tolist()
    assert len(set(seen[:4])) == len(set(seen[4:])) == 1
    assert tables["shared"].groupby("degree")["loss"].last().nunique() == 2


def test_a_function_of_the_root_runs_once_at_the_iteration_it_is_due():
    study = Research(domain=Domain(degree=[1, 2]), n_reps=2)
    study.add_callable("count", lambda calls: calls.append(1) or len(calls), calls=(calls := []), root=True,
                       when="#0", save_to="n_calls")  # fmt: skip
    study.add_pipeline("train", batches(), make_training(), variables="loss")
    study.run(branches=4, n_iters=3, parallel=False, dump_results=False, bar=False)
    table = study.results.df
    assert calls == [1]
    assert table["loss"].notna().sum() == 4 * 3
    assert table.dropna(subset="n_calls")[["iteration", "n_calls"]].to_numpy().tolist() == [[0, 1]] * 4


def test_branches_and_workers_go_together_and_change_nothing():
    def define(name):
        study = Research(name, Domain(degree=[1, 2, 3]), n_reps=2)
        study.add_pipeline("train", batches(), make_training(), variables="loss")
        study.add_pipeline(
            "test", make_testing() << DATA.test, run=True, import_from=E("train").pipeline, when=[3, "last"]
        )
        return study.save(E("test").v("metrics").evaluate("accuracy"), "accuracy", when=[3, "last"])

    one = define("one").run(n_iters=5, dump_results=False, bar=False, seed=1)
    many = define("many").run(n_iters=5, branches=2, workers=2, dump_results=False, bar=False, seed=1)
    assert one.monitor.exceptions == many.monitor.exceptions == []
    pd.testing.assert_frame_equal(one.results.df, many.results.df, check_exact=True)
    assert one.results.df["accuracy"].count() == 6 * 2


def test_a_root_that_runs_as_a_whole_and_branches_are_refused_with_the_way_out():
    with pytest.raises(ValueError, match=r"`run=True` of the pipeline 'test' .* `root \+ branch`"):
        Research().add_pipeline("test", root=batches(), branch=make_testing(), run=True)


def test_a_root_and_a_branch_in_one_run_as_a_whole():
    study = Research(domain=Domain(degree=[2]))
    study.add_pipeline("train", batches(n_epochs=4) + make_training(), variables="loss")
    study.add_pipeline(
        "test", (Pipeline() << DATA.test) + make_testing(), run=True, import_from=E("train"), when="last"
    )
    study.save(E("test").v("metrics").evaluate("accuracy"), "accuracy", when="last")
    study.run(dump_results=False, bar=False)
    assert study.monitor.exceptions == []
    assert study.results.df["accuracy"].iloc[-1] > 0.7


def test_the_fold_of_a_cross_validation_is_a_parameter():
    data = make_dataset()
    data.cv_split(n_splits=3, shuffle=1)
    study = Research(domain=Domain(degree=[1, 2], fold=[0, 1, 2]))
    study.add_pipeline(
        "train", make_training(size=40, n_epochs=3) << data.CV(C("fold")).train, variables="loss"
    )
    study.add_pipeline(
        "test", make_testing() << data.CV(C("fold")).test, run=True, import_from=E("train"), when=[8, "last"]
    )
    study.save(E("test").v("metrics").evaluate("accuracy"), "accuracy", when=[8, "last"])
    study.save(O("train").indices.tolist(), "indices").run(workers=2, dump_results=False, bar=False)
    assert study.monitor.exceptions == []
    learnt = (
        study.results.df.dropna(subset="loss").groupby("fold")["indices"].apply(lambda rows: set(rows.sum()))
    )
    assert [len(part) for part in learnt] == [160] * 3
    assert set.intersection(*learnt) == set()
    table = study.results.to_df(name="accuracy", concat_config=True, drop_columns=False, fold=0)
    assert table["config"].unique().tolist() == ["degree_1-fold_0", "degree_2-fold_0"]
    curves = study.results.to_df(name="accuracy", degree=2).pivot(
        index="iteration", columns="fold", values="accuracy"
    )
    assert curves.columns.tolist() == [0, 1, 2]
    assert (curves.iloc[-1] > 0.7).all()
