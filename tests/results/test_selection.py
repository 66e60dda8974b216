"""Which experiments, variables and iterations are asked for: every filter, and what means nothing."""

from __future__ import annotations

import copy

import numpy as np
import pytest

from research import EC, Alias, Config, ConfigAlias, Domain, E, Experiment, Research
from samplers import NumpySampler
from tests.results.small_studies import run


def relu(x):
    """Return the positive part."""
    return max(x, 0)


SVM = Domain(model=["svm"]) * Domain({Alias("opt/C", "C"): [Alias(1, "one"), 10]})
TREE = Domain(model=["tree"], depth=[2], shape=[[1, 2]], act=[relu], early=[None], array=[np.arange(2)])


@pytest.fixture(scope="module")
def results():
    """Two configs of one model and one of another, run twice, three iterations each."""
    experiment = Experiment().save(E().iteration, "x").save(EC("model"), "end", when="last")
    return run(experiment, SVM + TREE, n_iters=3, n_reps=2)


def shown(frame):
    """Return for each experiment of a table its model, and C where it has one, in their order."""
    rows = frame.drop_duplicates("id").reindex(columns=["model", "opt/C"])
    return [model if C != C else f"{model} {C:g}" for model, C in rows.itertuples(index=False)]


ALL = ["svm 1", "svm 10", "tree"]
SELECTED = [
    ({}, ALL * 2),
    ({"model": "svm"}, ["svm 1", "svm 10"] * 2),
    ({"model": "svm", "opt/C": 10}, ["svm 10"] * 2),
    ({"opt/C": np.int64(10)}, ["svm 10"] * 2),
    ({"opt/C": Alias(10, "ten")}, ["svm 10"] * 2),
    ({"opt/C": 10.0}, []),
    ({"opt/C": True}, []),
    ({"opt/C": "10"}, []),
    ({"opt": {"C": 10}}, ["svm 10"] * 2),
    ({"shape": [1, 2]}, ["tree"] * 2),
    ({"shape": (1, 2)}, []),
    ({"act": relu}, ["tree"] * 2),
    ({"act": max}, []),
    ({"early": None}, ["tree"] * 2),
    ({"array": np.arange(2)}, ["tree"] * 2),
    ({"array": np.arange(3)}, []),
    ({"repetition": 1}, ALL),
    ({"repetition": 1, "model": "tree"}, ["tree"]),
    ({"updates": 0}, ALL * 2),
    ({"updates": 1}, []),
    ({"config": {"model": "svm", "opt/C": 1}}, ["svm 1"] * 2),
    ({"config": {"opt": {"C": 1}}}, ["svm 1"] * 2),
    ({"config": Config({"opt/C": 1})}, ["svm 1"] * 2),
    ({"config": ConfigAlias({Alias("opt/C", "C"): Alias(1, "first")})}, ["svm 1"] * 2),
    ({"config": {"model": "svm"}, "opt/C": 10}, ["svm 10"] * 2),
    ({"config": {}}, ALL * 2),
    ({"alias": {"C": "one"}}, ["svm 1"] * 2),
    ({"alias": {"C": 10}}, ["svm 10"] * 2),
    ({"alias": {"C": 1}}, []),
    ({"alias": {"act": "relu", "model": "tree"}}, ["tree"] * 2),
    ({"alias": {"model": "svm"}, "C": "one"}, ["svm 1"] * 2),
    ({"domain": SVM}, ["svm 1", "svm 10"] * 2),
    ({"domain": TREE}, ["tree"] * 2),
    ({"domain": SVM + TREE}, ALL * 2),
    ({"domain": Domain({"opt/C": [10, 99]}) + Domain(depth=[2])}, ["svm 10", "tree"] * 2),
    ({"domain": Domain({"opt/C": range(2, 3000)}) * Domain(model=["svm"])}, ["svm 10"] * 2),
    ({"domain": {"opt/C": [1]}}, ["svm 1"] * 2),
    ({"domain": Domain(model=["svm"]), "opt/C": 1}, ["svm 1"] * 2),
    ({"domain": Domain()}, []),
    ({"domain": Domain({})}, ALL * 2),
]


@pytest.mark.parametrize(("filters", "expected"), SELECTED)
@pytest.mark.parametrize("pivot", [True, False])
def test_a_filter_takes_the_experiments_it_describes(results, filters, expected, pivot):
    assert shown(results.to_df(pivot=pivot, **filters)) == expected


def test_experiments_are_chosen_by_their_ids(results):
    ids = list(results.configs)
    assert results.to_df(experiment_id=ids[2])["id"].unique().tolist() == [ids[2]]
    assert results.to_df(experiment_id=[ids[4], ids[1]])["id"].unique().tolist() == [ids[1], ids[4]]
    assert results.to_df(experiment_id=set(ids[:3]), model="tree")["id"].unique().tolist() == [ids[2]]
    assert len(results.to_df(experiment_id="0" * 16)) == len(results.to_df(experiment_id=[])) == 0


