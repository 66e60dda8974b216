"""A study that is gone on with is shown, and goes on, as it began."""

from __future__ import annotations

from pathlib import Path

import pytest

from research import EC, Domain, O, Research


def endless(x):
    total = 0
    while True:
        total += x
        yield total


def counting(values):
    study = Research("study", Domain(x=values)).add_generator("endless", endless, x=EC("x"))
    return study.save(O("endless"), "n")


def test_a_study_that_was_loaded_has_as_many_iterations_as_it_had():
    counting([1]).run(n_iters=3, bar=False)
    study = Research.load("study")
    study.domain = Domain(x=[1, 2])
    study.run(bar=False)
    assert study.results.df.groupby("x")["n"].apply(list).to_dict() == {1: [1, 2, 3], 2: [2, 4, 6]}
    assert "what is done stays as it is" not in Path("study/research.log").read_text()


def test_the_log_says_where_a_later_run_has_other_iterations():
    counting([1]).run(n_iters=3, bar=False)
    study = counting([1, 2]).run(n_iters=4, bar=False, resume=True)
    assert study.results.df.groupby("x").size().to_dict() == {1: 3, 2: 4}
    text = "experiments of this run have n_iters=4, those of the run before had n_iters=3: what is done stays"
    assert text in Path("study/research.log").read_text()


@pytest.mark.parametrize("is_loaded", [True, False])
def test_ids_are_shown_as_they_were(is_loaded):
    counting([1, 2]).run(n_iters=1, bar=False, create_id_prefix=True)
    study = Research.load("study") if is_loaded else counting([1, 2])
    study.domain = Domain(x=[1, 2, 3])
    study.run(n_iters=1, bar=False, resume=True)
    shown = study.results.statuses_to_df()["id"].tolist()
    assert [id_.split("_")[0] for id_ in shown] == ["0", "1", "2"]


def study_of(domain):
    return Research("study", domain).add_callable("f", lambda x, b=10: x * b, kwargs=EC(), save_to="y")


def test_a_default_is_shown_of_what_was_done_before_there_was_the_parameter():
    study_of(Domain(x=[1, 2])).run(bar=False)
    study = study_of(Domain(x=[1, 2], b=[10, 20]).with_defaults(b=10))
    study.run(bar=False, resume=True)
    table = study.results.df
    assert sorted(zip(table["x"], table["b"], table["y"], strict=True)) == [
        (1, 10, 10),
        (1, 20, 20),
        (2, 10, 20),
        (2, 20, 40),
    ]
    assert table["b"].dtype.kind == "i"
    assert study.results.to_df(b=10)["y"].tolist() == [10, 20]
    assert study.results.to_df(domain=Domain(b=[10]))["x"].tolist() == [1, 2]
    assert study.results.statuses_to_df()["attempt"].tolist() == [1] * 4


def test_a_default_of_a_part_of_the_domain_is_not_shown_elsewhere():
    domain = Domain(x=[1]).with_defaults(b=10) + Domain(x=[2])
    study = study_of(domain).run(bar=False)
    assert study.results.df["b"].isna().tolist() == [False, True]


def test_a_default_does_not_hide_what_a_config_has_in_its_place():
    def described(domain):
        return Research("study", domain).add_callable("f", abs, args=[EC("x")], save_to="y")

    described(Domain({"m": ["whole"], "x": [1]})).run(bar=False)
    study = described(Domain({"m/lr": [0.1, 0.2], "x": [1]}).with_defaults({"m/lr": 0.1}))
    table = study.run(bar=False, resume=True).results.df
    assert table["m"].tolist()[0] == "whole"
    assert table["m/lr"].isna().tolist() == [True, False, False]


def test_what_was_stopped_before_it_began_was_no_attempt():
    def fail(x):
        raise ValueError(x)

    study = Research("study", Domain(x=range(40))).add_callable("f", fail, x=EC("x"))
    with pytest.raises(Exception, match="max_failures=1"):
        study.run(bar=False, max_failures=1)
    study.run(bar=False, resume=True)
    table = study.results.statuses_to_df()
    assert set(table["status"]) == {"failed"}
    assert set(table["attempt"]) == {1}
