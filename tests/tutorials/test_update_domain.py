"""Several models trained for a short time, the best of them for longer."""

from __future__ import annotations

import pandas as pd
import pytest
from batchflow import C

from research import Domain, E, R, Research
from tests.tutorials.pipelines import DATA, Bayes, Linear, Model, make_testing, make_training

SHORT = Domain(model=[Linear, Bayes], n_epochs=[1])


def best_for_longer(results):
    """Return the model with the highest accuracy, for three epochs."""
    table = results.to_df(pivot=True, use_alias=False)
    model = table.loc[table["accuracy"].idxmax(), "model"]
    return Domain(model=[model], n_epochs=[3])


def define(domain=SHORT):
    study = Research(domain=domain)
    study.add_pipeline(
        "train", make_training(C("model"), n_epochs=C("n_epochs")) << DATA.train, variables="loss"
    )
    study.add_pipeline(
        "test", make_testing() << DATA.test, run=True, import_from=E("train").pipeline, when="last"
    )
    return study.save(E("test").v("metrics").evaluate("accuracy"), "accuracy", when="last")


def told_to_the_study():
    return define().update_domain(best_for_longer, when="%1", results=R())


def told_to_the_domain():
    return define(
        (SHORT + Domain(model=[Model], n_epochs=[9]))[:2].set_update(best_for_longer, "%1", results=R())
    )


@pytest.mark.parametrize("make", [told_to_the_study, told_to_the_domain])
@pytest.mark.parametrize("how", [{"workers": 2}, {"parallel": False}], ids=str)
def test_the_best_of_several_models_is_trained_for_longer(make, how):
    study = make().run(dump_results=False, bar=False, **how)
    assert study.monitor.exceptions == []
    longer = study.results.to_df(updates=1)
    assert longer["model"].unique().tolist() == [Bayes]
    assert longer["loss"].count() == 3 * 6
    assert longer["accuracy"].iloc[-1] > 0.9
    table = study.results.to_df(remove_auxilary=False)
    assert table.groupby("updates")["id"].nunique().to_dict() == {0: 2, 1: 1}


def test_a_study_and_its_domain_say_updates_with_one_result():
    one, other = (
        make().run(dump_results=False, bar=False, seed=1) for make in (told_to_the_study, told_to_the_domain)
    )
    pd.testing.assert_frame_equal(one.results.df, other.results.df, check_exact=True)


def test_times_in_a_list_and_repetitions_of_what_comes_next():
    answers = iter([Domain(n=[4, 5, 6]), None, Domain(n=[7]), None])
    study = Research(domain=Domain(n=[1, 2, 3]), n_reps=2)
    study.save(1, "one").update_domain(lambda: next(answers), when=["%3", "%5", "last"], n_reps=3)
    table = study.run(dump_results=False, bar=False).results.to_df(remove_auxilary=False)
    runs = [f"{n}.{repetition}" for n, repetition in zip(table["n"], table["repetition"], strict=True)]
    assert runs == [
        "1.0",
        "2.0",
        "3.0",
        "1.1",
        *(f"{n}.{repetition}" for repetition in range(3) for n in (4, 5, 6)),
        "7.0",
        "7.1",
        "7.2",
    ]