@pytest.mark.parametrize(
    ("name", "variables", "n_rows"),
    [("x", ["x"], 18), ("end", ["end"], 6), (["x", "end"], ["end", "x"], 18), ("none", [], 0), ([], [], 0)],
)
def test_variables_are_chosen_by_their_names(results, name, variables, n_rows):
    frame = results.to_df(name=name, include_config=False)
    assert sorted(frame.columns[2:]) == variables
    assert len(frame) == n_rows
    assert set(results.to_df(name=name, pivot=False)["name"]) == set(variables)


@pytest.mark.parametrize(
    ("iterations", "expected"),
    [
        (0, [0]),
        (2, [2]),
        ([0, 2], [0, 2]),
        (range(1, 9), [1, 2]),
        ({1}, [1]),
        (np.arange(2), [0, 1]),
        (np.int32(1), [1]),
        (7, []),
        ([], []),
    ],
)
def test_iterations_are_chosen_by_their_numbers(results, iterations, expected):
    frame = results.to_df(iterations=iterations)
    assert frame["iteration"].tolist() == expected * 6
    assert ("end" in frame) == (2 in expected)


def test_filters_of_every_kind_go_together(results):
    frame = results.to_df(
        experiment_id=list(results.configs)[:3],
        name="x",
        iterations=[0, 1],
        config={"model": "svm"},
        repetition=0,
    )
    assert list(frame.columns)[-2:] == ["iteration", "x"]
    assert frame["x"].tolist() == [0, 1, 0, 1]


@pytest.mark.parametrize(
    ("filters", "names"),
    [
        ({"config": {"model": "svm"}, "alias": {"model": "svm"}}, "config and alias"),
        ({"config": {"model": "svm"}, "domain": SVM}, "config and domain"),
        ({"alias": {"model": "svm"}, "domain": SVM}, "alias and domain"),
        ({"config": {}, "alias": {}, "domain": {}}, "config and alias and domain"),
    ],
)
def test_of_config_alias_and_domain_only_one_can_be_given(results, filters, names):
    for ask in (results.to_df, results.load):
        with pytest.raises(ValueError, match=f"one of `config`, `alias` and `domain`, got {names}"):
            ask(**filters)


@pytest.mark.parametrize(
    ("filters", "text"),
    [
        ({"modle": "svm"}, "'modle'; did you mean 'model'"),
        ({"config": {"modle": "svm"}}, "'modle'; did you mean 'model'"),
        ({"config": {"opt": {"c": 1}}}, "'opt/c'; did you mean 'opt/C'"),
        ({"config": {"model": "svm"}, "dept": 2}, "'dept'; did you mean 'depth'"),
        ({"repetitions": 0}, "'repetitions'; did you mean 'repetition'"),
        ({"use_aliases": True}, "'use_aliases'"),
        ({"alias": {"modle": "svm"}}, "'modle'; did you mean 'model'"),
        ({"alias": {"model": "svm"}, "CC": "one"}, "'CC'; did you mean 'C'"),
        ({"domain": Domain(modle=["svm"])}, "'modle'; did you mean 'model'"),
    ],
)
def test_a_parameter_that_no_experiment_has_is_an_error_with_near_matches(results, filters, text):
    with pytest.raises(ValueError, match=f"no experiment has a parameter {text}"):
        results.to_df(**filters)


def test_a_parameter_that_only_some_experiments_have_is_none_the_less_known(results):
    assert len(results.to_df(depth=99)) == 0
    assert len(results.to_df(depth=2, model="svm")) == 0


def test_an_endless_domain_is_no_filter(results):
    with pytest.raises(ValueError, match="finite domain"):
        results.to_df(domain=Domain(depth=NumpySampler("n")))


def test_load_keeps_to_what_it_was_told_until_it_is_told_something_else():
    results = run(Experiment().save(1, "x").save(2, "y"), SVM + TREE)
    assert results.load(model="svm", name="x") is results
    assert shown(results.df) == ["svm 1", "svm 10"]
    assert [config["model"] for config in results.configs.values()] == ["svm", "svm"]
    assert [set(variables) for variables in results.results.values()] == [{"x"}, {"x"}]
    assert len(results.configs_to_df()) == len(results.statuses_to_df()) == 2
    assert shown(results.to_df(**{"opt/C": 1})) == ["svm 1"]
    assert shown(results.to_df(model="tree")) == []
    assert results.to_df(name=["x", "y"]).columns[-1] == "x"
    assert len(results.to_df(iterations=0)) == 2
    assert shown(results.to_df(domain=TREE + SVM)) == [*shown(results.to_df(alias={"C": "one"})), "svm 10"]
    with pytest.raises(ValueError, match="no experiment has a parameter 'modle'"):
        results.to_df(modle="svm")
    assert shown(results.load(model="tree").df) == ["tree"]
    assert [set(variables) for variables in results.results.values()] == [{"x", "y"}]
    assert shown(results.load().df) == ALL


def test_filters_of_load_and_of_a_table_must_both_hold(results):
    ids = list(results.configs)
    kept = copy.copy(results).load(experiment_id=ids[:3], name=["x", "end"], iterations=[0, 2])
    frame = kept.to_df(experiment_id=ids[2:], name=["end", "none"], iterations=[1, 2])
    assert (frame["id"].tolist(), frame["iteration"].tolist()) == ([ids[2]], [2])
    assert list(frame.columns)[-1] == "end"
    assert len(kept.to_df(repetition=1)) == 0


@pytest.mark.parametrize(
    ("filters", "text"),
    [
        ({"config": {"model": "tree"}, "model": "svm"}, "'model' is given twice, in `config` and as"),
        ({"config": {"model": "svm"}, "model": "svm"}, "'model' is given twice, in `config` and as"),
        ({"config": {"opt": {"C": 1}}, "opt/C": 10}, "'opt/C' is given twice, in `config` and as"),
        ({"config": ConfigAlias({"model": "svm"}), "model": "tree"}, "'model' is given twice"),
        ({"alias": {"C": "one"}, "C": "two"}, "'C' is given twice, in `alias` and as a keyword"),
        ({"iterations": -1}, "`iterations` are counted from zero, got -1"),
    ],
)
def test_filters_that_contradict_each_other_or_mean_nothing(results, filters, text):
    for ask in (results.to_df, copy.copy(results).load):
        with pytest.raises(ValueError, match=text):
            ask(**filters)


@pytest.mark.parametrize(
    ("filters", "text"),
    [
        ({"iterations": 1.0}, r"`iterations` must be an int or a list of ints, got 1.0"),
        ({"iterations": True}, r"`iterations` must be .*, got True"),
        ({"iterations": "1"}, r"`iterations` must be .*, got '1'"),
        ({"iterations": [0, "last"]}, r"`iterations` must be .*, got \[0, 'last'\]"),
        ({"iterations": np.array([0.5])}, r"`iterations` must be .*, got array"),
        ({"iterations": {0: 1}}, r"`iterations` must be .*, got {0: 1}"),
        ({"name": 5}, r"`name` must be a str or a list of str, got 5"),
        ({"experiment_id": [1]}, r"`experiment_id` must be a str or a list of str, got \[1\]"),
        ({"config": ["model"]}, r"`config` must be a dict of parameters, got list \['model'\]"),
        ({"config": "model"}, r"`config` must be a dict of parameters, got str 'model'"),
        ({"alias": 5}, r"`alias` must be a dict of parameters, got int 5"),
        ({"domain": [1]}, r"config number 0 must be a dict, got int 1"),
    ],
)
def test_filters_of_another_kind(results, filters, text):
    for ask in (results.to_df, copy.copy(results).load):
        with pytest.raises(TypeError, match=text):
            ask(**filters)


def test_nothing_that_was_passed_in_is_changed(results):
    filters = {
        "experiment_id": list(results.configs),
        "name": ["x", "end"],
        "iterations": [2, 0],
        "config": {"opt": {"C": 1}, "model": "svm"},
    }
    domain = SVM + TREE
    before = copy.deepcopy(filters), repr(domain), domain.len
    results.to_df(**filters, repetition=0)
    results.to_df(domain=domain, alias=None, config=None)
    assert (filters, repr(domain), domain.len) == before


def test_the_walk_of_a_domain_goes_on_where_it_was_after_it_served_as_a_filter(results):
    domain = Domain(model=["svm", "tree"])
    assert next(domain)["model"] == "svm"
    results.to_df(domain=domain)
    assert next(domain)["model"] == "tree"


def test_a_domain_with_samplers_finds_what_a_study_of_any_seed_has_drawn():
    domain = Domain(a=[1, 2, 3]) * Domain(s=NumpySampler("normal"))
    study = Research("study", domain).add_callable("f", lambda s: s, s=EC("s"), save_to="x")
    found = study.run(seed=3, bar=False, parallel=False).results
    assert found.to_df(domain=domain)["a"].tolist() == [1, 2, 3]
    assert found.to_df(domain=domain[1:])["a"].tolist() == [2, 3]
    assert found.to_df(domain=[{"a": 1}, {"a": 3}])["a"].tolist() == [1, 3]
    assert not len(found.to_df(domain=domain.shuffle().set_iter_params(seed=4)))
